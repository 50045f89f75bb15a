import { describe, expect, it } from "vitest";
import { adapterOf } from "../calls/adapters.ts";
import type { ModelRequest, ResponseFormat, ToolChoice } from "./conversation.ts";
import type { ProviderType, Target } from "./provider-types.ts";

/** The part of a request that its form is, as it goes over the wire. */
function write(providerType: ProviderType, request: Partial<ModelRequest>, more: Partial<Target> = {}) {
  const model = "some-model";
  const target = { ownerId: "o", providerType, endpointUrl: "https://x.example", apiPath: "/", apiKey: undefined };
  const whole: ModelRequest = {
    messages: [],
    sampling: {},
    tools: [{ name: "f", description: "", parameters: {} }],
    ...request,
  };
  const written = adapterOf(providerType).writeRequest({ ...target, model, ...more }, whole, false);
  const { response_format, tool_choice, output_config } = JSON.parse(JSON.stringify(written));
  return { response_format, tool_choice, output_config };
}

const schema = { type: "object", properties: { city: { type: "string" } } };
const json: ResponseFormat = { type: "json-schema", name: "place", description: "A city.", schema, strict: true };
const plain: ResponseFormat = { ...json, description: "", strict: undefined };

describe("the form of a reply", () => {
  it.each<{ format: ResponseFormat; written: unknown }>([
    { format: { type: "text" }, written: { type: "text" } },
    { format: { type: "json-object" }, written: { type: "json_object" } },
    {
      format: json,
      written: { type: "json_schema", json_schema: { name: "place", description: "A city.", schema, strict: true } },
    },
    { format: plain, written: { type: "json_schema", json_schema: { name: "place", schema } } },
  ])("is written for OpenAI: $format.type", ({ format, written }) => {
    expect(write("OPENAI", { responseFormat: format })).toEqual({ response_format: written });
  });

  it.each<{ format: ResponseFormat; written: unknown }>([
    { format: { type: "text" }, written: undefined },
    { format: json, written: { format: { type: "json_schema", schema } } },
  ])("is written for Anthropic: $format.type", ({ format, written }) => {
    expect(write("ANTHROPIC", { responseFormat: format })).toEqual({ output_config: written });
  });

  it("stands beside what the owner says of Anthropic's output", () => {
    const config = { members: { output_config: { effort: "low" } }, headers: {} };
    expect(write("ANTHROPIC", { responseFormat: json }, { config }).output_config).toMatchObject({
      effort: "low",
      format: {},
    });
  });
});

describe("the choice of tools", () => {
  it.each<{ choice: ToolChoice; openAi: unknown; anthropic: unknown }>([
    { choice: { type: "auto" }, openAi: "auto", anthropic: { type: "auto" } },
    { choice: { type: "none" }, openAi: "none", anthropic: { type: "none" } },
    { choice: { type: "required" }, openAi: "required", anthropic: { type: "any" } },
    {
      choice: { type: "tool", name: "f" },
      openAi: { type: "function", function: { name: "f" } },
      anthropic: { type: "tool", name: "f" },
    },
  ])("is written: $choice.type", ({ choice, openAi, anthropic }) => {
    expect(write("VLLM", { toolChoice: choice })).toEqual({ tool_choice: openAi });
    expect(write("ANTHROPIC", { toolChoice: choice })).toEqual({ tool_choice: anthropic });
  });

  it.each<ProviderType>(["OPENAI", "ANTHROPIC"])("is not written without tools: %s", (providerType) => {
    expect(write(providerType, { tools: [], toolChoice: { type: "none" } })).toEqual({});
  });
});
