import { performance } from "node:perf_hooks";
import { toJson } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { testMessage, testTypes } from "../../test/wire/rest-service.ts";
import { parseJson, readMessage } from "./json-body.ts";

const everything = testMessage("Everything");

function read(text: string): unknown {
  return toJson(everything, readMessage(everything, parseJson(Buffer.from(text)), "", testTypes), {
    registry: testTypes,
  });
}

describe("readMessage reads", () => {
  it.each([
    ["proto names and JSON names", '{"is_set":true,"updateMask":"text"}', { isSet: true, updateMask: "text" }],
    ["quoted booleans", '{"isSet":"true","boolValue":"false"}', { isSet: true, boolValue: false }],
    ["quoted numbers", '{"count":"2048","ratio":"0.7","big":"1"}', { count: 2048, ratio: 0.7, big: "1" }],
    ["quoted booleans further down", '{"nested":{"deeper":{"isSet":"true"}}}', { nested: { deeper: { isSet: true } } }],
    ["quoted booleans in lists", '{"items":[{"isSet":"true"},{"isSet":false}]}', { items: [{ isSet: true }, {}] }],
    ["strings as they are", '{"text":"true","isSet":"true"}', { text: "true", isSet: true }],
    ["a Struct as it is", '{"struct":{"a":"true"},"isSet":"true"}', { struct: { a: "true" }, isSet: true }],
    ["null as not set", '{"text":null,"nested":null,"items":null}', {}],
    ["null beside what has to be unquoted", '{"text":null,"isSet":"true"}', { isSet: true }],
    ["null as a Value", '{"value":null,"isSet":"true"}', { value: null, isSet: true }],
    ["the digits of an int64", '{"big":9007199254740993}', { big: "9007199254740993" }],
    ["the digits of a uint64", '{"unsignedBig":18446744073709551615}', { unsignedBig: "18446744073709551615" }],
    ["the digits of a wrapped int64", '{"bigValue":9007199254740993}', { bigValue: "9007199254740993" }],
    ["large doubles", '{"ratio":123456789012345678}', { ratio: 123456789012345680 }],
    ["large numbers of a Struct", '{"struct":{"a":[12345678901234567890]}}', { struct: { a: [12345678901234567000] } }],
    ["the last of duplicate keys", '{"text":"a","text":"b"}', { text: "b" }],
    ["a map with `__proto__`", '{"labels":{"__proto__":"a"}}', JSON.parse('{"labels":{"__proto__":"a"}}')],
    [
      "an Any of a known type",
      '{"any":{"@type":"type.googleapis.com/test.v1.Nested","text":"a"}}',
      { any: { "@type": "type.googleapis.com/test.v1.Nested", text: "a" } },
    ],
    ["a byte order mark", '\uFEFF{"text":"a"}', { text: "a" }],
  ])("%s", (_, text, json) => expect(read(text)).toEqual(json));
});

