import type { DescMessage } from "@bufbuild/protobuf";
import { protoCamelCase } from "@bufbuild/protobuf/reflect";
import { type ContextValues, createContextKey } from "@connectrpc/connect";

/** How a caller writes the names of fields: from a path of proto names. */
export type Spelling = (path: string) => string;

/** As JSON has them, and as protos have them. */
export const SPELLINGS = {
  json: protoCamelCase as Spelling,
  proto: ((path) => path) as Spelling,
} as const;

/** How deep names are looked at. */
const DEPTH = 2;

/**
 * How a caller writes, by the JSON of a message or the keys of a query: as the first name is written that JSON and protos
 * write differently. Where there is none, an underscore in a name that no field has tells it as well.
 */
export function spellingIn(desc: DescMessage, json: unknown): Spelling {
  const isProto = writesProtoNames(desc, json, DEPTH) ?? Object.keys(Object(json)).some((name) => name.includes("_"));
  return isProto ? SPELLINGS.proto : SPELLINGS.json;
}

function writesProtoNames({ fields }: DescMessage, json: unknown, depth: number): boolean | undefined {
  if (typeof json !== "object" || json === null || depth === 0) return undefined;
  for (const [name, value] of Object.entries(json)) {
    const field = fields.find((one) => one.name === name || one.jsonName === name);
    if (!field) continue;
    if (field.name !== field.jsonName) return field.name === name;
    const inner = field.fieldKind === "message" && !field.message.typeName.startsWith("google.protobuf.");
    const found = inner ? writesProtoNames(field.message, value, depth - 1) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

const protoNamesKey = createContextKey(false, { description: "whether the caller writes names as protos have them" });

/** Remembers of a call how its caller writes. */
export function noteSpelling(values: ContextValues, spelling: Spelling): void {
  const isProto = spelling === SPELLINGS.proto;
  if (values.get(protoNamesKey) !== isProto) values.set(protoNamesKey, isProto);
}

/** Whether the caller of a call writes names as protos have them. */
export function writesAsProtos(values: ContextValues): boolean {
  return values.get(protoNamesKey);
}
