import { describe, expect, it } from "vitest";
import { lookUpModel, type ModelFacts } from "./catalog.ts";
import { describeInferred, givenOf, inferModel, type ModelProperties } from "./inference.ts";

const nothing: ModelProperties = { capabilities: {}, maxContextLength: undefined, supportedModalities: [] };
const facts: ModelFacts = {
  source: "openai:x",
  supportsChat: true,
  supportsFunctionCalling: true,
  supportsSamplingParameters: false,
  supportsWebSearch: undefined,
  contextLength: 1_000,
  inputModalities: ["text", "image", "pdf"],
  deprecation: undefined,
};

describe("inferModel", () => {
  it("takes what the catalog says where the owner said nothing", () => {
    expect(inferModel(nothing, facts)).toMatchObject({
      capabilities: { supportsChat: true, supportsFunctionCalling: true, supportsSamplingParameters: false },
      maxContextLength: 1_000,
      supportedModalities: ["TEXT", "IMAGE"],
    });
  });

  it("never overrides the owner, not even with more", () => {
    const given = {
      capabilities: { supportsFunctionCalling: false },
      maxContextLength: 5,
      supportedModalities: ["TEXT"],
    };
    const model = inferModel(given, facts);
    expect(model).toMatchObject({
      capabilities: { supportsFunctionCalling: false },
      maxContextLength: 5,
      supportedModalities: ["TEXT"],
    });
    expect(givenOf(model)).toEqual(given);
  });

  it("leaves unknown what nobody knows", () => {
    const model = inferModel(nothing, undefined);
    expect(Object.keys(model.capabilities)).not.toContain("supportsFunctionCalling");
    expect(model.maxContextLength).toBeUndefined();
    expect(model.supportedModalities).toEqual(["TEXT"]);
  });

  it("describes what it inferred, once each, and nothing that was given", () => {
    const sentences = describeInferred(inferModel({ ...nothing, capabilities: { supportsChat: true } }, facts), facts);
    expect(sentences).toHaveLength(5);
    expect(sentences.join()).not.toContain("supportsChat");
    expect(sentences.join()).toContain("openai:x");
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
    expect(known?.deprecation).toEqual({ isRetired: true, retiresAt: "2026-03-26", replacement: "gpt-5" });
  });
});
