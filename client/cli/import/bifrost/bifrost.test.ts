import type { JsonObject } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { wantedOf } from "../../apply/manifest.ts";
import { silentLeaves } from "../findings.ts";
import { importBifrost } from "./bifrost.ts";

const VIRTUAL = "sk-bf-5f0c2a7e-91d4-4be8-a0c3-77aa10";

const CONFIG: JsonObject = {
  $schema: "https://www.getbifrost.ai/schema",
  encryption_key: "env.BIFROST_ENCRYPTION_KEY",
  client: { enable_logging: true, allowed_origins: ["*"] },
  providers: {
    openai: {
      keys: [
        { name: "primary", value: "env.OPENAI_API_KEY", models: ["gpt-4o", "gpt-4o-mini"], weight: 0.7 },
        {
          name: "backup",
          value: "sk-literal-0123456789abcd",
          models: ["gpt-4o"],
          weight: 0.3,
          use_for_batch_api: true,
        },
      ],
      network_config: { max_retries: 2, extra_headers: { "x-team": "ai" } },
    },
    anthropic: {
      keys: [{ name: "a", value: { value: "", env_var: "env.ANTHROPIC_KEY", from_env: true }, models: ["*"] }],
    },
    "local-vllm": {
      keys: [{ name: "l", value: "", models: ["qwen"] }],
      network_config: { base_url: "http://vllm:8000/v1" },
      custom_provider_config: { base_provider_type: "openai", allowed_requests: { chat_completion: true } },
    },
    azure: {
      keys: [
        {
          name: "z",
          value: "env.AZURE_KEY",
          models: ["gpt-4o"],
          azure_key_config: { endpoint: "https://x.openai.azure.com", api_version: "2024-10-21" },
        },
      ],
    },
    bedrock: { keys: [{ name: "b", bedrock_key_config: { access_key: "AKIA-canary" }, models: ["claude"] }] },
    groq: { keys: [{ name: "off", value: "gsk-canary", models: ["llama"], enabled: false }] },
  },
  governance: {
    auth_config: { is_enabled: true, admin_password: "canary" },
    budgets: [
      { id: "b-1", max_limit: 25, reset_duration: "1M", virtual_key_id: "vk-1" },
      { id: "b-team", max_limit: 100, reset_duration: "1M", team_id: "t" },
    ],
    rate_limits: [
      {
        id: "r-1",
        token_max_limit: 600_000,
        token_reset_duration: "1h",
        request_max_limit: 100,
        request_reset_duration: "1m",
      },
    ],
    teams: [{ id: "t", name: "Team" }],
    virtual_keys: [
      {
        id: "vk-1",
        name: "support bot",
        value: VIRTUAL,
        is_active: true,
        team_id: "t",
        rate_limit_id: "r-1",
        provider_configs: [
          { provider: "openai", allowed_models: ["gpt-4o", "gone"], weight: 0.5 },
          { provider: "local-vllm", allowed_models: ["*"] },
        ],
        mcp_configs: [],
      },
      { id: "vk-2", name: "closed", value: "sk-bf-0123456789abcdef", provider_configs: [] },
      { id: "vk-3", name: "made there", provider_configs: [{ provider: "openai", allowed_models: ["*"] }] },
    ],
  },
  config_store: { enabled: false },
};

const imported = importBifrost(CONFIG, new Map([["ANTHROPIC_KEY", "sk-ant-0123456789abcdefgh"]]));
const why = (path: string) => imported.findings.find((finding) => finding.path === path)?.message;

describe("a Bifrost configuration", () => {
  it("has a finding for each of its fields, and shows no secret in them", () => {
    expect(silentLeaves(CONFIG, imported.findings)).toEqual([]);
    expect(JSON.stringify(imported.findings)).not.toMatch(/canary|literal|sk-ant|5f0c2a7e/);
  });

  it("becomes a Provider for each key, and an Llm for each model that the key names", () => {
    expect(imported.providers).toEqual([
      {
        name: "openai-primary",
        providerType: "OPENAI",
        credentials: { apiKey: { secretRef: { uri: "env://OPENAI_API_KEY" } } },
      },
      {
        name: "openai-backup",
        providerType: "OPENAI",
        credentials: { apiKey: { inlineSecret: "sk-literal-0123456789abcd" } },
      },
      {
        name: "anthropic",
        providerType: "ANTHROPIC",
        credentials: { apiKey: { inlineSecret: "sk-ant-0123456789abcdefgh" } },
      },
      { name: "local-vllm", providerType: "CUSTOM_OPENAI_COMPATIBLE", endpointUrl: "http://vllm:8000/v1" },
      {
        name: "azure",
        providerType: "CUSTOM_OPENAI_COMPATIBLE",
        endpointUrl: "https://x.openai.azure.com/openai/v1",
        credentials: { apiKey: { headerName: "api-key", prefix: "", secretRef: { uri: "env://AZURE_KEY" } } },
      },
    ]);
    expect(imported.llms.map(({ alias, providerId }) => `${alias} by ${providerId}`)).toEqual([
      "openai/gpt-4o-1 by openai-primary",
      "openai/gpt-4o-2 by openai-backup",
      "openai/gpt-4o-mini by openai-primary",
      "local-vllm/qwen by local-vllm",
      "azure/gpt-4o by azure",
    ]);
    const targets = [
      { llmId: "openai/gpt-4o-1", weight: 70 },
      { llmId: "openai/gpt-4o-2", weight: 30 },
    ];
    expect(imported.routes).toEqual([{ name: "openai/gpt-4o", displayName: "openai/gpt-4o", tiers: [{ targets }] }]);
  });

  it("is what the contract takes", () => {
    const { providers, llms, routes } = imported;
    expect(wantedOf({ providers, llms, routes }, "config.json")).toHaveLength(11);
  });

  it("lets virtual keys go on, within what they might do", () => {
    expect(imported.keys).toEqual([
      {
        displayName: "support bot",
        expiresAt: "0",
        secret: VIRTUAL,
        limits: {
          allowedModels: ["openai/gpt-4o", "local-vllm/qwen"],
          budget: { amountUsd: "25", period: "MONTH" },
          requestsPerMinute: 100,
          tokensPerMinute: 10_000,
        },
      },
    ]);
    expect(why("governance.virtual_keys[1].value")).toMatch(/none of the models/);
    expect(why("governance.virtual_keys[2].name")).toMatch(/its text is not in the configuration/);
  });

  it.each([
    ["providers.bedrock.keys[0].models[0]", /does not speak the API of bedrock/],
    ["providers.anthropic.keys[0].models[0]", /make Llms of Provider anthropic/],
    ["providers.groq.keys[0].value", /not in use/],
    ["providers.openai.network_config.extra_headers.x-team", /clientConfig.headers/],
    ["governance.budgets[1].max_limit", /set them on an account/],
    ["governance.virtual_keys[0].provider_configs[0].allowed_models[1]", /no model called gone/],
    ["client.enable_logging", /Bifrost's own server/],
  ])("says of %s why", (path, reason) => expect(why(path)).toMatch(reason));
});
