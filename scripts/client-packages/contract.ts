import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { clearExtension, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type DescriptorProto, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import {
  field as fieldRules,
  file_buf_validate_validate,
  message as messageRules,
  oneof as oneofRules,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

export const ROOT = join(import.meta.dirname, "../..");
const RULES = file_buf_validate_validate.proto.name;

/**
 * Writes the descriptors of patchbay.v1 with all that they import, without the rules of buf.validate: the server checks
 * them, and a client that registers buf/validate/validate.proto would clash with protovalidate's own package.
 */
export function writeContract(file: string): void {
  execFileSync(process.execPath, [join(ROOT, "scripts/vendor-protos.ts")], { stdio: "inherit" });
  const buf = ["build", "proto", "--path", "proto/patchbay", "--as-file-descriptor-set", "-o", file];
  execFileSync(join(ROOT, "node_modules/.bin/buf"), buf, { cwd: ROOT, stdio: "inherit" });
  const set = fromBinary(FileDescriptorSetSchema, readFileSync(file));
  set.file = set.file.filter(({ name }) => name !== RULES);
  for (const proto of set.file) {
    proto.dependency = proto.dependency.filter((imported) => imported !== RULES);
    for (const message of proto.messageType) removeRules(message);
  }
  writeFileSync(file, toBinary(FileDescriptorSetSchema, set));
}

function removeRules({ options, field, oneofDecl, nestedType }: DescriptorProto): void {
  if (options) clearExtension(options, messageRules);
  for (const { options } of field) if (options) clearExtension(options, fieldRules);
  for (const { options } of oneofDecl) if (options) clearExtension(options, oneofRules);
  for (const nested of nestedType) removeRules(nested);
}

/** The version of every package of clients: the server's. */
export function versionOf(): string {
  return JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).version;
}
