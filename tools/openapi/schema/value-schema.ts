import { type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { wrappedScalar } from "../../../server/wire/call/fields.ts";
import type { Schema } from "./open-api.ts";

/** The JSON of a scalar: 64-bit integers are text, because a JavaScript number cannot hold them. */
export function scalarSchema(scalar: ScalarType): Schema {
  return SCALARS[scalar];
}

/** The JSON of a message that has a form of its own, such as google.protobuf.Timestamp; undefined for other messages. */
export function ownFormSchema(desc: DescMessage): Schema | undefined {
  const scalar = wrappedScalar(desc);
  if (scalar === undefined) return OWN_FORMS[desc.typeName];
  const schema = scalarSchema(scalar);
  return { ...schema, type: [schema.type as string, "null"] };
}

const INT32: Schema = { type: "integer", format: "int32" };
const UINT32: Schema = { type: "integer", format: "uint32", minimum: 0 };
const INT64: Schema = { type: "string", format: "int64" };
const UINT64: Schema = { type: "string", format: "uint64" };

const SCALARS: Readonly<Record<ScalarType, Schema>> = {
  [ScalarType.BOOL]: { type: "boolean" },
  [ScalarType.BYTES]: { type: "string", contentEncoding: "base64" },
  [ScalarType.DOUBLE]: { type: "number", format: "double" },
  [ScalarType.FIXED32]: UINT32,
  [ScalarType.FIXED64]: UINT64,
  [ScalarType.FLOAT]: { type: "number", format: "float" },
  [ScalarType.INT32]: INT32,
  [ScalarType.INT64]: INT64,
  [ScalarType.SFIXED32]: INT32,
  [ScalarType.SFIXED64]: INT64,
  [ScalarType.SINT32]: INT32,
  [ScalarType.SINT64]: INT64,
  [ScalarType.STRING]: { type: "string" },
  [ScalarType.UINT32]: UINT32,
  [ScalarType.UINT64]: UINT64,
};

const OWN_FORMS: Readonly<Record<string, Schema>> = {
  "google.protobuf.Any": {
    type: "object",
    properties: { "@type": { type: "string", description: "The type of the message." } },
    required: ["@type"],
    additionalProperties: true,
  },
  "google.protobuf.Duration": { type: "string", pattern: String.raw`^-?\d+(\.\d{1,9})?s$`, examples: ["1.5s"] },
  "google.protobuf.FieldMask": { type: "string", examples: ["displayName,labels"] },
  "google.protobuf.ListValue": { type: "array", items: {} },
  "google.protobuf.Struct": { type: "object", additionalProperties: true },
  "google.protobuf.Timestamp": { type: "string", format: "date-time" },
  "google.protobuf.Value": {},
};
