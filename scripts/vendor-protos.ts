/** Lays out under third_party/ the protos that our packages bring, for buf; nothing there is committed. */
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { printProto } from "../server/wire/contract/print-proto.ts";

const GOOGLE = [
  "api/annotations",
  "api/client",
  "api/field_behavior",
  "api/field_info",
  "api/http",
  "api/httpbody",
  "api/launch_stage",
  "api/resource",
  "rpc/code",
  "rpc/error_details",
  "rpc/status",
];

const copies: [from: string, to: string][] = [
  ...GOOGLE.map((name): [string, string] => [
    `google-proto-files/google/${name}.proto`,
    `googleapis/google/${name}.proto`,
  ]),
  ["grpc-health-check/proto/health/v1/health.proto", "grpc/grpc/health/v1/health.proto"],
  ["@grpc/reflection/build/proto/grpc/reflection/v1/reflection.proto", "grpc/grpc/reflection/v1/reflection.proto"],
  [
    "@grpc/reflection/build/proto/grpc/reflection/v1alpha/reflection.proto",
    "grpc/grpc/reflection/v1alpha/reflection.proto",
  ],
];

const root = join(import.meta.dirname, "..");
const target = join(root, "third_party");

rmSync(target, { recursive: true, force: true });
for (const [from, to] of copies) {
  mkdirSync(dirname(join(target, to)), { recursive: true });
  cpSync(join(root, "node_modules", from), join(target, to));
}
const validate = join(target, "protovalidate/buf/validate/validate.proto");
mkdirSync(dirname(validate), { recursive: true });
writeFileSync(validate, printProto(file_buf_validate_validate));
