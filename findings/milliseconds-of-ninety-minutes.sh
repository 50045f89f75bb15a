#!/usr/bin/env bash
# Ninety minutes are 5,400,000 milliseconds to CEL in Go and in Python, and 0 in JavaScript.
#
# Seen with github.com/google/cel-go 0.26.1 (Go), cel-python 0.5.0 (PyPI) and @bufbuild/cel 0.6.1 (npm), which is what
# @bufbuild/protovalidate 1.3.0 evaluates rules with. getMilliseconds of a duration is all of it in Go and Python, and
# what is left beside whole seconds in JavaScript, although getSeconds is all of it there, too. Texts differ as well: of 1.5
# seconds Python keeps "1s", and a double of seven digits is "1.234567e+06", "1234567.0" or "1234567".
# We had guessed that expressions which need no extension mean the same everywhere, as their reason to exist is one rule in
# a proto for every language. A bound that is written with this.getMilliseconds() is another one in a browser or in Node
# than in what stands behind; comparing with duration('0.5s') is right in all three.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @bufbuild/cel@0.6.1 @bufbuild/protobuf@2.17.0
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check cel-python==0.5.0

cat >expressions <<'CEL'
duration('90m').getSeconds()
duration('90m').getMilliseconds()
duration('90m') <= duration('0.5s')
duration('1.5s').getMilliseconds()
string(duration('1.5s'))
string(1234567.0)
CEL
mkdir evaluate
cat >evaluate/main.go <<'GO'
package main

import (
	"bufio"
	"fmt"
	"os"

	"github.com/google/cel-go/cel"
)

func main() {
	env, err := cel.NewEnv()
	if err != nil {
		panic(err)
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		ast, issues := env.Compile(lines.Text())
		if issues.Err() != nil {
			panic(issues.Err())
		}
		program, err := env.Program(ast)
		if err != nil {
			panic(err)
		}
		value, _, err := program.Eval(map[string]any{})
		if err != nil {
			panic(err)
		}
		fmt.Printf("Go: %s is %v\n", lines.Text(), value.Value())
	}
}
GO
cat >evaluate/go.mod <<'MOD'
module evaluate

go 1.23.0

require github.com/google/cel-go v0.26.1
MOD
cat >evaluate.py <<'PY'
import celpy

environment = celpy.Environment()
for line in open("expressions").read().splitlines():
    value = environment.program(environment.compile(line)).evaluate({})
    print(f"Python: {line} is {value}")
PY
cat >evaluate.mjs <<'JS'
import { readFileSync } from "node:fs";
import { celEnv, parse, plan } from "@bufbuild/cel";

const environment = celEnv();
for (const line of readFileSync("expressions", "utf8").trim().split("\n")) {
  console.log(`JavaScript: ${line} is ${plan(environment, parse(line))({})}`);
}
JS
{
  (cd evaluate && GOFLAGS=-mod=mod go run . <../expressions)
  python/bin/python evaluate.py
  node evaluate.mjs
} | tee seen

diff - seen <<'EXPECTED'
Go: duration('90m').getSeconds() is 5400
Go: duration('90m').getMilliseconds() is 5400000
Go: duration('90m') <= duration('0.5s') is false
Go: duration('1.5s').getMilliseconds() is 1500
Go: string(duration('1.5s')) is 1.5s
Go: string(1234567.0) is 1.234567e+06
Python: duration('90m').getSeconds() is 5400
Python: duration('90m').getMilliseconds() is 5400000
Python: duration('90m') <= duration('0.5s') is False
Python: duration('1.5s').getMilliseconds() is 1500
Python: string(duration('1.5s')) is 1s
Python: string(1234567.0) is 1234567.0
JavaScript: duration('90m').getSeconds() is 5400
JavaScript: duration('90m').getMilliseconds() is 0
JavaScript: duration('90m') <= duration('0.5s') is false
JavaScript: duration('1.5s').getMilliseconds() is 500
JavaScript: string(duration('1.5s')) is 1.500s
JavaScript: string(1234567.0) is 1234567
EXPECTED
echo "as seen before"
