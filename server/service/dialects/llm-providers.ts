import { createHash } from "node:crypto";
import type { JsonObject, JsonValue, MessageInitShape } from "@bufbuild/protobuf";
import { createClient, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import {
  type LlmProviderSchema,
  LlmProviderService,
} from "../../../gen/dialects/llm_providers/v1/llm_provider_service_pb.ts";
import { Message_Role } from "../../../gen/patchbay/v1/chat_pb.ts";
import { ChatService } from "../../../gen/patchbay/v1/chat_service_pb.ts";
import { ConnectionTest_Outcome } from "../../../gen/patchbay/v1/connection_test_pb.ts";
import { type Llm, Llm_Status } from "../../../gen/patchbay/v1/llm_pb.ts";
import { LlmService } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { invalidField } from "../../base/fault.ts";
import { callerOf } from "../call/context.ts";
import type { Dialect, Reach } from "./dialect.ts";
import {
  credentialsOf,
  getLlm,
  listAllLlms,
  nameOfProvider,
  numberOrNull,
  ownBaseUrl,
  presentConfiguration,
  providerTypeOf,
  readConfiguration,
  textOrNull,
  wholeSeconds,
} from "./shared.ts";

/** Our unit of cost in one US dollar, which is theirs. */
const PICO_DOLLARS = 1e12;

/** 002: providers with a chat, in envelopes. */
export const llmProviders: Dialect = {
  routes: (router, reach) => router.service(LlmProviderService, llmProviderRpcs(reach)),
  errors: {
    paths: ["/llm-providers"],
    name: "LlmProviderError",
    schema: {
      type: "object",
      description: "Why a call failed.",
      properties: {
        success: { const: false },
        error: { type: "string", description: "What happened, for people." },
        code: {
          type: "string",
          description: "The reason, a word for programs to decide by.",
          examples: ["LLM_DUPLICATE"],
        },
        fields: { type: "array", items: { type: "string" }, description: "The fields that are wrong." },
      },
      required: ["success", "error", "code"],
    },
    present: ({ httpStatus, reason, message, fields }) => ({
      httpStatus,
      body: { success: false, error: message, code: reason, ...(fields.length > 0 ? { fields: [...fields] } : {}) },
    }),
  },
};

/** The model of those who name none. */
const DEFAULT_MODELS: ReadonlyMap<string, string> = new Map([
  ["openai", "gpt-4o"],
  ["anthropic", "claude-sonnet-4-6"],
]);

function llmProviderRpcs(reach: Reach): ServiceImpl<typeof LlmProviderService> {
  const llmsOf = (context: HandlerContext) => createClient(LlmService, reach(context));
  return {
    async listLlmProviders(_, context) {
      const llms = await listAllLlms(llmsOf(context), callerOf(context.values)?.accountId ?? "");
      return { success: true, data: llms.map(present) };
    },

    async createLlmProvider(request, context) {
      const provider = request.provider || request.type;
      const { apiKey, model, baseUrl, configuration } = withConfigured(request);
      if (provider === "custom" && (!baseUrl || !model)) {
        throw invalidField(baseUrl ? "model" : "baseUrl", "is required for the provider custom");
      }
      const { llm } = await llmsOf(context).createLlm({
        displayName: request.name,
        providerType: providerTypeOf(provider),
        modelIdentifier: model || (DEFAULT_MODELS.get(provider) ?? ""),
        endpointUrl: baseUrl ?? "",
        ...readConfiguration(configuration),
        ...credentialsOf(apiKey),
      });
      return { success: true, ...(llm ? { data: present(llm) } : {}) };
    },

    async getLlmProvider({ id }, context) {
      return { success: true, data: present(await getLlm(llmsOf(context), id)) };
    },

    async updateLlmProvider(request, context) {
      const { id, name, provider } = request;
      const { apiKey, model, baseUrl, configuration } = withConfigured(request);
      const llms = llmsOf(context);
      const before = await getLlm(llms, id);
      const own = nameOfProvider(before.providerType);
      if (provider !== undefined && provider !== own) {
        throw invalidField("provider", `never changes; it is ${own}. Add another provider instead`);
      }
      const { llm } = await llms.updateLlm({
        llmId: id,
        etag: before.etag,
        ...(name === undefined ? {} : { displayName: name }),
        ...(model === undefined ? {} : { modelIdentifier: model }),
        ...(baseUrl === undefined ? {} : { endpointUrl: baseUrl }),
        ...readConfiguration(configuration),
        ...credentialsOf(apiKey),
      });
      return { success: true, ...(llm ? { data: present(llm) } : {}) };
    },

    async deleteLlmProvider({ id }, context) {
      await llmsOf(context).deleteLlm({ llmId: id });
      return { success: true };
    },

    async testLlmProvider({ id }, context) {
      const llms = llmsOf(context);
      const { test } = await llms.testLlm({ llmId: id });
      const isOk = test?.outcome === ConnectionTest_Outcome.OK;
      const model = test?.model || (await getLlm(llms, id)).modelIdentifier;
      const { latencyMs: responseTime = 0, message = "" } = test ?? {};
      return { success: isOk, data: { status: isOk ? "ok" : "failed", model, responseTime, message } };
    },

    async chatWithLlmProvider({ id, message, messages, sessionId }, context) {
      const reply = await createClient(ChatService, reach(context)).chat({
        llmId: id,
        message,
        messages: messages.map(({ role, content }) => ({ role: ROLES.get(role) ?? Message_Role.USER, content })),
        sessionId: sessionOf(sessionId),
      });
      return {
        success: true,
        data: {
          message: reply.message?.content ?? "",
          model: reply.model,
          inputTokens: numberOrNull(reply.usage?.inputTokens),
          outputTokens: numberOrNull(reply.usage?.outputTokens),
          sessionId: sessionId || reply.sessionId,
          cost: numberOrNull(reply.cost === undefined ? undefined : Number(reply.cost) / PICO_DOLLARS),
        },
      };
    },
  };
}

const ROLES: ReadonlyMap<string, Message_Role> = new Map([
  ["system", Message_Role.SYSTEM],
  ["user", Message_Role.USER],
  ["assistant", Message_Role.ASSISTANT],
]);

const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** Sessions have UUIDs here; a text that is none stands for always the same one, of the account that uses it. */
function sessionOf(text: string): string {
  if (text === "" || UUID.test(text)) return text;
  const hex = createHash("sha256").update(`llm-provider-session:${text}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

interface Configured {
  readonly apiKey?: string | undefined;
  readonly model?: string | undefined;
  readonly baseUrl?: string | undefined;
  readonly configuration?: JsonObject | undefined;
}

/** What a request says of the connection, in its own fields or in its configuration. */
function withConfigured({ apiKey, model, baseUrl, configuration }: Configured): Configured {
  if (configuration === undefined) return { apiKey, model, baseUrl };
  const { apiKey: key, model: ofModel, baseUrl: url, ...rest } = configuration;
  return {
    apiKey: apiKey ?? textIn(key, "apiKey"),
    model: model ?? textIn(ofModel, "model"),
    baseUrl: baseUrl ?? textIn(url, "baseUrl"),
    configuration: rest,
  };
}

function textIn(value: JsonValue | undefined, name: string): string | undefined {
  if (value === undefined || value === null || typeof value === "string") return value ?? undefined;
  throw invalidField(`configuration.${name}`, "must be a text");
}

function present(llm: Llm): MessageInitShape<typeof LlmProviderSchema> {
  const hasFailed = llm.status === Llm_Status.FAILING || llm.status === Llm_Status.CREDENTIALS_UNREADABLE;
  return {
    id: llm.llmId,
    name: llm.displayName,
    provider: nameOfProvider(llm.providerType),
    model: llm.modelIdentifier,
    baseUrl: textOrNull(ownBaseUrl(llm)),
    status: hasFailed ? "error" : "active",
    totalCost: Number(llm.totalCost) / PICO_DOLLARS,
    configuration: presentConfiguration(llm),
    isDefault: llm.isDefault,
    modelDeprecated: llm.modelDeprecated,
    createdAt: wholeSeconds(llm.createdAt),
    updatedAt: wholeSeconds(llm.updatedAt),
  };
}
