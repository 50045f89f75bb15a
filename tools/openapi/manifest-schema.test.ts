import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { blocksOf, ROOT } from "../../server/test/docs/documents.ts";
import { faultsOfManifest } from "../../server/test/server/manifest-judge.ts";

const blocks = globSync("docs/**/*.md", { cwd: ROOT })
  .flatMap((file) => blocksOf(file))
  .filter(({ language, text }) => language === "yaml" && /^(llms|providers|budgets|routes):/m.test(text));

interface List {
  readonly items: { readonly properties: Record<string, { readonly description?: string }> };
}

describe("the schema of manifests", () => {
  it("has examples to judge", () => expect(blocks.length).toBeGreaterThan(0));

  it.each(blocks)("takes the manifest in $file, line $line", ({ text }) => {
    expect(faultsOfManifest(parse(text))).toEqual([]);
  });

  it.each([
    "llms: [{alias: a, price: {input: 2.5}, labels: {tier: 1}, credentials: {apiKey: {secretFrom: {env: A}}}}]",
    "llms: [{alias: a, credentials: {apiKey: {secretRef: {uri: 'env://A'}}}, default: true, disabled: false}]",
    "budgets: [{period: DAY, llmId: gpt, amountUsd: 1}]",
    "",
  ])("takes %s", (text) => expect(faultsOfManifest(parse(text))).toEqual([]));

  it.each([
    ["llms: [{alias: a, modle: x}]", "/llms/0 must NOT have additional properties modle"],
    ["lmls: []", "must NOT have additional properties lmls"],
    ["llms: [{modelIdentifier: x}]", "/llms/0 must have required property 'alias'"],
    ["llms: [{alias: a, providerType: OPENAPI}]", "/llms/0/providerType must be equal to one of the allowed values"],
    ["llms: [{alias: a, price: {inputs: 1}}]", "/llms/0/price must NOT have additional properties inputs"],
    ["llms: [{alias: a, requestId: x}]", "/llms/0 must NOT have additional properties requestId"],
    ["llms: [{alias: a, credentials: {apiKey: {inlineSecret: sk-1}}}]", "additional properties inlineSecret"],
    ["llms: [{alias: a, credentials: {apiKey: {secretFrom: {env: A, file: b}}}}]", "must NOT have more than 1 prop"],
    ["providers: [{displayName: a}]", "/providers/0 must have required property 'name'"],
    ["llms: {}", "/llms must be array"],
  ])("refuses %s", (text, told) => {
    expect(faultsOfManifest(parse(text)).join("\n")).toContain(told);
  });

  it("says of each field what it is, for editors", () => {
    const { properties } = JSON.parse(readFileSync(join(ROOT, "gen/manifest.schema.json"), "utf8"));
    const silent = Object.entries<List>(properties).flatMap(([kind, { items }]) =>
      Object.entries(items.properties)
        .filter(([, { description }]) => !description)
        .map(([field]) => `${kind}.${field}`),
    );
    expect(silent).toEqual([]);
  });
});
