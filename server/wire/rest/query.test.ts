import { fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { testMessage } from "../../test/wire/rest-service.ts";
import { addQueryPair, createTree, splitQuery } from "./query.ts";

const everything = testMessage("Everything");

function read(query: string): JsonValue {
  const tree = createTree();
  for (const pair of splitQuery(query)) addQueryPair(tree, everything, pair, () => false);
  return toJson(everything, fromJson(everything, tree as JsonValue));
}

describe("splitQuery", () => {
  it.each([
    [
      "a=1&b=2",
      [
        ["a", "1"],
        ["b", "2"],
      ],
    ],
    ["a", [["a", ""]]],
    ["&&a=1&", [["a", "1"]]],
    ["a=b=c", [["a", "b=c"]]],
    ["a=x+y%2Bz", [["a", "x y+z"]]],
    ["a%5Bb%5D=%26", [["a[b]", "&"]]],
    ["a=%2525", [["a", "%25"]]],
  ])("cuts %s", (query, pairs) => expect(splitQuery(query)).toEqual(pairs));

  it.each(["a=%", "a=%zz", "%ff=1", "a=%c3"])("refuses %s", (query) => {
    expect(() => splitQuery(query)).toThrow("does not escape UTF-8");
  });
});

describe("addQueryPair reads", () => {
  it.each([
    ["text=a", { text: "a" }],
    ["text=", {}],
    ["count=-5", { count: -5 }],
    ["unsignedBig=18446744073709551615", { unsignedBig: "18446744073709551615" }],
    ["unsigned_big=1", { unsignedBig: "1" }],
    ["ratio=1e3&small_ratio=0.5", { ratio: 1000, smallRatio: 0.5 }],
    ["ratio=NaN", { ratio: "NaN" }],
    ["is_set=true", { isSet: true }],
    ["data=YWI_", { data: "YWI/" }],
    ["color=RED", { color: "RED" }],
    ["color=2", { color: "BLUE" }],
    ["maybe=", { maybe: "" }],
    ["texts=a&texts=b", { texts: ["a", "b"] }],
    ["colors=RED&colors=2", { colors: ["RED", "BLUE"] }],
    ["labels[a]=1&labels.b=2&labels[c.d]=3&labels.e.f=4", { labels: { a: "1", b: "2", "c.d": "3", "e.f": "4" } }],
    ["labels=a=1&labels=b%3D2%3D3&labels=c=&labels.d=4", { labels: { a: "1", b: "2=3", c: "", d: "4" } }],
    ["counts=5=7", { counts: { 5: "7" } }],
    ["labels[a[0]]=1&labels[]=2", { labels: { "a[0]": "1", "": "2" } }],
    ["counts[5]=7", { counts: { 5: "7" } }],
    [
      "nested.text=a&nested.deeper.count=1&nested.texts=x",
      { nested: { text: "a", deeper: { count: 1 }, texts: ["x"] } },
    ],
    ["time=2026-01-02T03:04:05Z&pause=1.5s", { time: "2026-01-02T03:04:05Z", pause: "1.500s" }],
    ["update_mask=text,nested.is_set", { updateMask: "text,nested.isSet" }],
    ["updateMask=isSet,%2A", { updateMask: "isSet,*" }],
    ["bool_value=false&big_value=5&text_value=null", { boolValue: false, bigValue: "5", textValue: "null" }],
    ['struct={"a":[1]}&value=null', { struct: { a: [1] }, value: null }],
    ["right.text=a", { right: { text: "a" } }],
    ["$alt=json&$.xgafv=1&alt=json&prettyPrint=true", {}],
  ])("%s", (query, json) => expect(read(query)).toEqual(json));
});

describe("addQueryPair refuses", () => {
  it.each([
    ["colour=RED", "unknown parameter `colour`, did you mean `color` or `colors`?"],
    ["nested.txet=a", "unknown parameter `nested.txet`, did you mean `text`?"],
    ["xyz=1", "unknown parameter `xyz`"],
    ["Text=a", "unknown parameter `Text`, did you mean `text` or `texts`?"],
    ["text=a&text=b", "text: is given more than once"],
    ["labels.a=1&labels[a]=2", "labels[a]: has the entry `a` more than once"],
    ["nested.text=1&nested.text=2", "nested.text: is given more than once"],
    ["left=1&right.text=2", "right.text: excludes `left`, give only one of them"],
    ["right.text=2&left=1", "left: excludes `right`, give only one of them"],
    ["is_set=1", "is_set: must be true or false"],
    ["is_set=TRUE", "is_set: must be true or false"],
    ["count=+1", "count: must be an integer from -2^31 to 2^31 - 1"],
    ["count=01", "count: must be an integer from -2^31 to 2^31 - 1"],
    ["count=0x10", "count: must be an integer from -2^31 to 2^31 - 1"],
    ["count=2147483648", "count: must be an integer from -2^31 to 2^31 - 1"],
    ["count=", "count: must be an integer from -2^31 to 2^31 - 1"],
    ["big=9223372036854775808", "big: must be an integer from -2^63 to 2^63 - 1"],
    ["unsigned_big=-1", "unsigned_big: must be an integer from 0 to 2^64 - 1"],
    ["ratio=abc", "ratio: must be a number"],
    ["ratio=1e999", "ratio: must be a number"],
    ["small_ratio=1e39", "small_ratio: must be a number of single precision"],
    ["data=a", "data: must be Base64"],
    ["data=%21", "data: must be Base64"],
    ["color=GREEN", "color: must be one of RED, BLUE"],
    ["time=yesterday", "time: must be an RFC 3339 time, such as 2026-01-31T09:30:00Z"],
    ["time=2026-02-30T00:00:00", "time: must be an RFC 3339 time, such as 2026-01-31T09:30:00Z"],
    ["pause=1h", "pause: must be a duration in seconds, such as 1.5s"],
    ["pause=1sfoo", "pause: must be a duration in seconds, such as 1.5s"],
    ["pause=1.0000000001s", "pause: must be a duration in seconds, such as 1.5s"],
    ["struct=[]", "struct: must be a JSON object"],
    ["struct={", "struct: must be a JSON object"],
    [`value=${"[".repeat(200)}${"]".repeat(200)}`, "value: must be JSON, nested at most 100 deep"],
    ["nested=a", "nested: is a message, give its fields one by one"],
    ["items=a", "items: is a message, give its fields one by one"],
    ["items.text=a", "items.text: `items` has no fields"],
    ["any=a", "any: is a message, give its fields one by one"],
    ["text.x=a", "text.x: `text` has no fields"],
    ["time.seconds=1", "time.seconds: `time` has no fields"],
    ["struct.a=1", "struct.a: `struct` has no fields"],
    ["labels=a=1&labels=a=2", "labels: has the entry `a` more than once"],
    ["labels=a", "labels: is a map, give an entry as `labels=key=value` or `labels[key]=value`"],
    ["labels.a[b]=a", "labels.a[b]: is a map, give an entry as `labels=key=value` or `labels[key]=value`"],
    ["counts=x=1", "counts: has an entry whose name must be an integer from -2^31 to 2^31 - 1"],
    ["counts[x]=1", "counts[x]: has an entry whose name must be an integer from -2^31 to 2^31 - 1"],
    ["text[a]=1", "text[a]: is no map"],
    [`${"nested.".repeat(5000)}text=a`, "query: has a key that is nested too deep"],
    [`nested.${"deeper.".repeat(97)}text=a&x=1`, "unknown parameter `x`"],
  ])("%s", (query, message) => {
    expect(() => read(query)).toThrow(expect.objectContaining({ rawMessage: message }));
  });
});

describe("addQueryPair and prototypes", () => {
  it.each([
    "__proto__.x=1",
    "__proto__=1",
    "__proto__[x]=1",
    "constructor.prototype.x=1",
    "nested.__proto__.x=1",
    "toString=1",
  ])("refuses %s", (query) => {
    expect(() => read(query)).toThrow("unknown parameter");
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  it("takes `__proto__` for the name of an entry like any other", () => {
    expect(JSON.stringify(read("labels[__proto__]=1&labels.constructor=2"))).toBe(
      '{"labels":{"__proto__":"1","constructor":"2"}}',
    );
    expect(Object.getPrototypeOf({})).toBe(Object.prototype);
  });
});
