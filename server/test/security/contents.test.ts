import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const folder = import.meta.dirname;
const rows = readFileSync(join(folder, "README.md"), "utf8")
  .split("\n")
  .flatMap((line) => {
    const [, id, tests] = /^\| ([A-D]\d+) \|.*\| (.*) \|$/.exec(line) ?? [];
    const files = [...(tests?.matchAll(/`([^`]+\.test\.ts)`/g) ?? [])].map(([, file = ""]) => file);
    return id && tests ? [{ id, files }] : [];
  });

const ids = [
  ...Array.from({ length: 14 }, (_, index) => `A${index + 1}`),
  ...Array.from({ length: 8 }, (_, index) => `B${index + 1}`),
  ...Array.from({ length: 10 }, (_, index) => `C${index + 1}`),
  ...Array.from({ length: 12 }, (_, index) => `D${index + 1}`),
];

describe("the table of published flaws", () => {
  it("has them all", () => expect(rows.map(({ id }) => id)).toEqual(ids));

  it.each(rows)("has the tests of $id", ({ id, files }) => {
    const sources = files.map((file) => readFileSync(join(folder, file), "utf8"));
    expect(sources.length).toBeGreaterThan(0);
    const named = sources.filter((source) => new RegExp(`["'\`]([A-D]\\d+ )*${id}\\b`).test(source));
    expect(named, `no test of ${files.join(", ")} has ${id} in its name`).not.toEqual([]);
  });
});
