import { type DescEnum, type DescMessage, fromJson, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { protoCamelCase } from "@bufbuild/protobuf/reflect";
import { enumValueOf, hasOwnForm, type ValueType, wrappedScalar } from "../call/fields.ts";

/** Whether values of a type can be written as text in a path or a query. */
export function isParameter(type: ValueType): boolean {
  return type.kind !== "message" || (hasOwnForm(type.message) && type.message.typeName !== "google.protobuf.Any");
}

/**
 * The JSON of a value that a path or a query has as text, or undefined if the text is none of the type's.
 *
 * The text is what proto JSON has between the quotes: so `true` but not `1`, `-5` but not `+5` or `05`, `1.5s` but not
 * `1m`. A FieldMask may also have its paths in the spelling of the proto, and a Struct or a Value is JSON as it stands.
 */
export function readParameter(type: ValueType, text: string): JsonValue | undefined {
  switch (type.kind) {
    case "scalar":
      return readScalar(type.scalar, text);
    case "enum":
      return readEnum(type.enum, text);
    case "message": {
      const scalar = wrappedScalar(type.message);
      return scalar === undefined ? readMessage(type.message, text) : readScalar(scalar, text);
    }
  }
}

const INTEGER = /^-?(0|[1-9]\d{0,19})$/;
const NUMBER = /^(-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?|NaN|-?Infinity)$/;
const BASE64 = /^([A-Za-z0-9+/]*|[A-Za-z0-9_-]*)={0,2}$/;
const DURATION = /^-?\d+(\.\d{1,9})?s$/;
const LARGEST_FLOAT = 3.4028235677973366e38;

function readScalar(scalar: ScalarType, text: string): JsonValue | undefined {
  switch (scalar) {
    case ScalarType.STRING:
      return text;
    case ScalarType.BOOL:
      return text === "true" ? true : text === "false" ? false : undefined;
    case ScalarType.BYTES:
      return BASE64.test(text) && text.replace(/=+$/, "").length % 4 !== 1 ? text : undefined;
    case ScalarType.DOUBLE:
      return readNumber(text, Number.MAX_VALUE);
    case ScalarType.FLOAT:
      return readNumber(text, LARGEST_FLOAT);
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return readInteger(text, -(2n ** 31n), 2n ** 31n);
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return readInteger(text, -(2n ** 63n), 2n ** 63n);
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return readInteger(text, 0n, 2n ** 32n);
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return readInteger(text, 0n, 2n ** 64n);
  }
}

function readNumber(text: string, largest: number): JsonValue | undefined {
  const isInRange = Math.abs(Number(text)) <= largest || /^NaN|^-?I/.test(text);
  return NUMBER.test(text) && isInRange ? text : undefined;
}

function readInteger(text: string, from: bigint, below: bigint): JsonValue | undefined {
  if (!INTEGER.test(text)) return undefined;
  const value = BigInt(text);
  return value >= from && value < below ? text : undefined;
}

function readEnum(desc: DescEnum, text: string): JsonValue | undefined {
  const value = enumValueOf(desc, text);
  if (value !== undefined) return value.name;
  if (readInteger(text, -(2n ** 31n), 2n ** 31n) === undefined) return undefined;
  const number = Number(text);
  return desc.open || desc.value[number] !== undefined ? number : undefined;
}

function readMessage(desc: DescMessage, text: string): JsonValue | undefined {
  const json = messageJson(desc.typeName, text);
  if (json === undefined) return undefined;
  try {
    fromJson(desc, json);
    return json;
  } catch {
    return undefined;
  }
}

function messageJson(typeName: string, text: string): JsonValue | undefined {
  switch (typeName) {
    case "google.protobuf.Timestamp":
      return text;
    case "google.protobuf.Duration":
      return DURATION.test(text) ? text : undefined;
    case "google.protobuf.FieldMask":
      return text.split(",").map(protoCamelCase).join(",");
    default:
      try {
        return JSON.parse(text) as JsonValue;
      } catch {
        return undefined;
      }
  }
}
