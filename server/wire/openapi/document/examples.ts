import type { JsonObject } from "@bufbuild/protobuf";
import type { RpcExamples } from "./rpc-examples.ts";

const LLM_ID = "5b1f2a3c-6d7e-4f80-91a2-b3c4d5e6f708";
const OWNER_ID = "c0a8b1d2-3e4f-4a5b-8c6d-7e8f90a1b2c3";
const MODEL = "gpt-4o-2024-08-06";

const CONNECTION_TEST: JsonObject = {
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

const NEW_LLM: JsonObject = {
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
  ownerId: OWNER_ID,
  createdAt: "1767225600000",
  updatedAt: "1767225600000",
  createdById: OWNER_ID,
  updatedById: OWNER_ID,
  status: "UNTESTED",
  credentialsHint: "…a1b2",
  hasCredentials: true,
  etag: "1",
  modelState: { state: "ACTIVE", source: "CATALOG" },
  capabilitySources: {
    supportsChat: { source: "CATALOG" },
    supportsFunctionCalling: { source: "CATALOG" },
    supportsStreaming: { source: "ASSUMED" },
    maxContextLength: { source: "CATALOG" },
    supportedModalities: { source: "CATALOG" },
  },
};

const LLM: JsonObject = {
  ...NEW_LLM,
  status: "ACTIVE",
  isDefault: true,
  lastTest: CONNECTION_TEST,
  modelState: { state: "ACTIVE", source: "PROVIDER", checkedAt: "1767225660000" },
};

const MODELS: JsonObject = {
  models: [{ modelIdentifier: "gpt-4o", ownedBy: "system", createdAt: "1715367049000" }],
  fetchedAt: "1767225660000",
};

const PROVIDER: JsonObject = {
  providerId: "9d2c4b6a-1e3f-4a5b-8c7d-6e5f4a3b2c1d",
  name: "openai",
  number: 1,
  displayName: "OpenAI",
  providerType: "OPENAI",
  baseUrl: "https://api.openai.com/v1",
  metadata: { costCentre: "4711" },
  ownerId: OWNER_ID,
  createdAt: "1767225600000",
  updatedAt: "1767225600000",
  createdById: OWNER_ID,
  updatedById: OWNER_ID,
  status: "UNTESTED",
  hasCredentials: true,
  credentialsHint: "…a1b2",
  etag: "r1",
};

const USAGE: JsonObject = { inputTokens: "14", outputTokens: "9" };
/** At 2.5 and 10 dollars a million tokens. */
const COST = String(14 * 2_500_000 + 9 * 10_000_000);

const CHAT_REQUESTS: RpcExamples["requests"] = {
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

/** Examples of bodies, by `Service.Rpc`: messages of the contract in JSON. A test holds each against the contract. */
export const EXAMPLES: Readonly<Record<string, RpcExamples>> = {
  "LlmService.CreateLlm": {
    requests: {
      openai: {
        summary: "A model of OpenAI",
        value: {
          displayName: "GPT-4o of the support team",
          providerType: "OPENAI",
          modelIdentifier: "gpt-4o",
          credentials: { apiKey: { inlineSecret: "sk-proj-0123456789abcdefa1b2" } },
          labels: { team: "support" },
          defaultSamplingParams: { temperature: 0.2 },
        },
      },
      reference: {
        summary: "A model whose key is kept in HashiCorp Vault",
        value: {
          displayName: "Claude of the support team",
          providerType: "ANTHROPIC",
          modelIdentifier: "claude-sonnet-4-5",
          credentials: { apiKey: { secretRef: { uri: "vault://kv/patchbay/support#anthropic" } } },
        },
      },
      ollama: {
        summary: "A model on a local Ollama, without credentials",
        value: {
          displayName: "Llama on my desk",
          providerType: "OLLAMA",
          endpointUrl: "http://localhost:11434/v1",
          modelIdentifier: "llama3.2",
        },
      },
      provider: {
        summary: "A model of a Provider, with its endpoint and its key",
        value: { displayName: "GPT-4o mini", modelIdentifier: "gpt-4o-mini", providerId: "openai" },
      },
    },
    responses: {
      created: {
        summary: "The Llm and what was inferred",
        value: {
          llm: NEW_LLM,
          statuses: [{ code: "LLM_CAPABILITY_INFERRED", message: "supportsStreaming was inferred to be true." }],
        },
      },
    },
  },
  "LlmService.GetLlm": { requests: {}, responses: { llm: { summary: "An Llm", value: { llm: LLM } } } },
  "LlmService.ListLlms": { requests: {}, responses: { page: { summary: "The only page", value: { llms: [LLM] } } } },
  "LlmService.ListLlmModels": {
    requests: {},
    responses: { models: { summary: "What the endpoint serves", value: MODELS } },
  },
  "LlmService.UpdateLlm": {
    requests: {
      rename: {
        summary: "A new name, and one more label",
        value: { displayName: "GPT-4o for everybody", mergeLabels: { labels: { stage: "production" } } },
      },
      rotate: {
        summary: "A new key",
        value: { credentials: { apiKey: { inlineSecret: "sk-proj-0123456789abcdefc3d4" } }, etag: "1" },
      },
      clear: { summary: "No description any more", value: { updateMask: "description" } },
    },
    responses: {
      llm: {
        summary: "The Llm as it is now",
        value: {
          llm: { ...LLM, displayName: "GPT-4o for everybody", labels: { team: "support", stage: "production" } },
        },
      },
    },
  },
  "LlmService.TestLlm": {
    requests: { pending: { summary: "With the key to use next", value: { slot: "PENDING" } } },
    responses: { works: { summary: "A chat works", value: { test: CONNECTION_TEST } } },
  },
  "LlmService.AddPendingCredentials": {
    requests: {
      key: {
        summary: "The key to use next",
        value: { credentials: { apiKey: { inlineSecret: "sk-proj-0123456789abcdefc3d4" } } },
      },
    },
    responses: {
      added: {
        summary: "It waits beside the one that is used",
        value: { llm: { ...LLM, pendingCredentials: { hint: "…c3d4", since: "1767225660000" } } },
      },
    },
  },
  "LlmService.PromoteCredentials": {
    requests: {},
    responses: {
      promoted: {
        summary: "It is used; the one before can be brought back",
        value: {
          llm: { ...LLM, credentialsHint: "…c3d4", previousCredentials: { hint: "…a1b2", since: "1767225660000" } },
        },
      },
    },
  },
  "LlmService.RetireCredentials": {
    requests: { previous: { summary: "The one before", value: { slot: "PREVIOUS" } } },
    responses: {
      retired: { summary: "Only the new one is left", value: { llm: { ...LLM, credentialsHint: "…c3d4" } } },
    },
  },
  "LlmService.TestConnection": {
    requests: {
      unsaved: {
        summary: "A connection that is not registered",
        value: {
          providerType: "ANTHROPIC",
          modelIdentifier: "claude-sonnet-4-5",
          credentials: { apiKey: { inlineSecret: "sk-ant-0123456789abcdefe5f6" } },
        },
      },
      changed: {
        summary: "A registered Llm with another model",
        value: { llmId: LLM_ID, modelIdentifier: "gpt-4o-mini" },
      },
    },
    responses: {
      works: { summary: "A chat works", value: { test: CONNECTION_TEST } },
      keyRefused: {
        summary: "The key is refused",
        value: {
          test: {
            outcome: "KEY_REFUSED",
            message: "The endpoint refused the key. Check that it is whole, and not revoked.",
            stages: [
              { name: "ADDRESS", state: "PASSED" },
              { name: "CONNECTION", state: "PASSED" },
              { name: "KEY", state: "FAILED" },
              { name: "MODEL", state: "SKIPPED" },
              { name: "REPLY", state: "SKIPPED" },
              { name: "STREAM", state: "SKIPPED" },
            ],
            latencyMs: 96,
            httpStatus: 401,
            testedAt: "1767225660000",
          },
        },
      },
    },
  },
  "ProviderService.UpsertProvider": {
    requests: {
      openai: {
        summary: "OpenAI, whose address and API the name says",
        value: {
          displayName: "OpenAI",
          credentials: { apiKey: { inlineSecret: "sk-proj-0123456789abcdefa1b2" } },
          metadata: { costCentre: "4711" },
        },
      },
      ollama: {
        summary: "A local Ollama, without credentials",
        value: { providerType: "OLLAMA", baseUrl: "http://localhost:11434/v1" },
      },
      rotate: {
        summary: "A new key, for all Llms at once",
        value: { credentials: { apiKey: { inlineSecret: "sk-proj-0123456789abcdefc3d4" } }, etag: "r1" },
      },
    },
    responses: {
      created: { summary: "A new one", value: { provider: PROVIDER, created: true } },
      changed: { summary: "One that was there", value: { provider: { ...PROVIDER, etag: "r2" } } },
    },
  },
  "ProviderService.GetProvider": {
    requests: {},
    responses: { provider: { summary: "A Provider", value: { provider: PROVIDER } } },
  },
  "ProviderService.ListProviders": {
    requests: {},
    responses: { page: { summary: "The only page", value: { providers: [PROVIDER], totalSize: 1 } } },
  },
  "ProviderService.ListProviderModels": {
    requests: {},
    responses: {
      models: {
        summary: "What the vendor serves",
        value: MODELS,
      },
    },
  },
  "ChatService.Chat": {
    requests: CHAT_REQUESTS,
    responses: {
      reply: {
        summary: "A reply",
        value: {
          llmId: LLM_ID,
          model: MODEL,
          message: { role: "ASSISTANT", content: "It lets you rewire them without touching the devices." },
          stopReason: "STOP_REASON_END",
          rawStopReason: "stop",
          usage: USAGE,
          usageSource: "REPORTED",
          cost: COST,
        },
      },
    },
  },
  "ChatService.StreamChat": {
    requests: CHAT_REQUESTS,
    responses: {
      start: { summary: "First", value: { start: { llmId: LLM_ID, model: MODEL } } },
      textDelta: { summary: "Then, many times", value: { textDelta: "It lets you" } },
      end: {
        summary: "Last",
        value: {
          end: {
            stopReason: "STOP_REASON_END",
            rawStopReason: "stop",
            usage: USAGE,
            usageSource: "REPORTED",
            cost: COST,
          },
        },
      },
    },
  },
};
