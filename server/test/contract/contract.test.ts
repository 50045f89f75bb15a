import { globSync } from "node:fs";
import { join } from "node:path";
import { createFileRegistry, type DescFile, type FileRegistry, getOption, hasOption } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { FieldBehavior, field_behavior } from "../../../gen/google/api/field_behavior_pb.ts";
import { takes_back } from "../../../gen/patchbay/v1/options_pb.ts";
import { type FileShape, registryOf } from "../wire/rest-shapes.ts";
import { clashesOf } from "./names.ts";

const gen = join(import.meta.dirname, "../../../gen");
const registry = await readContract();
const own = [...registry.files].filter(({ proto }) => /^(patchbay|dialects)\./.test(proto.package));
const messages = [...registry].filter((type) => type.kind === "message").filter(({ file }) => own.includes(file));

/** All files of the contract: of ours and of the dialects. */
async function readContract(): Promise<FileRegistry> {
  const modules = globSync("{patchbay,dialects}/**/*_pb.ts", { cwd: gen }).map((file) => import(join(gen, file)));
  const files = (await Promise.all(modules)).flatMap((module) =>
    Object.values(module).filter((value): value is DescFile => (value as DescFile).kind === "file"),
  );
  return createFileRegistry(...files.map((file) => createFileRegistry(file.proto, (name) => find(file, name))));
}

function find(file: DescFile, name: string): DescFile | undefined {
  return file.dependencies.find(({ proto }) => proto.name === name);
}

describe("the names of the contract", () => {
  it("are found", () => expect(messages.length).toBeGreaterThan(150));

  it("clash in no language", () => expect(clashesOf(own, "patchbay.v1")).toEqual([]));

  it.each<{ name: string; shape: Partial<FileShape>; says: string }>([
    {
      name: "a type in another, and one that is both names",
      says: "one schema",
      shape: { messages: { A: { b: {} }, AB: {} } },
    },
    { name: "schemas that differ in case", says: "one schema", shape: { messages: { Ab: {}, AB: {} } } },
    {
      name: "has_ in C++",
      says: "accessor of key",
      shape: { messages: { A: { key: { x: "string" }, has_key: "bool" } } },
    },
    { name: "clear_ in C++", says: "accessor of a", shape: { messages: { A: { a: "string", clear_a: "bool" } } } },
    {
      name: "a size in C++",
      says: "accessor of a",
      shape: { messages: { A: { a: "repeated string", a_size: "int32" } } },
    },
    {
      name: "a count in Java",
      says: "accessor of a",
      shape: { messages: { A: { a: "repeated string", a_count: "int32" } } },
    },
    { name: "bytes in Java", says: "accessor of a", shape: { messages: { A: { a: "string", a_bytes: "int32" } } } },
    { name: "a getter in Go", says: "accessor of a", shape: { messages: { A: { a: "string", get_a: "int32" } } } },
    { name: "a keyword", says: "keyword", shape: { messages: { A: { namespace: "string" } } } },
    { name: "a keyword of C++20", says: "keyword", shape: { messages: { A: { requires: "string" } } } },
    {
      name: "a method of messages",
      says: "member of every message",
      shape: { messages: { A: { descriptor: "string" } } },
    },
    { name: "a type in itself", says: "own name", shape: { messages: { A: { a: {} } } } },
    { name: "a macro", says: "macro", shape: { messages: {}, enums: { E: { NULL: 0 } } } },
    { name: "values by case", says: "case and lines", shape: { messages: {}, enums: { E: { A_B: 0, AB: 1 } } } },
    {
      name: "a value with and without its enum's name",
      says: "one in C#",
      shape: { messages: {}, enums: { Kind: { KIND_A: 0, A: 1 } } },
    },
    { name: "no package for Java", says: "no javaPackage", shape: { messages: {} } },
  ])("would be refused with $name", ({ shape, says }) => {
    const { files } = registryOf({ package: "test.v1", messages: {}, ...shape });
    const ours = [...files].filter(({ proto }) => proto.package === "test.v1");
    expect(clashesOf(ours, "test.v1")).toContainEqual(expect.stringContaining(says));
  });
});

describe("the names of packages in other languages", () => {
  const ours = [...registry.files].filter(({ proto }) => /^(patchbay|dialects)\./.test(proto.package));

  // docs/decisions/clients.md: they are under no domain, as none is ours.
  it.each(ours.map(({ proto }) => proto))("are those of the proto package in $name", ({ package: name, options }) => {
    expect(options?.goPackage.split(";")[0]).toBe(`patchbay.internal/${name.replaceAll(".", "/")}`);
    expect(`patchbay.${options?.javaPackage}`).toMatch(new RegExp(`^(patchbay\\.)+${name.replaceAll("_", "")}$`));
    expect(options?.csharpNamespace.toLowerCase()).toContain(name.replaceAll("_", "").replace(/^dialects\./, ""));
  });
});

describe("a message that is taken back", () => {
  const pairs = messages
    .filter((desc) => hasOption(desc, takes_back))
    .map((desc) => ({ desc, name: desc.name, source: getOption(desc, takes_back) }));

  it("is there", () => expect(pairs.map(({ name }) => name)).toContain("UpdateLlmRequest"));

  it.each(pairs)("$name has each field of $source that is not the server's to say", ({ desc, source }) => {
    const taken = new Set(desc.fields.map(({ name }) => name));
    const fields = registry.getMessage(source)?.fields ?? [];
    expect(fields.length).toBeGreaterThan(0);
    const lost = fields.filter(
      (field) => !taken.has(field.name) && !getOption(field, field_behavior).includes(FieldBehavior.OUTPUT_ONLY),
    );
    expect(lost.map(({ name }) => name)).toEqual([]);
  });
});

describe("the numbers of the contract", () => {
  it.each(messages)("of $typeName have no gap", (desc) => {
    const numbers = desc.fields.map(({ number }) => number).sort((a, b) => a - b);
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  });
});