describe("readMessage refuses", () => {
  it.each([
    ['{"Isset":true}', "unknown field `Isset`, did you mean `isSet`?"],
    ['{"nested":{"deeper":{"txet":1}}}', "unknown field `nested.deeper.txet`, did you mean `text`?"],
    ['{"items":[{},{"nope":1}]}', "unknown field `items[1].nope`"],
    ['{"__proto__":{"isSet":true}}', "unknown field `__proto__`"],
    ['{"constructor":{"prototype":{}}}', "unknown field `constructor`"],
    ['{"[test.v1.ext]":1}', "unknown field `[test.v1.ext]`"],
    ['{"is_set":true,"isSet":true}', "isSet: excludes `is_set`, give only one of them"],
    ['{"left":"a","right":{}}', "right: excludes `left`, give only one of them"],
    ['{"text":5}', "text: must be a string"],
    ['{"count":"x"}', "count: must be an integer from -2^31 to 2^31 - 1"],
    ['{"count":1.5}', "count: must be an integer from -2^31 to 2^31 - 1"],
    ['{"big":9223372036854775808}', "big: must be an integer from -2^63 to 2^63 - 1"],
    ['{"isSet":"yes"}', "isSet: must be true or false"],
    ['{"isSet":1}', "isSet: must be true or false"],
    ['{"color":"GREEN"}', "color: must be one of RED, BLUE"],
    ['{"data":"*"}', "data: must be Base64"],
    ['{"texts":"a"}', "texts: must be an array, [ and ] around its items, also around one"],
    ['{"texts":["a",1]}', "texts: each value must be a string"],
    ['{"labels":{"a":1}}', "labels: each value must be a string"],
    ['{"labels":[]}', "labels: must be an object of names with their values"],
    ['{"nested":[]}', "nested: must be an object with `text`, `isSet`, `count`, `deeper`, `texts`"],
    ['{"nested":{"count":[]}}', "nested.count: must be an integer from -2^31 to 2^31 - 1"],
    ['{"time":"noon"}', "time: must be an RFC 3339 time, such as 2026-01-31T09:30:00Z"],
    ['{"struct":[]}', "struct: must be a JSON object"],
    ['{"any":{"@type":"type.googleapis.com/nope"}}', "any: must be an object with a known `@type`"],
    ["[]", "body: must be an object, and is a list: send what is in it one by one"],
    ["null", "body: must be an object"],
    ['"text"', "body: must be an object, and is a text"],
    ['"{}"', "body: must be an object, and is a text with JSON in it: it was made JSON twice"],
    ["{", "the body is not JSON in UTF-8: it ends too early; is a quote or a bracket missing?"],
    ['{"text":\n "a",}', "the body is not JSON in UTF-8: a comma stands before the closing } (line 2, column 6)"],
    ["{'text':1}", 'the body is not JSON in UTF-8: names and texts stand in double quotes (") (line 1, column 2)'],
    ['{"text" "a"}', "the body is not JSON in UTF-8: a colon (:) is missing behind a name (line 1, column 9)"],
  ])("%s", (text, message) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ rawMessage: message }));
  });

  it.each([
    ["messages", `{"nested":${'{"deeper":'.repeat(120)}{}${"}".repeat(121)}`],
    ["fifty thousand messages", `{"nested":${'{"deeper":'.repeat(50_000)}{}${"}".repeat(50_001)}`],
    ["arrays in a Value", `{"value":${"[".repeat(120)}${"]".repeat(120)}}`],
    ["objects in a Struct", `{"struct":${'{"a":'.repeat(120)}1${"}".repeat(121)}`],
    ["a hundred thousand arrays", `{"value":${"[".repeat(100_000)}${"]".repeat(100_000)}}`],
    ["a hundred thousand arrays where none belong", `{"text":${"[".repeat(100_000)}${"]".repeat(100_000)}}`],
  ])("too deep %s", (_, text) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ reason: "INVALID_REQUEST" }));
  });

  it("a million digits, at once", () => {
    const start = performance.now();
    expect(() => read(`{"big":${"9".repeat(1_000_000)}}`)).toThrow("big: must be an integer");
    expect(performance.now() - start).toBeLessThan(1000);
  });

  it("bytes that are not UTF-8", () => {
    expect(() => parseJson(Buffer.from([0x22, 0xff, 0x22]))).toThrow("the body is not JSON in UTF-8");
  });

  it("a value without saying what it was", () => {
    expect(() => read('{"isSet":"sk-secret"}')).toThrow(expect.not.objectContaining({ message: /sk-secret/ }));
  });
});

describe("a message with many mistakes", () => {
  it("is refused by all of them at once", () => {
    const read = () => readMessage(everything, JSON.parse('{"texd":"a","colour":"RED","isSet":7}'), "", testTypes);
    expect(read).toThrow(
      "unknown field `texd`, did you mean `text`?; unknown field `colour`, did you mean `color` or `colors`?; " +
        "isSet: must be true or false",
    );
  });

  it.each(["red", "Red", "RED"])("may write the names of enums in any case, such as %s", (color) => {
    expect(toJson(everything, readMessage(everything, { color }, "", testTypes))).toEqual({ color: "RED" });
  });
});
