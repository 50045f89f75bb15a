import type { JsonObject } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { money, text } from "./columns.ts";
import { type Format, writeRows, writeThing } from "./output.ts";
import { printable, type Terminal } from "./terminal.ts";

function recorder(): Terminal & { readonly out: () => string; readonly notes: string[] } {
  let out = "";
  const notes: string[] = [];
  const write = (more: string) => {
    out += more;
  };
  return {
    isInteractive: false,
    isQuiet: false,
    write,
    writeData: write,
    note: (note) => notes.push(note),
    error: () => {},
    progress: () => {},
    style: (_style, plain) => plain,
    out: () => out,
    notes,
  };
}

async function rows(format: Format, ...pages: JsonObject[][]): Promise<string> {
  const terminal = recorder();
  const columns = [text("NAME", "name"), money("COST", "cost")];
  await writeRows(
    terminal,
    (async function* () {
      yield* pages;
    })(),
    { format, columns, id: "id" },
  );
  return terminal.out();
}

const ONE = { id: "1", name: "one", cost: "0" };
const TWO = { id: "2", name: "二番目", cost: "12000000000000" };

describe("rows", () => {
  it("are a table whose columns stand below each other, in any script", async () => {
    expect(await rows("table", [ONE, TWO])).toBe("NAME      COST\none      $0.00\n二番目  $12.00\n");
  });

  it("are one JSON array of all pages", async () => {
    expect(JSON.parse(await rows("json", [ONE], [TWO]))).toEqual([ONE, TWO]);
    expect(await rows("json")).toBe("[]\n");
  });

  it("are names for other commands", async () => expect(await rows("name", [ONE, TWO])).toBe("1\n2\n"));
  it("are a list in YAML", async () => expect(await rows("yaml", [ONE])).toBe('- id: "1"\n  name: one\n  cost: "0"\n'));

  it("move no cursor", async () => {
    expect(await rows("table", [{ name: "a\u001b[2Jb\nc", cost: "0" }])).toContain("a\ufffd[2Jb c");
    expect(printable("a\tb\nc\u009bd")).toBe("a\tb\nc\ufffdd");
  });
});

describe("a thing", () => {
  it("is told without what says nothing, times as times", () => {
    const terminal = recorder();
    writeThing(terminal, { id: "1", note: "", createdAt: "1764460800000", labels: {}, none: "0" }, "table", "id");
    expect(terminal.out()).toBe('id: "1"\ncreatedAt: 2025-11-30T00:00:00.000Z\n');
  });
});
