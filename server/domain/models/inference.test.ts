import { describe, expect, it } from "vitest";
import { lookUpModel, type ModelFacts } from "./catalog.ts";
import { describeInferred, givenOf, inferModel, type ModelProperties, sourcesOf } from "./inference.ts";

const nothing: ModelProperties = { capabilities: {}, maxContextLength: undefined, supportedModalities: [] };
const facts = { source: "openai:x" } as ModelFacts;
const CATALOG = {
  supportsChat: true,
  supportsFunctionCalling: true,
  supportsSamplingParameters: false,
  maxContextLength: 1_000,
  supportedModalities: ["TEXT", "IMAGE"],
};

describe("inferModel", () => {
  it("takes what the catalog says where the owner said nothing", () => {
    expect(inferModel(nothing, { CATALOG })).toMatchObject({
      capabilities: { supportsChat: true, supportsFunctionCalling: true, supportsSamplingParameters: false },
      maxContextLength: 1_000,
      supportedModalities: ["TEXT", "IMAGE"],
    });
  });

  it("believes a test before a list, a list before the catalog, and the catalog before what is assumed", () => {
    const claims = {
      CATALOG: { ...CATALOG, supportsChat: false },
      PROVIDER: { supportsFunctionCalling: false, maxContextLength: 500 },
      PROBE: { supportsFunctionCalling: true, supportsStreaming: false },
    };
    expect(inferModel(nothing, claims)).toMatchObject({
      capabilities: { supportsChat: false, supportsFunctionCalling: true, supportsStreaming: false },
      maxContextLength: 500,
    });
  });

  it("never overrides the owner, not even with more", () => {
    const given = {
      capabilities: { supportsFunctionCalling: false },
      maxContextLength: 5,
      supportedModalities: ["TEXT"],
    };
    const model = inferModel(given, { CATALOG, PROVIDER: CATALOG, PROBE: CATALOG });
    expect(model).toMatchObject({
      capabilities: { supportsFunctionCalling: false },
      maxContextLength: 5,
      supportedModalities: ["TEXT"],
    });
    expect(givenOf(model)).toEqual(given);
  });

  it("leaves unknown what nobody knows", () => {
    const model = inferModel(nothing, {});
    expect(Object.keys(model.capabilities)).not.toContain("supportsFunctionCalling");
    expect(model.maxContextLength).toBeUndefined();
    expect(model.supportedModalities).toEqual(["TEXT"]);
  });

  it("describes what it inferred, once each, and nothing that was given", () => {
    const claims = { CATALOG, PROVIDER: { supportsFunctionCalling: true }, PROBE: { supportsStreaming: true } };
    const stored = inferModel({ ...nothing, capabilities: { supportsChat: true } }, claims);
    expect(describeInferred(stored, claims, facts)).toEqual([
      "supportsCompletion was inferred as false, as endpoints of this type do; the model catalog does not say",
      "supportsFunctionCalling was inferred as true, from the endpoint's list of models",
      "supportsSystemMessages was inferred as true, as endpoints of this type do; the model catalog does not say",
      "supportsStreaming was inferred as true, from the last test that passed",
      "supportsSamplingParameters was inferred as false, from the model catalog (openai:x)",
    ]);
  });
});

describe("sourcesOf", () => {
  it("names whose word is in force, and who says otherwise", () => {
    const claims = {
      CATALOG,
      PROVIDER: { supportsFunctionCalling: false, supportedModalities: ["IMAGE", "TEXT"] },
      PROBE: { supportsFunctionCalling: true },
    };
    const stored = inferModel({ ...nothing, maxContextLength: 5 }, claims);
    expect(sourcesOf(stored, claims)).toEqual({
      supportsChat: { source: "CATALOG", disagreements: [] },
      supportsCompletion: { source: "ASSUMED", disagreements: [] },
      supportsFunctionCalling: { source: "PROBE", disagreements: [{ source: "PROVIDER", value: false }] },
      supportsSystemMessages: { source: "ASSUMED", disagreements: [] },
      supportsStreaming: { source: "ASSUMED", disagreements: [] },
      supportsSamplingParameters: { source: "CATALOG", disagreements: [] },
      maxContextLength: { source: "OWNER", disagreements: [{ source: "CATALOG", value: 1_000 }] },
      supportedModalities: { source: "PROVIDER", disagreements: [] },
    });
  });

  it("names nobody for what is not known", () => {
    expect(sourcesOf(inferModel(nothing, {}), {}).supportsFunctionCalling).toEqual({ disagreements: [] });
  });
});

describe("lookUpModel", () => {
  it.each([
    { provider: "OPENAI" as const, model: "gpt-4o", source: "openai:gpt-4o" },
    {
      provider: "ANTHROPIC" as const,
      model: "claude-sonnet-4-5-20250929",
      source: "anthropic:claude-sonnet-4-5-20250929",
    },
    { provider: "LITELLM_PROXY" as const, model: "openai/gpt-4o", source: "openai:gpt-4o" },
    { provider: "OPENAI" as const, model: "no-such-model", source: undefined },
    { provider: "VLLM" as const, model: "gpt-4o", source: undefined },
    { provider: "OPENAI" as const, model: "__proto__", source: undefined },
  ])("of $model at $provider", async ({ provider, model, source }) => {
    expect((await lookUpModel(provider, model))?.source).toBe(source);
  });

  it("knows when a model ends, and what follows it", async () => {
    const known = await lookUpModel("OPENAI", "gpt-4-turbo-preview");
    expect(known?.deprecation).toEqual({
      isRetired: false,
      deprecatedAt: "2025-09-26",
      retiresAt: "2026-03-26",
      successor: "gpt-5",
    });
  });
});
