import type { JsonObject } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { wantedOf } from "../../apply/manifest.ts";
import { silentLeaves } from "../findings.ts";
import { importLitellm } from "./litellm.ts";

const CONFIG = `
model_list:
  - model_name: Fast Chat
    litellm_params:
      model: openai/gpt-4o-mini
      api_key: os.environ/OPENAI_API_KEY
      temperature: 0.2
      stop: END
      organization: org-1
      input_cost_per_token: 0.00000015
      output_cost_per_token: 6e-7
      rpm: 480
    model_info: {id: "1", mode: chat, max_input_tokens: 128000}
  - model_name: team
    litellm_params: {model: azure/gpt-4o, api_base: "https://x.openai.azure.com/", api_version: "2024-06-01", api_key: sk-literal-0123456789abcd}
  - model_name: team
    litellm_params: {model: groq/llama-3.3-70b, api_key: os.environ/GROQ_KEY, weight: 3, extra_headers: {X-Team: ai}}
  - model_name: own
    litellm_params: {model: openai/my-model, api_base: "https://models.example.com/v1"}
  - model_name: local
    litellm_params: {model: ollama_chat/llama3.2, api_base: "http://localhost:11434"}
  - model_name: embed
    litellm_params: {model: text-embedding-3-small}
    model_info: {mode: embedding}
  - model_name: cloud
    litellm_params: {model: bedrock/anthropic.claude-v2, aws_region_name: us-east-1}
  - {model_name: elsewhere, litellm_params: {model: openai/gpt-4o, api_base: os.environ/NOT_GIVEN, api_key: os.environ/OPENAI_API_KEY}}
  - {model_name: also fast, litellm_params: {model: gpt-4o-mini, api_key: os.environ/OPENAI_API_KEY, temperature: 0.9}}
  - model_name: "anthropic/*"
    litellm_params: {model: "anthropic/*", api_key: os.environ/ANTHROPIC_API_KEY}
litellm_settings: {drop_params: true, fallbacks: [{team: [local, gone]}], context_window_fallbacks: [{team: [own]}], success_callback: [langfuse]}
general_settings: {master_key: sk-1234}
router_settings: {routing_strategy: least-busy, num_retries: 2, model_group_alias: {smart: team}}
`;

const imported = importLitellm(parse(CONFIG), new Map([["GROQ_KEY", "gsk-0123456789abcdefghijkl"]]));

describe("a LiteLLM configuration", () => {
  it("has a finding for each of its fields", () => {
    expect(silentLeaves(parse(CONFIG), imported.findings)).toEqual([]);
  });

  it("becomes Llms that reach what its models reach", () => {
    expect(imported.llms).toEqual([
      {
        providerType: "OPENAI",
        modelIdentifier: "gpt-4o-mini",
        alias: "fast-chat",
        displayName: "Fast Chat",
        credentials: { apiKey: { secretRef: { uri: "env://OPENAI_API_KEY" } } },
        defaultSamplingParams: { temperature: 0.2, stopSequences: ["END"] },
        clientConfig: { headers: { "OpenAI-Organization": "org-1" } },
        price: { input: "0.15", output: "0.6" },
        maxContextLength: 128000,
      },
      expect.objectContaining({
        alias: "team-1",
        endpointUrl: "https://x.openai.azure.com/openai/v1",
        credentials: { apiKey: { headerName: "api-key", prefix: "", inlineSecret: "sk-literal-0123456789abcd" } },
      }),
      expect.objectContaining({
        alias: "team-2",
        endpointUrl: "https://api.groq.com/openai/v1",
        modelIdentifier: "llama-3.3-70b",
        credentials: { apiKey: { inlineSecret: "gsk-0123456789abcdefghijkl" } },
      }),
      expect.objectContaining({ alias: "own", providerType: "CUSTOM_OPENAI_COMPATIBLE" }),
      expect.objectContaining({ alias: "local", providerType: "OLLAMA", endpointUrl: "http://localhost:11434/v1" }),
    ] satisfies unknown[] as JsonObject[]);
    expect(imported.providers).toEqual([
      {
        name: "anthropic",
        providerType: "ANTHROPIC",
        credentials: { apiKey: { secretRef: { uri: "env://ANTHROPIC_API_KEY" } } },
      },
    ]);
  });

  it("has a route for a name of several models and its fallbacks, and one for another name of it", () => {
    const tiers = [
      { policy: "LEAST_BUSY", targets: [{ llmId: "team-1" }, { llmId: "team-2", weight: 3 }] },
      { policy: "LEAST_BUSY", targets: [{ llmId: "local" }] },
    ];
    expect(imported.routes).toEqual([
      { name: "team", displayName: "team", tiers },
      { name: "smart", displayName: "smart", tiers },
      { name: "also-fast", displayName: "also fast", tiers: [{ targets: [{ llmId: "fast-chat" }] }] },
    ]);
    expect(imported.findings.find(({ path }) => path === "litellm_settings.fallbacks[0].team[1]")).toMatchObject({
      verdict: "not taken",
      message: "no model called gone was taken",
    });
  });

  it("is what the contract takes", () => {
    expect(
      wantedOf({ llms: imported.llms, providers: imported.providers, routes: imported.routes }, "config.yaml"),
    ).toHaveLength(9);
  });

  it.each([
    ["model_list[0].litellm_params.rpm", /limits are of API keys/],
    ["model_list[2].model_name", /team-2 of the route team/],
    ["model_list[5].model_info.mode", /one for embedding/],
    ["model_list[6].litellm_params.model", /does not speak the API of bedrock/],
    ["model_list[7].litellm_params.api_key", /its address must be known here, or its key went elsewhere/],
    ["model_list[8].model_name", /the route also-fast, to fast-chat/],
    ["model_list[8].litellm_params.api_key", /as that of fast-chat/],
    ["model_list[8].litellm_params.temperature", /fast-chat reaches the same, with settings of its own/],
    ["litellm_settings.fallbacks[0].team[0]", /a tier of the route team/],
    ["model_list[2].litellm_params.weight", /its weight in the route/],
    ["router_settings.routing_strategy", /policy LEAST_BUSY/],
    ["router_settings.model_group_alias.smart", /the route smart/],
    ["litellm_settings.context_window_fallbacks[0].team[0]", /one list of tiers/],
    ["general_settings.master_key", /keys of its own/],
  ])("says of %s why", (path, why) => {
    expect(imported.findings.find((finding) => finding.path === path)?.message).toMatch(why);
  });

  it("shows no secret in its findings", () => {
    expect(JSON.stringify(imported.findings)).not.toMatch(/literal|gsk-|sk-1234/);
  });
});
