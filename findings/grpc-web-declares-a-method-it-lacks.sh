#!/usr/bin/env bash
# grpc-web 2.1.1 (npm), gRPC's own client for browsers: its types declare thenableCall on every client, and its JavaScript has
# none. A program that calls it compiles, and then throws a TypeError. unaryCall is there, and takes the same.
#
# What we guessed: that the types of a package and its code are of one release. Fails when that becomes true.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private": true, "type": "commonjs"}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts grpc-web@2.1.1 typescript@5.9.3

cat >program.ts <<'TS'
import { GrpcWebClientBase, type MethodDescriptor } from "grpc-web";

declare const descriptor: MethodDescriptor<object, object>;
const client = new GrpcWebClientBase({ format: "text" });
client.thenableCall("http://127.0.0.1:9/a.B/C", {}, {}, descriptor);
TS
echo "compiling a call of thenableCall:"
npx --no-install tsc --strict --target es2022 --module nodenext --noEmit program.ts && echo "  compiles"

echo "what the client has:"
node -e '
const { GrpcWebClientBase } = require("grpc-web");
const client = new GrpcWebClientBase({ format: "text" });
for (const name of ["thenableCall", "unaryCall", "rpcCall", "serverStreaming"]) console.log(`  ${name}: ${typeof client[name]}`);
if (client.thenableCall !== undefined || typeof client.unaryCall !== "function") {
  console.error("it has changed: thenableCall is there, or unaryCall is not");
  process.exit(1);
}'
