import type { JsonObject } from "@bufbuild/protobuf";
import type { RpcExamples } from "./rpc-examples.ts";

export const LLM_ID = "5b1f2a3c-6d7e-4f80-91a2-b3c4d5e6f708";
const OWNER_ID = "c0a8b1d2-3e4f-4a5b-8c6d-7e8f90a1b2c3";
export const MODEL = "gpt-4o-2024-08-06";

/** Who made something, and when. */
const MADE: JsonObject = {
  ownerId: OWNER_ID,
  createdAt: "1767225600000",
  updatedAt: "1767225600000",
  createdById: OWNER_ID,
  updatedById: OWNER_ID,
};

export const CONNECTION_TEST: JsonObject = {
  outcome: "OK",
  message: "The model replied.",
  stages: [
    { name: "ADDRESS", state: "PASSED" },
    { name: "CONNECTION", state: "PASSED" },
    { name: "KEY", state: "PASSED" },
    { name: "MODEL", state: "PASSED" },
    { name: "REPLY", state: "PASSED" },
    { name: "STREAM", state: "PASSED" },
  ],
  latencyMs: 412,
  httpStatus: 200,
  model: MODEL,
  testedAt: "1767225660000",
};

export const NEW_LLM: JsonObject = {
  llmId: LLM_ID,
  displayName: "GPT-4o of the support team",
  providerType: "OPENAI",
  endpointUrl: "https://api.openai.com/v1",
  apiPath: "/chat/completions",
  modelIdentifier: "gpt-4o",
  supportedModalities: ["TEXT", "IMAGE"],
  labels: { team: "support" },
  capabilities: { supportsChat: true, supportsFunctionCalling: true, supportsStreaming: true },
  defaultSamplingParams: { temperature: 0.2 },
  maxContextLength: 128000,
  ...MADE,
  status: "UNTESTED",
  credentialsHint: "…a1b2",
  hasCredentials: true,
  etag: "r1",
  modelState: { state: "ACTIVE", source: "CATALOG" },
  capabilitySources: {
    supportsChat: { source: "CATALOG" },
    supportsFunctionCalling: { source: "CATALOG" },
    supportsStreaming: { source: "ASSUMED" },
    maxContextLength: { source: "CATALOG" },
    supportedModalities: { source: "CATALOG" },
  },
};

export const LLM: JsonObject = {
  ...NEW_LLM,
  status: "ACTIVE",
  isDefault: true,
  lastTest: CONNECTION_TEST,
  modelState: { state: "ACTIVE", source: "PROVIDER", checkedAt: "1767225660000" },
};

export const MODELS: JsonObject = {
  models: [{ modelIdentifier: "gpt-4o", ownedBy: "system", createdAt: "1715367049000" }],
  fetchedAt: "1767225660000",
};

export const PROVIDER: JsonObject = {
  providerId: "9d2c4b6a-1e3f-4a5b-8c7d-6e5f4a3b2c1d",
  name: "openai",
  number: 1,
  displayName: "OpenAI",
  providerType: "OPENAI",
  endpointUrl: "https://api.openai.com/v1",
  metadata: { costCentre: "4711" },
  ...MADE,
  status: "UNTESTED",
  hasCredentials: true,
  credentialsHint: "…a1b2",
  etag: "r1",
};

export const USAGE: JsonObject = { inputTokens: "14", outputTokens: "9" };
/** At 2.5 and 10 dollars a million tokens. */
export const COST = String(14 * 2_500_000 + 9 * 10_000_000);

export const CHAT_REQUESTS: RpcExamples["requests"] = {
  message: { summary: "One message", value: { message: "What is a patchbay, in one sentence?" } },
  conversation: {
    summary: "A conversation, with sampling parameters",
    value: {
      messages: [
        { role: "SYSTEM", content: "You answer in one sentence." },
        { role: "USER", content: "What is a patchbay?" },
        { role: "ASSISTANT", content: "A panel of sockets that connects devices with short cables." },
        { role: "USER", content: "And what is it for?" },
      ],
      samplingParams: { temperature: 0.2, maxTokens: 200 },
    },
  },
  tools: {
    summary: "With a tool that the model may call",
    value: {
      message: "What is the weather in Vienna?",
      tools: [
        {
          name: "get_weather",
          description: "The weather in a city.",
          parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
        },
      ],
    },
  },
};

export const ROUTE: JsonObject = {
  routeId: "9c8b7a6d-5e4f-4321-8a9b-0c1d2e3f4a5b",
  name: "support",
  displayName: "support",
  tiers: [
    {
      policy: "WEIGHTED",
      targets: [
        { llmId: LLM_ID, weight: 70 },
        { llmId: "6c2f3b4d-7e8f-4a90-82b3-c4d5e6f70819", weight: 30 },
      ],
    },
    { policy: "WEIGHTED", targets: [{ llmId: "7d3f4c5e-8f90-4ba1-93c4-d5e6f708192a", weight: 1 }] },
  ],
  attemptTimeoutMs: 20000,
  ...MADE,
  etag: "r1",
};
