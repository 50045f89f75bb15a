import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readModels } from "./models.ts";

function fixture(name: string) {
  return JSON.parse(readFileSync(join(import.meta.dirname, "fixtures", name), "utf8"));
}

const silent = { displayName: "", aliases: [] };

describe("the models that are served", () => {
  it.each([
    {
      name: "openai-models.json",
      models: [
        { ...silent, id: "gpt-4o", ownedBy: "system", createdAt: 1_715_367_049_000 },
        { ...silent, id: "text-embedding-3-small", ownedBy: "system", createdAt: 1_705_948_997_000 },
      ],
    },
    {
      name: "ollama-models.json",
      models: [{ ...silent, id: "llama3.2:latest", ownedBy: "library", createdAt: 1_727_268_000_000 }],
    },
    { name: "ollama-no-models.json", models: [] },
    {
      name: "vllm-models.json",
      models: [
        {
          ...silent,
          id: "meta-llama/Llama-3.1-8B-Instruct",
          ownedBy: "vllm",
          createdAt: 1_735_142_223_000,
          maxContextLength: 131_072,
        },
      ],
    },
    {
      name: "openrouter-models.json",
      providerType: "OPEN_ROUTER" as const,
      models: [
        {
          ...silent,
          id: "openai/gpt-4o",
          displayName: "OpenAI: GPT-4o",
          ownedBy: "",
          createdAt: 1_715_558_400_000,
          maxContextLength: 128_000,
          maxOutputTokens: 16_384,
          supportsFunctionCalling: true,
          supportsSamplingParameters: true,
          inputModalities: ["text", "image", "file"],
          price: { input: "2.5", output: "10" },
        },
        {
          ...silent,
          id: "deepseek/deepseek-r1:free",
          displayName: "DeepSeek: R1 (free)",
          ownedBy: "",
          createdAt: 1_737_381_095_000,
          maxContextLength: 163_840,
          supportsFunctionCalling: false,
          supportsSamplingParameters: false,
          inputModalities: ["text"],
          deprecation: { retiresAt: "2026-12-31" },
          price: { input: "0", output: "0" },
        },
      ],
    },
    {
      name: "litellm-models.json",
      models: [
        { ...silent, id: "gpt-4o", ownedBy: "openai", createdAt: 1_677_610_602_000 },
        { ...silent, id: "bedrock-claude", ownedBy: "openai", createdAt: 1_677_610_602_000 },
        { ...silent, id: "anthropic/*", ownedBy: "openai", createdAt: 1_677_610_602_000 },
      ],
    },
    {
      name: "mistral-models.json",
      models: [
        {
          id: "mistral-medium-2508",
          displayName: "mistral-medium-2508",
          ownedBy: "mistralai",
          aliases: ["mistral-medium-latest", "mistral-medium"],
          createdAt: 1_766_520_693_000,
          maxContextLength: 131_072,
          supportsFunctionCalling: true,
          inputModalities: ["text", "image"],
        },
        {
          ...silent,
          id: "open-mistral-7b",
          displayName: "open-mistral-7b",
          ownedBy: "mistralai",
          createdAt: 1_766_520_693_000,
          maxContextLength: 32_768,
          supportsFunctionCalling: false,
          inputModalities: ["text"],
          deprecation: { deprecatedAt: "2026-08-31", successor: "ministral-8b-latest" },
        },
      ],
    },
    {
      name: "llama-cpp-models.json",
      models: [
        {
          ...silent,
          id: "Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf",
          ownedBy: "llamacpp",
          createdAt: 1_735_142_223_000,
          maxContextLength: 131_072,
        },
      ],
    },
  ])("are read from $name", ({ name, providerType, models }) => {
    expect(readModels(fixture(name), providerType)).toEqual({ models, next: undefined });
  });

  it.each([
    { name: "a reply", body: fixture("openai-reply.json") },
    { name: "null without being a list", body: { data: null } },
    { name: "a list of something else", body: { data: "models" } },
  ])("are not read from $name", ({ body }) => {
    expect(readModels(body)).toBeUndefined();
  });

  it("are read as far as they make sense", () => {
    const odd = { supported_parameters: "tools", aliases: {}, architecture: [], capabilities: 1, deprecation: "soon" };
    const data = [null, "gpt", { id: 7, created: "yesterday", context_length: -1 }, { id: "a", created: 1e18, ...odd }];
    expect(readModels({ data })?.models).toEqual([
      { ...silent, id: "", ownedBy: "", createdAt: undefined },
      { ...silent, id: "a", ownedBy: "", createdAt: undefined },
    ]);
  });
});
