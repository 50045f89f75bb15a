import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readModels } from "./models.ts";

function fixture(name: string) {
  return JSON.parse(readFileSync(join(import.meta.dirname, "fixtures", name), "utf8"));
}

const silent = { displayName: "", maxContextLength: undefined };

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
      models: [
        {
          id: "openai/gpt-4o",
          displayName: "OpenAI: GPT-4o",
          ownedBy: "",
          createdAt: 1_715_558_400_000,
          maxContextLength: 128_000,
        },
      ],
    },
    {
      name: "litellm-models.json",
      models: [
        { ...silent, id: "gpt-4o", ownedBy: "openai", createdAt: 1_677_610_602_000 },
        { ...silent, id: "bedrock-claude", ownedBy: "openai", createdAt: 1_677_610_602_000 },
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
  ])("are read from $name", ({ name, models }) => {
    expect(readModels(fixture(name))).toEqual({ models, next: undefined });
  });

  it.each([
    { name: "a reply", body: fixture("openai-reply.json") },
    { name: "null without being a list", body: { data: null } },
    { name: "a list of something else", body: { data: "models" } },
  ])("are not read from $name", ({ body }) => {
    expect(readModels(body)).toBeUndefined();
  });

  it("are read as far as they make sense", () => {
    const data = [null, "gpt", { id: 7, created: "yesterday", context_length: -1 }, { id: "a", created: 1e18 }];
    expect(readModels({ data })?.models).toEqual([
      { ...silent, id: "", ownedBy: "", createdAt: undefined },
      { ...silent, id: "a", ownedBy: "", createdAt: undefined },
    ]);
  });
});
