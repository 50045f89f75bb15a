#!/usr/bin/env bash
# A deadline of 27.8 hours and more goes out as a number that gRPC does not know, and each server makes of it what it can.
#
# Seen with @connectrpc/connect-node 2.3.0 and @grpc/grpc-js 1.14.7 (npm). gRPC's header has at most eight digits and a unit.
# Connect's gRPC client always writes milliseconds, so that 100,000,000 of them have nine digits. Connect's own server
# refuses that as invalid; grpc-js's server reads the last eight digits: of a deadline of 48 hours 20 are left, of 14 days
# 3, and of 100,000,000 ms nothing. The client of grpc-js changes to seconds in time, and both servers read that.
# We had guessed that the two halves of one library agree on all deadlines that its types take. Watches, batches and
# agents live that long, and a gateway that hands a caller's deadline on does not choose its length.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @connectrpc/connect@2.3.0 @connectrpc/connect-node@2.3.0 \
  @bufbuild/protobuf@2.17.0 @grpc/grpc-js@1.14.7

cat >deadlines.mjs <<'JS'
import { createServer } from "node:http2";
import { create, createFileRegistry } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, file_google_protobuf_wrappers } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { connectNodeAdapter, createGrpcTransport } from "@connectrpc/connect-node";
import grpc from "@grpc/grpc-js";

const text = ".google.protobuf.StringValue";
const file = create(FileDescriptorProtoSchema, {
  name: "clock.proto",
  package: "clock",
  syntax: "proto3",
  dependency: ["google/protobuf/wrappers.proto"],
  service: [{ name: "Clock", method: [{ name: "TimeLeft", inputType: text, outputType: text }] }],
});
const Clock = createFileRegistry(file, () => file_google_protobuf_wrappers.proto).getService("clock.Clock");
const hours = (ms) => `${(ms / 3_600_000).toFixed(1)} h left`;

/** Answers every call with nothing, and keeps the header. */
let header;
const ear = createServer().on("stream", (stream, headers) => {
  header = headers["grpc-timeout"];
  stream.respond({ "content-type": "application/grpc", "grpc-status": "0" }, { endStream: true });
});
const connect = createServer(
  connectNodeAdapter({
    routes: (router) => router.service(Clock, { timeLeft: (_, call) => ({ value: hours(call.timeoutMs()) }) }),
  }),
);
for (const server of [ear, connect]) await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const bytes = (value) => value;
const unary = { path: "/clock.Clock/TimeLeft", requestStream: false, responseStream: false };
const raw = { requestSerialize: bytes, requestDeserialize: bytes, responseSerialize: bytes, responseDeserialize: bytes };
const js = new grpc.Server();
js.addService(
  { timeLeft: { ...unary, ...raw } },
  {
    timeLeft(call, answer) {
      const left = hours(Math.max(0, call.getDeadline() - Date.now()));
      answer(null, Buffer.concat([Buffer.from([10, left.length]), Buffer.from(left)]));
    },
  },
);
const jsPort = await new Promise((resolve, reject) =>
  js.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => (error ? reject(error) : resolve(port))),
);

async function byConnect(port, timeoutMs) {
  const client = createClient(Clock, createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` }));
  return client.timeLeft({ value: "" }, { timeoutMs }).then(({ value }) => value, (error) => error.message);
}

function byGrpcJs(port, timeoutMs) {
  const client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  return new Promise((resolve) =>
    client.makeUnaryRequest(unary.path, bytes, bytes, Buffer.alloc(0), { deadline: Date.now() + timeoutMs }, (error, reply) =>
      resolve(error ? error.message : reply.toString("utf8", 2)),
    ),
  );
}

for (const timeoutMs of [90_000_000, 172_800_000, 1_209_600_000]) {
  for (const [name, call] of Object.entries({ "connect-node": byConnect, "grpc-js": byGrpcJs })) {
    await call(ear.address().port, timeoutMs);
    const told = header.replace(/^8\d{7}m$|^90000000m$/, "eight digits of ms");
    console.log(`${timeoutMs} ms by ${name}, told as ${told}`);
    console.log(`  to connect-node: ${await call(connect.address().port, timeoutMs)}`);
    console.log(`  to grpc-js: ${await call(jsPort, timeoutMs)}`);
  }
}
process.exit();
JS
node deadlines.mjs | tee seen

diff - seen <<'EXPECTED'
90000000 ms by connect-node, told as eight digits of ms
  to connect-node: 25.0 h left
  to grpc-js: 25.0 h left
90000000 ms by grpc-js, told as eight digits of ms
  to connect-node: 25.0 h left
  to grpc-js: 25.0 h left
172800000 ms by connect-node, told as 172800000m
  to connect-node: [invalid_argument] protocol error: invalid grpc timeout value: 172800000m
  to grpc-js: 20.2 h left
172800000 ms by grpc-js, told as 172800S
  to connect-node: 48.0 h left
  to grpc-js: 48.0 h left
1209600000 ms by connect-node, told as 1209600000m
  to connect-node: [invalid_argument] protocol error: invalid grpc timeout value: 1209600000m
  to grpc-js: 2.7 h left
1209600000 ms by grpc-js, told as 1209600S
  to connect-node: 336.0 h left
  to grpc-js: 336.0 h left
EXPECTED
echo "as seen before"
