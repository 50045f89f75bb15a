/**
 * Writes gen/openapi.json, or the file that is named, and the schema of manifests beside it, from the protos: comments are
 * in them, not in their generated code.
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { getComments } from "@bufbuild/protoplugin";
import { SCHEMAS } from "../client/cli/apply/manifest.ts";
import { DIALECTS } from "../server/service/dialects/dialects.ts";
import { createDocument } from "../tools/openapi/document.ts";
import { EXAMPLES } from "../tools/openapi/examples/examples.ts";
import { createManifestSchema } from "../tools/openapi/manifest-schema.ts";

/** What people come for, in the order in which most of them do. */
const GROUPS: Readonly<Record<string, readonly string[]>> = {
  "Connect LLMs": ["Llm", "Provider", "Route"],
  Chat: ["Chat"],
  "See that they work": ["Ping"],
  "See what it costs": ["Usage", "Budget"],
  "Say who may": ["Access"],
  "See who did what": ["Audit"],
};

const root = join(import.meta.dirname, "..");
const buf = join(root, "node_modules/.bin/buf");
const [target = join(root, "gen/openapi.json")] = process.argv.slice(2);

const image = execFileSync(buf, ["build", "--as-file-descriptor-set", "--output", "-#format=binpb"], {
  cwd: root,
  maxBuffer: 2 ** 26,
});
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, image));
const reasons = registry.getEnum("patchbay.v1.Reason");
if (!reasons) throw new Error("the protos have no patchbay.v1.Reason");

const commentOf = (desc: Parameters<typeof getComments>[0]) => getComments(desc).leading;
const document = createDocument({
  title: "Patchbay",
  version: "v1",
  introduction: readFileSync(join(root, "tools/openapi/introduction.md"), "utf8"),
  registry,
  commentOf,
  mainPackage: "patchbay.v1",
  groups: Object.entries(GROUPS).map(([name, nouns]) => ({
    name,
    services: nouns.map((noun) => `patchbay.v1.${noun}Service`),
  })),
  lastGroup: "Keep clients of other APIs",
  publishedElsewhere: ["dialects.openai.v1.OpenAiService", "dialects.anthropic.v1.AnthropicService"],
  reasons,
  examples: EXAMPLES,
  errorFormats: DIALECTS.flatMap(({ errors }) => errors ?? []),
});
writeFileSync(target, `${JSON.stringify(document, null, 2)}\n`);

const manifests = createManifestSchema({ registry, commentOf, mainPackage: "patchbay.v1", requests: SCHEMAS });
writeFileSync(join(dirname(target), "manifest.schema.json"), `${JSON.stringify(manifests, null, 2)}\n`);
