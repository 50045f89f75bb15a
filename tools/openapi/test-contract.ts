/** Documents of small contracts that tests write down themselves. */

import type { MessageInitShape } from "@bufbuild/protobuf";
import { type AnyDesc, create, type FileRegistry, setExtension } from "@bufbuild/protobuf";
import { type FieldOptions, FieldOptionsSchema } from "@bufbuild/protobuf/wkt";
import { FieldRulesSchema, field as fieldRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { type FieldBehavior, field_behavior } from "../../gen/google/api/field_behavior_pb.ts";
import { is_secret } from "../../gen/patchbay/v1/options_pb.ts";
import { ReasonSchema } from "../../gen/patchbay/v1/reason_pb.ts";
import { type FileShape, registryOf } from "../../server/test/wire/rest-shapes.ts";
import { createDocument, type DocumentSources } from "./document.ts";
import type { OpenApi, Operation } from "./schema/open-api.ts";

/** A contract and what stands beside it, by the full names of its declarations. */
export interface TestContract extends Omit<FileShape, "package"> {
  readonly comments?: Readonly<Record<string, string>>;
  /** The rules of fields, by `Message.field`. */
  readonly rules?: Readonly<Record<string, MessageInitShape<typeof FieldRulesSchema>>>;
  /** The fields, by `Message.field`, that only go one way. */
  readonly behaviors?: Readonly<Record<string, FieldBehavior>>;
  /** The fields, by `Message.field`, that are not for logs. */
  readonly redacted?: readonly string[];
  readonly examples?: DocumentSources["examples"];
  readonly groups?: DocumentSources["groups"];
  readonly lastGroup?: string;
}

/** The document of a contract in the package `test.v1`. */
export function documentOf(contract: TestContract): OpenApi {
  const {
    comments = {},
    rules = {},
    behaviors = {},
    redacted = [],
    examples = {},
    groups,
    lastGroup,
    ...shape
  } = contract;
  const registry = registryOf({ package: "test.v1", ...shape });
  for (const [name, rule] of Object.entries(rules)) {
    setExtension(optionsOf(registry, name), fieldRules, create(FieldRulesSchema, rule));
  }
  for (const [name, behavior] of Object.entries(behaviors)) {
    setExtension(optionsOf(registry, name), field_behavior, [behavior]);
  }
  for (const name of redacted) setExtension(optionsOf(registry, name), is_secret, true);
  return createDocument({
    title: "Test",
    version: "v1",
    introduction: "",
    registry,
    commentOf: (desc) => comments[nameOf(desc)] ?? REASONS[nameOf(desc)],
    mainPackage: "test.v1",
    reasons: ReasonSchema,
    examples,
    ...(groups && { groups }),
    ...(lastGroup !== undefined && { lastGroup }),
  });
}

/** The operation at a method and path, which is there. */
export function operationAt({ paths }: OpenApi, method: string, path: string): Operation {
  const operation = paths[path]?.[method];
  if (!operation) throw new Error(`no ${method} ${path}; there are ${Object.keys(paths)}`);
  return operation;
}

/** Comments on the real reasons, which are not in their generated code. */
const REASONS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ReasonSchema.values.map(({ name }) => [`patchbay.v1.${name}`, `INTERNAL: the meaning of ${name}.`]),
  ),
  "patchbay.v1.LLM_NOT_FOUND": "NOT_FOUND: there is no such Llm.",
  "patchbay.v1.LLM_ID_TAKEN": "ALREADY_EXISTS: the id is in use.",
  "patchbay.v1.LLM_DUPLICATE": "ALREADY_EXISTS: there is one.",
  "patchbay.v1.ETAG_MISMATCH": "ABORTED: it changed.",
  "patchbay.v1.UPSTREAM_RATE_LIMITED": "RESOURCE_EXHAUSTED: slow down.",
};

function nameOf(desc: AnyDesc): string {
  if (desc.kind === "enum_value") return `${desc.parent.file.proto.package}.${desc.name}`;
  return desc.toString().split(" ").at(-1) ?? "";
}

function optionsOf(registry: FileRegistry, name: string): FieldOptions {
  const [message, field] = name.split(".");
  const found = registry.getMessage(`test.v1.${message}`)?.fields.find((one) => one.name === field);
  if (!found) throw new Error(`no field ${name}`);
  found.proto.options ??= create(FieldOptionsSchema);
  return found.proto.options;
}
