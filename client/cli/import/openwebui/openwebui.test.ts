import type { JsonObject } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { wantedOf } from "../../apply/manifest.ts";
import { silentLeaves } from "../findings.ts";
import { importOpenWebui } from "./openwebui.ts";

const OPENAI = {
  enable: true,
  api_base_urls: [
    "https://api.openai.com/v1",
    "https://gateway.example.com/v1",
    "https://x.openai.azure.com",
    "https://old.example.com/v1",
  ],
  api_keys: ["sk-canary-0123456789abcd", "", "azure-canary-0123456789", "old-canary", "left-over-canary"],
  api_configs: {
    "0": {
      enable: true,
      tags: [{ name: "team" }],
      prefix_id: "",
      model_ids: ["gpt-4o", "gpt-4o-mini"],
      connection_type: "external",
      auth_type: "bearer",
    },
    "1": { enable: true, prefix_id: "gw", model_ids: ["Big/Model"] },
    "2": { azure: true, api_version: "2024-10-21", model_ids: [] },
    "3": { enable: false },
    "9": { enable: true },
  },
};
const OLLAMA = {
  enable: true,
  base_urls: ["http://localhost:11434"],
  api_configs: { "0": { key: "ollama-canary-0123456789", model_ids: ["qwen3"] } },
};
const NESTED: JsonObject = {
  version: 0,
  ui: { enable_signup: false },
  openai: OPENAI,
  ollama: OLLAMA,
  rag: { template: "" },
};
const FLAT = Object.fromEntries(
  Object.entries({ openai: OPENAI, ollama: OLLAMA }).flatMap(([section, fields]) =>
    Object.entries(fields).map(([name, value]) => [`${section}.${name}`, value]),
  ),
) as JsonObject;
const MODELS: JsonObject[] = [
  {
    id: "helper",
    name: "Team helper",
    base_model_id: "gpt-4o",
    params: { system: "You help.", temperature: 0.2 },
    meta: {},
    is_active: true,
  },
  { id: "big", base_model_id: "gw.Big/Model" },
  { id: "gpt-4o", name: "dressed", base_model_id: null },
  { id: "lost", base_model_id: "nowhere" },
];

const imported = importOpenWebui(NESTED, MODELS);
const why = (path: string) => imported.findings.find((finding) => finding.path === path)?.message;

describe("an export of Open WebUI", () => {
  it("has a finding for each of its fields, and shows no secret in them", () => {
    expect(silentLeaves({ ...NESTED, models: MODELS }, imported.findings)).toEqual([]);
    expect(JSON.stringify(imported.findings)).not.toContain("canary");
  });

  it("becomes a Provider for each connection, and an Llm for each model that it names", () => {
    expect(imported.providers).toEqual([
      {
        name: "openai",
        providerType: "OPENAI",
        endpointUrl: "https://api.openai.com/v1",
        credentials: { apiKey: { inlineSecret: "sk-canary-0123456789abcd" } },
      },
      {
        name: "gateway.example",
        providerType: "CUSTOM_OPENAI_COMPATIBLE",
        endpointUrl: "https://gateway.example.com/v1",
      },
      {
        name: "x.openai.azure",
        providerType: "CUSTOM_OPENAI_COMPATIBLE",
        endpointUrl: "https://x.openai.azure.com/openai/v1",
        credentials: { apiKey: { headerName: "api-key", prefix: "", inlineSecret: "azure-canary-0123456789" } },
      },
      {
        name: "localhost",
        providerType: "OLLAMA",
        endpointUrl: "http://localhost:11434/v1",
        credentials: { apiKey: { inlineSecret: "ollama-canary-0123456789" } },
      },
    ]);
    expect(imported.llms.map(({ alias, modelIdentifier }) => [alias, modelIdentifier])).toEqual([
      ["gpt-4o", "gpt-4o"],
      ["gpt-4o-mini", "gpt-4o-mini"],
      ["gw.big/model", "Big/Model"],
      ["qwen3", "qwen3"],
    ]);
  });

  it("has a route for each model of the workspace that stands on one of a connection", () => {
    expect(imported.routes).toEqual([
      { name: "helper", displayName: "Team helper", tiers: [{ targets: [{ llmId: "gpt-4o" }] }] },
      { name: "big", displayName: "big", tiers: [{ targets: [{ llmId: "gw.big/model" }] }] },
    ]);
  });

  it("is the same in the flat form of later versions", () => {
    const { providers, llms } = importOpenWebui(FLAT);
    expect({ providers, llms }).toEqual({ providers: imported.providers, llms: imported.llms });
  });

  it("is what the contract takes", () => {
    const { providers, llms, routes } = imported;
    expect(wantedOf({ providers, llms, routes }, "webui.json")).toHaveLength(10);
  });

  it.each([
    ["openai.api_keys[3]", /not in use/],
    ["openai.api_keys[4]", /no address/],
    ["openai.api_configs.9.enable", /no address/],
    ["openai.api_configs.2.model_ids", /make Llms of Provider x.openai.azure/],
    ["models[0].params.system", /instructions and parameters are the caller's/],
    ["models[2].id", /dresses a model of a connection up/],
    ["models[3].id", /no connection names nowhere/],
    ["ui.enable_signup", /Open WebUI itself/],
  ])("says of %s why", (path, reason) => expect(why(path)).toMatch(reason));
});
