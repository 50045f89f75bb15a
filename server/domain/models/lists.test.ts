import { describe, expect, it } from "vitest";
import type { ServedModel } from "../../upstream/models/adapter.ts";
import type { ProviderType } from "../../upstream/models/provider-types.ts";
import { findServed } from "./lists.ts";

interface Case {
  readonly type?: ProviderType;
  readonly name: string;
  readonly list: readonly (string | [id: string, alias: string])[];
  readonly catalogNames?: readonly string[];
  readonly found: string | undefined;
}

describe("findServed", () => {
  it.each<Case>([
    { name: "gpt-4o", list: ["gpt-4", "gpt-4o"], found: "gpt-4o" },
    { name: "gpt-4o", list: ["gpt-4o-mini", "GPT-4O"], found: undefined },
    { type: "OLLAMA", name: "llama3.2", list: ["llama3.2:latest"], found: "llama3.2:latest" },
    { type: "OLLAMA", name: "llama3.2:latest", list: ["llama3.2"], found: "llama3.2" },
    { type: "OLLAMA", name: "llama3.2:1b", list: ["llama3.2:latest"], found: undefined },
    { type: "VLLM", name: "llama3.2", list: ["llama3.2:latest"], found: undefined },
    { type: "OPEN_ROUTER", name: "openai/gpt-4o:online", list: ["openai/gpt-4o"], found: "openai/gpt-4o" },
    { type: "OPEN_ROUTER", name: "openai/gpt-4o:nitro", list: ["openai/gpt-4o"], found: "openai/gpt-4o" },
    { type: "OPEN_ROUTER", name: "deepseek/r1:free", list: ["deepseek/r1:free"], found: "deepseek/r1:free" },
    { type: "OPEN_ROUTER", name: "deepseek/r1:free", list: ["deepseek/r1"], found: undefined },
    { type: "LITELLM_PROXY", name: "openai/gpt-4o", list: ["a", "openai/*"], found: "openai/*" },
    { type: "LITELLM_PROXY", name: "openai/gpt-4o", list: ["openai/*", "openai/gpt-4o"], found: "openai/gpt-4o" },
    { type: "LITELLM_PROXY", name: "anything", list: ["*"], found: "*" },
    { type: "LITELLM_PROXY", name: "fo::hi::static::hi", list: ["fo::*:static::*"], found: "fo::*:static::*" },
    { type: "LITELLM_PROXY", name: "fo::hi", list: ["fo::*:static::*"], found: undefined },
    { type: "LITELLM_PROXY", name: "ab", list: ["ab*b"], found: undefined },
    { type: "LITELLM_PROXY", name: "anthropic/claude", list: ["openai/*"], found: undefined },
    { name: "mistral-medium", list: [["mistral-medium-2508", "mistral-medium"]], found: "mistral-medium-2508" },
    {
      name: "opus-4",
      catalogNames: ["opus-4-20250514", "opus-4"],
      list: ["opus-4-20250514"],
      found: "opus-4-20250514",
    },
    { name: "opus-4-20250514", catalogNames: ["opus-4-20250514", "opus-4"], list: ["opus-4"], found: "opus-4" },
  ])("of $name at $type among $list is $found", ({ type = "OPENAI", name, list, catalogNames = [], found }) => {
    const models = list.map((entry) => {
      const [id, alias] = typeof entry === "string" ? [entry] : entry;
      return { id, aliases: alias === undefined ? [] : [alias] } as unknown as ServedModel;
    });
    expect(findServed(models, { providerType: type, name, catalogNames })?.id).toBe(found);
  });

  it("takes no time for a pattern that is made to take it", () => {
    const models = [{ id: `${"*a".repeat(100)}*b`, aliases: [] } as unknown as ServedModel];
    const startedAt = performance.now();
    findServed(models, { providerType: "LITELLM_PROXY", name: "a".repeat(255), catalogNames: [] });
    // Tried one by one, its ways would take years.
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });
});
