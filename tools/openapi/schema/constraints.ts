import type { JsonValue } from "@bufbuild/protobuf";
import type { FieldRules, StringRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import type { Schema } from "./open-api.ts";

/**
 * The keywords for what buf.validate asks of one value; none for what JSON Schema cannot say.
 *
 * Rules for 64-bit integers, bytes and the messages with a JSON form of their own are among those: their JSON is text,
 * of which JSON Schema knows the length only. Rules for enums are `enumKeywords`.
 */
export function valueKeywords({ type }: FieldRules): Schema {
  switch (type.case) {
    case "string":
      return stringKeywords(type.value);
    case "int32":
    case "sint32":
    case "sfixed32":
    case "uint32":
    case "fixed32":
    case "float":
    case "double":
      return numberKeywords(type.value);
    default:
      return {};
  }
}

/** The keywords for what buf.validate asks of a list or a map as a whole. */
export function containerKeywords({ type }: FieldRules): Schema {
  switch (type.case) {
    case "repeated":
      return {
        ...unlessZero("minItems", type.value.minItems),
        ...unlessZero("maxItems", type.value.maxItems),
        ...(type.value.unique && { uniqueItems: true }),
      };
    case "map":
      return {
        ...unlessZero("minProperties", type.value.minPairs),
        ...unlessZero("maxProperties", type.value.maxPairs),
        ...(type.value.keys && { propertyNames: valueKeywords(type.value.keys) }),
      };
    default:
      return {};
  }
}

/** The keywords for what buf.validate asks of an enum, whose values have these names in JSON. */
export function enumKeywords({ type }: FieldRules, nameOf: (value: number) => string | undefined): Schema {
  if (type.case !== "enum") return {};
  const names = (values: readonly number[]) => values.map(nameOf).filter((name) => name !== undefined);
  const { in: allowed, notIn: forbidden } = type.value;
  return membership(names(allowed), names(forbidden));
}

/** The formats that JSON Schema has a name for. */
const FORMATS: Partial<Record<NonNullable<StringRules["wellKnown"]["case"]>, string>> = {
  email: "email",
  hostname: "hostname",
  ipv4: "ipv4",
  ipv6: "ipv6",
  uri: "uri",
  uriRef: "uri-reference",
  uuid: "uuid",
};

function stringKeywords(rules: StringRules): Schema {
  const format = rules.wellKnown.case && FORMATS[rules.wellKnown.case];
  // JSON Schema counts characters; none takes less than a byte, so that a limit of bytes is one of characters, too.
  const most = rules.len || rules.maxLen || rules.lenBytes || rules.maxBytes;
  const affixes = [
    rules.prefix && `^${RegExp.escape(rules.prefix)}`,
    rules.contains && RegExp.escape(rules.contains),
    rules.suffix && `${RegExp.escape(rules.suffix)}$`,
  ].filter((pattern) => pattern !== "");
  return {
    ...(format && { format }),
    ...unlessZero("minLength", rules.len || rules.minLen),
    ...unlessZero("maxLength", most),
    ...(rules.pattern && { pattern: rules.pattern }),
    ...(affixes.length > 0 && { allOf: affixes.map((pattern) => ({ pattern })) }),
    ...(rules.const && { const: rules.const }),
    ...membership(rules.in, rules.notIn),
  };
}

type NumberRules = Extract<FieldRules["type"], { case: "int32" | "uint32" | "double" }>["value"];

const LIMITS = { gt: "exclusiveMinimum", gte: "minimum", lt: "exclusiveMaximum", lte: "maximum" } as const;

function numberKeywords({
  greaterThan,
  lessThan,
  in: allowed,
  notIn: forbidden,
}: Omit<NumberRules, "$typeName">): Schema {
  return {
    ...(greaterThan.case && { [LIMITS[greaterThan.case]]: greaterThan.value }),
    ...(lessThan.case && { [LIMITS[lessThan.case]]: lessThan.value }),
    ...membership(allowed, forbidden),
  };
}

function membership(allowed: readonly JsonValue[], forbidden: readonly JsonValue[]): Schema {
  return {
    ...(allowed.length > 0 && { enum: [...allowed] }),
    ...(forbidden.length > 0 && { not: { enum: [...forbidden] } }),
  };
}

function unlessZero(keyword: string, value: bigint): Schema {
  return value === 0n ? {} : { [keyword]: Number(value) };
}
