import type { DescEnum } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { ChatRequestSchema } from "../../../gen/patchbay/v1/chat_service_pb.ts";
import { CreateLlmRequestSchema } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { remarkFor, valuesFor } from "./other-words.ts";

describe("a value of an enum by another word", () => {
  const { providerType } = CreateLlmRequestSchema.field;
  const values = (word: string) => valuesFor(providerType.enum as DescEnum, word, ["OPENAI", "ANTHROPIC"]);

  it.each([
    ["claude", ["ANTHROPIC"]],
    ["claude-sonnet-4-6", ["ANTHROPIC"]],
    ["gpt-4o", ["OPENAI"]],
    ["Gemini", ["CUSTOM_OPENAI_COMPATIBLE"]],
    ["constructor", []],
  ])("is known: %s", (word, meant) => expect(values(word)).toEqual(meant));
});

describe("a remark on an unknown field", () => {
  it("is known of the words of other APIs", () => {
    expect(remarkFor(ChatRequestSchema, "reasoning_effort")).toContain("client_config");
  });

  it("is none for what every object has", () => {
    expect(remarkFor(ChatRequestSchema, "constructor")).toBeUndefined();
  });
});
