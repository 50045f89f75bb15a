import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readMembers, removal, splice, valueIn } from "./json-members.ts";

/** JSON as somebody writes it: with spaces anywhere, escapes in names, and numbers in forms that JavaScript does not write. */
const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/);
const text = fc.oneof(
  fc.string().map((one) => JSON.stringify(one)),
  fc.constantFrom('"\\u0041\\"\\\\"', '"}{][,:"', '"é😀"', '""'),
);
const value: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    text,
    fc.constantFrom("1.50", "-0", "1e400", "1E+2", "true", "false", "null", "123456789012345678901234567890"),
    fc.array(fc.tuple(space, tie("value"), space)).map((items) => `[${items.map((one) => one.join("")).join(",")}]`),
    fc
      .array(fc.tuple(space, text, space, space, tie("value"), space))
      .map((all) => `{${all.map(([a, name, b, c, one, d]) => `${a}${name}${b}:${c}${one}${d}`).join(",")}}`),
  ),
})).value;
const members = fc.array(fc.tuple(space, text, space, space, value, space), { maxLength: 8 });
const written = (all: readonly (readonly string[])[]) =>
  `{${all.map(([a, name, b, c, one, d]) => `${a}${name}${b}:${c}${one}${d}`).join(",")}}`;

describe("members of a body", () => {
  it("are found where they stand, whatever is in them", () => {
    fc.assert(
      fc.property(members, space, space, (all, before, after) => {
        const body = readMembers(Buffer.from(before + written(all) + after));
        expect(
          body?.members.map(({ name, valueStart, end }) => [name, body.bytes.toString("utf8", valueStart, end)]),
        ).toEqual(all.map(([, name = "", , , one]) => [JSON.parse(name), one]));
      }),
    );
  });

  it("are taken out and put in other places' stead, and every other byte stays", () => {
    fc.assert(
      fc.property(
        members.filter(({ length }) => length > 0),
        fc.nat(),
        (all, at) => {
          const index = at % all.length;
          const body = readMembers(Buffer.from(written(all)));
          if (!body) throw new Error("it is an object");
          const { valueStart, end } = body.members[index] as { valueStart: number; end: number };
          const spliced = splice(body.bytes, [{ start: valueStart, end, text: '"new"' }]).toString();
          expect(spliced).toBe(
            written(all.map((one, other) => (other === index ? [...one.slice(0, 4), '"new"', one[5] ?? ""] : one))),
          );
          const left = readMembers(splice(body.bytes, [removal(body, index)]));
          expect(left?.members.map(({ name }) => name)).toEqual(
            body.members.toSpliced(index, 1).map(({ name }) => name),
          );
        },
      ),
    );
  });

  it.each([
    "",
    "[]",
    "null",
    '"a"',
    "{",
    '{"a"}',
    '{"a":}',
    '{"a":1',
    '{"a":1}}',
    '{"a":1 "b":2}',
    "{a:1}",
    '{"a":1,}',
    '{"a":"b}',
  ])("are none in %j", (body) => expect(readMembers(Buffer.from(body))).toBeUndefined());

  it("are the last of several with one name", () => {
    const body = readMembers(Buffer.from('{"a":1,"\\u0061":2}'));
    expect(body && valueIn(body, "a")).toBe(2);
  });
});
