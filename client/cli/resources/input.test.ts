import type { DescMessage } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { CreateLlmRequestSchema } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { explainJson, lenient } from "../calls/json-problem.ts";
import { nearestOf } from "../calls/nearest.ts";
import { changesIn, editableText } from "../terminal/edit.ts";
import { readFlags, setPath } from "./input.ts";
import { NOUNS, type Noun } from "./nouns.ts";
import { updateRequest } from "./updates.ts";

const [llms] = NOUNS as [Noun];

/** Whether a message has a field, or one inside another. */
function hasField(message: DescMessage | undefined, [name, ...inner]: string[]): boolean {
  const field = message?.fields.find(({ jsonName }) => jsonName === name);
  if (!field) return false;
  return inner.length === 0 || hasField(field.message, inner);
}

describe("flags", () => {
  it("of nouns are fields of their requests", () => {
    const missing = NOUNS.flatMap(({ plural, create, flags }) => {
      return flags
        .filter(({ field }) => !hasField(create?.input, field.split(".")))
        .map(({ name }) => `${plural} --${name}`);
    });
    expect(missing, "the contract has no such field any more: mend client/cli/nouns.ts").toEqual([]);
  });

  it("of lists are fields of theirs, and what can be edited is a field of the update", () => {
    const missing = NOUNS.flatMap((noun) => {
      const listed = new Set(noun.list.input.fields.map(({ jsonName }) => jsonName));
      const updated = new Set(noun.update?.input.fields.map(({ jsonName }) => jsonName));
      return [
        ...noun.filters.filter(({ field }) => !listed.has(field)).map(({ name }) => `${noun.plural} list --${name}`),
        ...noun.editable.filter((field) => !updated.has(field)).map((field) => `${noun.plural} edit ${field}`),
      ];
    });
    expect(missing, "the contract has no such field any more: mend client/cli/nouns.ts").toEqual([]);
  });

  it("become the fields that they stand for", () => {
    expect(readFlags(llms.flags, { name: "gpt", label: ["team=ai", "tier=1"], checkInterval: "300" })).toEqual({
      displayName: "gpt",
      labels: { team: "ai", tier: "1" },
      checkIntervalSeconds: 300,
    });
  });

  it("of routes and of keys become tiers and limits", () => {
    const flagsOf = (noun: string) => NOUNS.find(({ plural }) => plural === noun)?.flags ?? [];
    expect(readFlags(flagsOf("routes"), { tier: ["gpt=2,azure", "local"], attemptTimeout: "500" })).toEqual({
      tiers: [{ targets: [{ llmId: "gpt", weight: 2 }, { llmId: "azure" }] }, { targets: [{ llmId: "local" }] }],
      attemptTimeoutMs: 500,
    });
    expect(readFlags(flagsOf("keys"), { models: "gpt, team/x", parallel: "2", budget: "0.5/DAY" })).toEqual({
      limits: { allowedModels: ["gpt", "team/x"], parallelCalls: 2, budget: { amountUsd: "0.5", period: "DAY" } },
    });
    expect(() => readFlags(flagsOf("routes"), { tier: ["gpt=much"] })).toThrow("--tier");
    expect(() => readFlags(flagsOf("keys"), { budget: "25" })).toThrow("such as 25/month");
  });

  it("say which one is wrong", () => {
    expect(() => readFlags(llms.flags, { label: ["team"] })).toThrow('--label is "team"; it must be key=value.');
    expect(() => readFlags(llms.flags, { checkInterval: "soon" })).toThrow("--check-interval");
  });
});

describe("--set", () => {
  it("puts values into what is there", () => {
    const request = { defaultSamplingParams: { topP: 1 } };
    setPath(request, "defaultSamplingParams.temperature=0.5");
    setPath(request, "supportedModalities=[TEXT, IMAGE]");
    expect(request).toEqual({
      defaultSamplingParams: { topP: 1, temperature: 0.5 },
      supportedModalities: ["TEXT", "IMAGE"],
    });
  });

  it("takes no secret", () => {
    expect(() => setPath({}, "credentials.apiKey.inlineSecret=sk-1")).toThrow(/takes no secret/);
  });
});

describe("what is wrong in JSON", () => {
  const explain = (input: object) => explainJson(CreateLlmRequestSchema, input as never, new Error("?"));

  it.each([
    [{ name: "x" }, "name: there is no such field. Did you mean displayName?"],
    [{ endpontUrl: "x" }, "endpontUrl: there is no such field. Did you mean endpointUrl?"],
    [
      { credentials: { apiKey: { inlineSecrt: "x" } } },
      "credentials.apiKey.inlineSecrt: there is no such field. Did you mean credentials.apiKey.inlineSecret?",
    ],
    [{ zzz: 1 }, "zzz: there is no such field. Known are: llmId, displayName"],
    [{ maxContextLength: "abc" }, "maxContextLength: must be a number"],
    [{ providerType: "GPT" }, "providerType: must be one of OPENAI, "],
    [{ supportedModalities: ["SMELL"] }, "supportedModalities: must be a list, each one of TEXT, "],
    [{ price: "cheap" }, "price: must be an object"],
    [{ price: { input: [1] } }, "price.input: must be a text"],
    [{ credentials: "sk-canary" }, "credentials: must be an object"],
  ])("is told with what was meant: %j", (input, told) => {
    expect(explain(input).message).toContain(told);
    expect(explain(input).message).not.toContain("canary");
  });

  it("is not that a text looks like a number", () => {
    const read = lenient(CreateLlmRequestSchema, {
      version: 2,
      price: { input: 2.5 },
      labels: { tier: 1 },
      maxContextLength: 5,
    });
    expect(read).toEqual({ version: "2", price: { input: "2.5" }, labels: { tier: "1" }, maxContextLength: 5 });
  });

  it("finds no word where none is near", () => expect(nearestOf("banana", ["displayName"])).toEqual([]));
});

describe("edit", () => {
  const thing = { displayName: "a", labels: { team: "ai" }, description: "", maxContextLength: 10 };
  const fields = ["displayName", "description", "labels", "maxContextLength"];

  it("changes what was changed, and nothing else", () => {
    const text = editableText(thing, fields, "An Llm.\nEdit it.");
    expect(text).toContain("# An Llm.\n# Edit it.\n");
    expect(changesIn(thing, text, fields)).toEqual({});
    expect(changesIn(thing, text.replace("displayName: a", "displayName: b"), fields)).toEqual({ displayName: "b" });
  });

  it("refuses a field that is none", () => {
    expect(() => changesIn(thing, "status: ACTIVE", fields)).toThrow(/status cannot be changed/);
  });

  it("clears fields by the mask, which names all that changes", () => {
    const method = llms.update as NonNullable<Noun["update"]>;
    expect(updateRequest(method, { displayName: "b", maxContextLength: null })).toEqual({
      displayName: "b",
      updateMask: "displayName,maxContextLength",
    });
    expect(updateRequest(method, { labels: null })).toEqual({ replaceLabels: { labels: {} } });
  });
});
