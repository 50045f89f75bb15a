import { create, type DescMessage, fromBinary, fromJson, toBinary } from "@bufbuild/protobuf";
import { StructSchema, ValueSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { registryOf } from "../../test/wire/rest-shapes.ts";
import { findUnstorable } from "./validate.ts";

const Thing = registryOf({
  package: "test",
  messages: {
    Thing: {
      text: "string",
      optional: "optional string",
      texts: "repeated string",
      labels: "map<string, string>",
      numbered: "map<int32, string>",
      raw: "bytes",
      count: "int64",
      inner: "Thing",
      inners: "repeated Thing",
      by_name: "map<string, Thing>",
      struct: "google.protobuf.Struct",
      structs: "repeated google.protobuf.Struct",
      value: "google.protobuf.Value",
      list: "google.protobuf.ListValue",
      wrapped: "google.protobuf.StringValue",
      wrapped_all: "repeated google.protobuf.StringValue",
      mask: "google.protobuf.FieldMask",
      chosen: "string",
      other: "Thing",
      other_struct: "google.protobuf.Struct",
    },
  },
  oneofs: { Thing: { choice: ["chosen", "other", "other_struct"] } },
}).getMessage("test.Thing") as DescMessage;

const NUL = "must not hold the character U+0000";
const HALF = "must not hold half of a surrogate pair, which is no character";
const NUMBER = "must be a finite number";

describe("findUnstorable", () => {
  it.each([
    { json: { text: "a\0" }, field: "text", description: NUL },
    // Those of other texts are found by protobuf-es.
    { json: { struct: { a: "\ud83d" } }, field: 'struct["a"]', description: HALF },
    { json: { optional: "\0" }, field: "optional", description: NUL },
    { json: { texts: ["a", "\0"] }, field: "texts[1]", description: NUL },
    { json: { labels: { a: "b", c: "\0" } }, field: 'labels["c"]', description: NUL },
    { json: { labels: { "c\0": "d" } }, field: 'labels["c\\u0000"]', description: NUL },
    { json: { numbered: { 7: "\0" } }, field: "numbered[7]", description: NUL },
    { json: { inner: { inner: { text: "\0" } } }, field: "inner.inner.text", description: NUL },
    { json: { inners: [{}, { text: "\0" }] }, field: "inners[1].text", description: NUL },
    { json: { byName: { x: { texts: ["\0"] } } }, field: 'by_name["x"].texts[0]', description: NUL },
    { json: { struct: { a: [1, { b: "\0" }] } }, field: 'struct["a"][1]["b"]', description: NUL },
    { json: { struct: { "\ud800": 1 } }, field: 'struct["\\ud800"]', description: HALF },
    { json: { struct: { a: Number.POSITIVE_INFINITY } }, field: 'struct["a"]', description: NUMBER },
    { json: { structs: [{}, { a: "\0" }] }, field: 'structs[1]["a"]', description: NUL },
    { json: { value: "\0" }, field: "value.string_value", description: NUL },
    {
      json: { value: { a: ["\0"] } },
      field: 'value.struct_value.fields["a"].list_value.values[0].string_value',
      description: NUL,
    },
    { json: { list: ["\0"] }, field: "list.values[0].string_value", description: NUL },
    { json: { wrapped: "\0" }, field: "wrapped", description: NUL },
    { json: { wrappedAll: ["\0"] }, field: "wrapped_all[0].value", description: NUL },
    { json: { chosen: "\0" }, field: "chosen", description: NUL },
    { json: { other: { text: "\0" } }, field: "other.text", description: NUL },
    { json: { otherStruct: { a: "\0" } }, field: 'other_struct["a"]', description: NUL },
  ])("finds $field: $description", ({ json, field, description }) => {
    expect(findUnstorable(Thing, fromJson(Thing, json))).toEqual({ field, description });
  });

  it("finds what only the binary form can hold: infinity in a Value", () => {
    const value = create(ValueSchema, { kind: { case: "numberValue", value: Number.NEGATIVE_INFINITY } });
    const bytes = toBinary(StructSchema, create(StructSchema, { fields: { a: value } }));
    expect(findUnstorable(StructSchema, fromBinary(StructSchema, bytes))).toEqual({
      field: 'fields["a"].number_value',
      description: NUMBER,
    });
  });

  it("repeats no more of a key than tells which it is", () => {
    const { field = "" } =
      findUnstorable(Thing, fromJson(Thing, { labels: { [`${"k".repeat(10_000)}\0`]: "" } })) ?? {};
    expect(field).toBe(`labels["${"k".repeat(100)}"]`);
  });

  it.each([
    {},
    { text: "😀 ü \n \u0001", optional: "", texts: ["a", ""], raw: "AAAA", count: "7" },
    { struct: { a: [null, true, 1.5, "😀", { b: {} }] }, value: null, list: [1, "a"], wrapped: "", mask: "text" },
    { inners: [{ inner: { text: "a" } }], byName: { x: {} }, labels: { "😀": "a" }, other: { value: 1 } },
  ])("finds nothing in %j", (json) => {
    expect(findUnstorable(Thing, fromJson(Thing, json))).toBeUndefined();
  });
});
