import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { FieldRulesSchema } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { describe, expect, it } from "vitest";
import { containerKeywords, enumKeywords, valueKeywords } from "./constraints.ts";

type Rules = MessageInitShape<typeof FieldRulesSchema>;
type Type = NonNullable<Rules["type"]>;

const rulesOf = (type: Type) => create(FieldRulesSchema, { type } as Rules);

describe("the keywords of a value", () => {
  it.each<[string, Type, object]>([
    ["lengths", { case: "string", value: { minLen: 1n, maxLen: 5n } }, { minLength: 1, maxLength: 5 }],
    ["one length", { case: "string", value: { len: 5n } }, { minLength: 5, maxLength: 5 }],
    ["bytes, as the most characters", { case: "string", value: { maxBytes: 2048n } }, { maxLength: 2048 }],
    ["a pattern", { case: "string", value: { pattern: "^a$" } }, { pattern: "^a$" }],
    [
      "affixes",
      { case: "string", value: { prefix: "(b", suffix: "]z" } },
      { allOf: [{ pattern: "^\\(b" }, { pattern: "\\]z$" }] },
    ],
    ["a format", { case: "string", value: { wellKnown: { case: "uuid", value: true } } }, { format: "uuid" }],
    ["no format of its own", { case: "string", value: { wellKnown: { case: "tuuid", value: true } } }, {}],
    ["a choice", { case: "string", value: { in: ["a", "b"] } }, { enum: ["a", "b"] }],
    ["an exception", { case: "string", value: { notIn: ["a"] } }, { not: { enum: ["a"] } }],
    [
      "a range",
      { case: "int32", value: { greaterThan: { case: "gte", value: 0 }, lessThan: { case: "lt", value: 9 } } },
      { minimum: 0, exclusiveMaximum: 9 },
    ],
    [
      "an open range",
      { case: "double", value: { greaterThan: { case: "gt", value: 0.5 }, lessThan: { case: "lte", value: 2 } } },
      { exclusiveMinimum: 0.5, maximum: 2 },
    ],
    ["nothing for what JSON has as text", { case: "int64", value: { greaterThan: { case: "gt", value: 1n } } }, {}],
  ])("say %s", (_, type, keywords) => expect(valueKeywords(rulesOf(type))).toEqual(keywords));
});

describe("the keywords of a container", () => {
  it.each<[string, Type, object]>([
    [
      "how many items, each once",
      { case: "repeated", value: { minItems: 1n, maxItems: 3n, unique: true } },
      { minItems: 1, maxItems: 3, uniqueItems: true },
    ],
    ["how many pairs", { case: "map", value: { minPairs: 1n, maxPairs: 3n } }, { minProperties: 1, maxProperties: 3 }],
    [
      "what keys look like",
      { case: "map", value: { keys: { type: { case: "string", value: { maxLen: 63n } } } } },
      { propertyNames: { maxLength: 63 } },
    ],
  ])("say %s", (_, type, keywords) => expect(containerKeywords(rulesOf(type))).toEqual(keywords));
});

describe("the keywords of an enum", () => {
  const nameOf = (value: number) => [undefined, "RED", "BLUE"][value];

  it("name the values that are allowed", () => {
    expect(enumKeywords(rulesOf({ case: "enum", value: { in: [2] } }), nameOf)).toEqual({ enum: ["BLUE"] });
  });

  it("leave out a value that the schema does not have", () => {
    expect(enumKeywords(rulesOf({ case: "enum", value: { notIn: [0] } }), nameOf)).toEqual({});
  });
});
