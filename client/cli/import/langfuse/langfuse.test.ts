import type { JsonObject } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { wantedOf } from "../../apply/manifest.ts";
import { silentLeaves } from "../findings.ts";
import { importLangfuse } from "./langfuse.ts";

const connection = (fields: JsonObject): JsonObject => ({
  id: "c",
  displaySecretKey: "...cd12",
  baseURL: null,
  customModels: [],
  withDefaultModels: false,
  extraHeaderKeys: [],
  config: null,
  createdAt: "2026-01-01T00:00:00.000Z",
  ...fields,
});
const CONNECTIONS: JsonObject = {
  data: [
    connection({
      provider: "openai",
      adapter: "openai",
      customModels: ["ft:gpt-4o:acme"],
      withDefaultModels: true,
      config: { useResponsesApi: true },
    }),
    connection({
      provider: "My Gateway",
      adapter: "openai",
      baseURL: "https://gw.example.com/v1/",
      customModels: ["big", "ft:gpt-4o:acme"],
      extraHeaderKeys: ["x-team"],
    }),
    connection({ provider: "studio", adapter: "google-ai-studio" }),
    connection({ provider: "aws", adapter: "bedrock", config: { region: "us-east-1" } }),
  ],
  meta: { page: 1, limit: 50, totalItems: 4, totalPages: 1 },
};
const MODELS: JsonObject = {
  data: [
    {
      id: "m1",
      modelName: "big",
      matchPattern: "(?i)^big$",
      unit: "TOKENS",
      inputPrice: 0.0000025,
      outputPrice: 0.00001,
      totalPrice: null,
      isLangfuseManaged: false,
    },
    { id: "m2", modelName: "big", matchPattern: "(?i)^big", unit: "TOKENS", inputPrice: 1, isLangfuseManaged: true },
    {
      id: "m3",
      modelName: "gpt-4",
      matchPattern: "gpt-4",
      unit: "TOKENS",
      inputPrice: 0.00003,
      isLangfuseManaged: true,
    },
  ],
  meta: { page: 1 },
};

const imported = importLangfuse(CONNECTIONS, MODELS, new Map([["MY_GATEWAY_API_KEY", "sk-canary-0123456789abcd"]]));
const why = (path: string) => imported.findings.find((finding) => finding.path === path)?.message;

describe("what Langfuse's API says", () => {
  it("has a finding for each of its fields, and shows no secret in them", () => {
    expect(silentLeaves({ ...CONNECTIONS, models: MODELS }, imported.findings)).toEqual([]);
    expect(JSON.stringify(imported.findings)).not.toContain("canary");
  });

  it("becomes a Provider for each connection, and an Llm for each of its own models, with its price", () => {
    expect(imported.providers).toEqual([
      { name: "openai", providerType: "OPENAI" },
      {
        name: "my-gateway",
        providerType: "CUSTOM_OPENAI_COMPATIBLE",
        endpointUrl: "https://gw.example.com/v1",
        credentials: { apiKey: { inlineSecret: "sk-canary-0123456789abcd" } },
      },
      {
        name: "studio",
        providerType: "CUSTOM_OPENAI_COMPATIBLE",
        endpointUrl: "https://generativelanguage.googleapis.com/v1beta/openai",
      },
    ]);
    expect(imported.llms).toEqual([
      {
        alias: "ft-gpt-4o-acme",
        displayName: "ft:gpt-4o:acme",
        providerId: "openai",
        modelIdentifier: "ft:gpt-4o:acme",
      },
      {
        alias: "big",
        displayName: "big",
        providerId: "my-gateway",
        modelIdentifier: "big",
        price: { input: "2.5", output: "10" },
      },
      {
        alias: "my-gateway/ft-gpt-4o-acme",
        displayName: "ft:gpt-4o:acme",
        providerId: "my-gateway",
        modelIdentifier: "ft:gpt-4o:acme",
      },
    ]);
  });

  it("is what the contract takes", () => {
    const { providers, llms } = imported;
    expect(wantedOf({ providers, llms }, "connections.json")).toHaveLength(6);
  });

  it.each([
    ["data[0].displaySecretKey", /put it into --env-file as OPENAI_API_KEY/],
    ["data[0].withDefaultModels", /make Llms of Provider openai/],
    ["data[1].extraHeaderKeys[0]", /their values are not in the export/],
    ["data[3].provider", /does not speak the API of bedrock/],
    ["models.data[1].modelName", /another definition of this model was taken/],
    ["models.data[2].inputPrice", /no Llm of this model was taken/],
  ])("says of %s why", (path, reason) => expect(why(path)).toMatch(reason));
});
