#!/usr/bin/env bash
# Go's protobuf JSON writes an Any of Empty in a form that JavaScript and Python refuse to read, and refuses a mask of "*".
#
# Seen with google.golang.org/protobuf 1.36.11 (Go), @bufbuild/protobuf 2.17.0 (npm), protobuf 7.36.2 (PyPI). For an Any that
# holds google.protobuf.Empty Go writes a member "value": {}, as for every other well-known type; the other two write the
# "@type" alone, and fail on that member when they read. Go reads both. The FieldMask of one path "*" is read and written
# by the other two, while Go can neither read nor write it as JSON.
# We had guessed that what one library writes of a well-known type the others read. Any of Empty is no rarity: it is the
# response of each finished long-running delete (google.longrunning.Operation), and "*" is what update_mask is told for
# "replace it all" (AIP-134): behind a REST face in Go, the one is unreadable and the other refused.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @bufbuild/protobuf@2.17.0
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check protobuf==7.36.2

cat >messages.json <<'JSON'
[
  ["google.protobuf.Any", "{\"@type\": \"type.googleapis.com/google.protobuf.Empty\"}"],
  ["google.protobuf.Any", "{\"@type\": \"type.googleapis.com/google.protobuf.Empty\", \"value\": {}}"],
  ["google.protobuf.Any", "{\"@type\": \"type.googleapis.com/google.protobuf.Struct\", \"value\": {}}"],
  ["google.protobuf.FieldMask", "\"displayName,labels\""],
  ["google.protobuf.FieldMask", "\"*\""]
]
JSON
cat >read.go <<'GO'
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	_ "google.golang.org/protobuf/types/known/anypb"
	_ "google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	_ "google.golang.org/protobuf/types/known/structpb"
)

func main() {
	text, _ := os.ReadFile("messages.json")
	var messages [][2]string
	if err := json.Unmarshal(text, &messages); err != nil {
		panic(err)
	}
	for _, message := range messages {
		kind, _ := protoregistry.GlobalTypes.FindMessageByName(protoreflect.FullName(message[0]))
		value := kind.New().Interface()
		if protojson.Unmarshal([]byte(message[1]), value) != nil {
			fmt.Printf("Go: %s is refused\n", message[1])
			continue
		}
		written, _ := protojson.Marshal(value)
		var compact bytes.Buffer
		_ = json.Compact(&compact, written)
		fmt.Printf("Go: %s is written as %s\n", message[1], compact.String())
	}
	_, err := protojson.Marshal(&fieldmaskpb.FieldMask{Paths: []string{"*"}})
	fmt.Printf("Go: writing the mask * fails: %t\n", err != nil)
}
GO
cat >go.mod <<'MOD'
module read

go 1.23

require google.golang.org/protobuf v1.36.11
MOD
cat >read.mjs <<'JS'
import { readFileSync } from "node:fs";
import { createRegistry, fromJsonString, toJsonString } from "@bufbuild/protobuf";
import { AnySchema, EmptySchema, FieldMaskSchema, StructSchema } from "@bufbuild/protobuf/wkt";

const registry = createRegistry(AnySchema, EmptySchema, FieldMaskSchema, StructSchema);
for (const [name, text] of JSON.parse(readFileSync("messages.json", "utf8"))) {
  const schema = registry.getMessage(name);
  try {
    const written = toJsonString(schema, fromJsonString(schema, text, { registry }), { registry });
    console.log(`JavaScript: ${text} is written as ${written}`);
  } catch {
    console.log(`JavaScript: ${text} is refused`);
  }
}
JS
cat >read.py <<'PY'
import json
from google.protobuf import any_pb2, empty_pb2, field_mask_pb2, json_format, struct_pb2

kinds = {kind.DESCRIPTOR.full_name: kind for kind in (any_pb2.Any, empty_pb2.Empty, field_mask_pb2.FieldMask, struct_pb2.Struct)}
for name, text in json.load(open("messages.json")):
    try:
        written = json_format.MessageToJson(json_format.Parse(text, kinds[name]()), indent=None)
        print(f"Python: {text} is written as {written.replace(': ', ':').replace(', ', ',')}")
    except json_format.ParseError:
        print(f"Python: {text} is refused")
PY
{
  GOFLAGS=-mod=mod go run read.go
  node read.mjs
  python/bin/python read.py
} | tee seen

diff - seen <<'EXPECTED'
Go: {"@type": "type.googleapis.com/google.protobuf.Empty"} is written as {"@type":"type.googleapis.com/google.protobuf.Empty","value":{}}
Go: {"@type": "type.googleapis.com/google.protobuf.Empty", "value": {}} is written as {"@type":"type.googleapis.com/google.protobuf.Empty","value":{}}
Go: {"@type": "type.googleapis.com/google.protobuf.Struct", "value": {}} is written as {"@type":"type.googleapis.com/google.protobuf.Struct","value":{}}
Go: "displayName,labels" is written as "displayName,labels"
Go: "*" is refused
Go: writing the mask * fails: true
JavaScript: {"@type": "type.googleapis.com/google.protobuf.Empty"} is written as {"@type":"type.googleapis.com/google.protobuf.Empty"}
JavaScript: {"@type": "type.googleapis.com/google.protobuf.Empty", "value": {}} is refused
JavaScript: {"@type": "type.googleapis.com/google.protobuf.Struct", "value": {}} is written as {"value":{},"@type":"type.googleapis.com/google.protobuf.Struct"}
JavaScript: "displayName,labels" is written as "displayName,labels"
JavaScript: "*" is written as "*"
Python: {"@type": "type.googleapis.com/google.protobuf.Empty"} is written as {"@type":"type.googleapis.com/google.protobuf.Empty"}
Python: {"@type": "type.googleapis.com/google.protobuf.Empty", "value": {}} is refused
Python: {"@type": "type.googleapis.com/google.protobuf.Struct", "value": {}} is written as {"@type":"type.googleapis.com/google.protobuf.Struct","value":{}}
Python: "displayName,labels" is written as "displayName,labels"
Python: "*" is written as "*"
EXPECTED
echo "as seen before"
