import {
  CHAT_REQUESTS,
  CONNECTION_TEST,
  COST,
  LLM,
  LLM_ID,
  MODEL,
  MODELS,
  NEW_LLM,
  PROVIDER,
  ROUTE,
  USAGE,
} from "./example-values.ts";
import type { RpcExamples } from "./rpc-examples.ts";

/** Examples of bodies, by `Service.Rpc`: messages of the contract in JSON. A test holds each against the contract. */
export const EXAMPLES: Readonly<Record<string, RpcExamples>> = {
  "LlmService.CreateLlm": {
    requests: {
      demo: {
        summary: "The demo endpoint of the server, which needs no key",
        value: {
          alias: "demo",
          displayName: "Demo",
          providerType: "CUSTOM_OPENAI_COMPATIBLE",
          endpointUrl: "patchbay:demo",
          modelIdentifier: "demo",
        },
      },
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
        value: { credentials: { apiKey: { inlineSecret: "sk-proj-0123456789abcdefc3d4" } }, etag: "r1" },
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
    requests: {
      current: { summary: "With the key in use", value: {} },
      pending: { summary: "With the key to use next", value: { slot: "PENDING" } },
    },
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
        value: { providerType: "OLLAMA", endpointUrl: "http://localhost:11434/v1" },
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
  "AccessService.CreateApiKey": {
    requests: {
      member: { summary: "A key for a teammate", value: { displayName: "Alice", role: "MEMBER" } },
      limited: {
        summary: "A key for a program, with its own models, rates and budget",
        value: {
          displayName: "support bot",
          role: "MEMBER",
          limits: {
            allowedModels: ["support"],
            requestsPerMinute: 60,
            parallelCalls: 4,
            budget: { amountUsd: "25", period: "MONTH" },
          },
        },
      },
    },
    responses: {},
  },
  "RouteService.CreateRoute": {
    requests: {
      fallback: {
        summary: "Two as good as each other, and one for when both fail",
        value: {
          name: "support",
          tiers: [
            {
              targets: [
                { llmId: LLM_ID, weight: 70 },
                { llmId: "gpt-4o-eu", weight: 30 },
              ],
            },
            { targets: [{ llmId: "claude-team" }] },
          ],
          attemptTimeoutMs: 20000,
        },
      },
    },
    responses: { made: { summary: "It can be named as llm_id, or as model, at once", value: { route: ROUTE } } },
  },
  "RouteService.GetRoute": { requests: {}, responses: { route: { summary: "A route", value: { route: ROUTE } } } },
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
