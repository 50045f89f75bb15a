import type { MessageInitShape } from "@bufbuild/protobuf";
import { createClient, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import {
  type IntegrationSchema,
  IntegrationService,
} from "../../../gen/dialects/integrations/v1/integration_service_pb.ts";
import { ConnectionTest_Outcome } from "../../../gen/patchbay/v1/connection_test_pb.ts";
import type { Llm } from "../../../gen/patchbay/v1/llm_pb.ts";
import { LlmService } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { invalidField } from "../../base/fault.ts";
import { callerOf } from "../call/context.ts";
import type { Dialect, Reach } from "./dialect.ts";
import {
  credentialsOf,
  getLlm,
  listAllLlms,
  nameOfProvider,
  ownBaseUrl,
  providerTypeOf,
  textOrNull,
  wholeSeconds,
} from "./shared.ts";

/** 000: the integrations of an organization. */
export const integrations: Dialect = {
  routes: (router, reach) => router.service(IntegrationService, integrationRpcs(reach)),
  errors: {
    paths: ["/v1/llm-providers"],
    name: "IntegrationError",
    schema: {
      allOf: [
        {
          type: "object",
          description: "Why a call failed.",
          properties: { detail: { type: "string", description: "What happened, for people." } },
          required: ["detail"],
        },
        { $ref: "#/components/schemas/ErrorResponse" },
      ],
    },
    // The page shows no errors; its SDK and its command read them from `detail`.
    present: ({ httpStatus, message, body }) => ({ httpStatus, body: { detail: message, ...body } }),
  },
};

function integrationRpcs(reach: Reach): ServiceImpl<typeof IntegrationService> {
  const llmsOf = (context: HandlerContext) => createClient(LlmService, reach(context));
  return {
    async listIntegrations(_, context) {
      const llms = await listAllLlms(llmsOf(context), callerOf(context.values)?.accountId ?? "");
      const changedAt = llms.map(({ updatedAt }) => Number(updatedAt));
      const mtime = changedAt.length > 0 ? Math.max(...changedAt) : Date.now();
      return { providers: llms.map(present), mtime: wholeSeconds(mtime) };
    },

    async createIntegration({ integrationName, provider, apiKey, modelName, baseUrl }, context) {
      const { llm } = await llmsOf(context).createLlm({
        displayName: integrationName,
        providerType: providerTypeOf(provider),
        modelIdentifier: modelName,
        endpointUrl: baseUrl ?? "",
        ...credentialsOf(apiKey),
      });
      return { message: `LLM integration '${integrationName}' created successfully`, integrationId: llm?.llmId ?? "" };
    },

    async getIntegration({ integrationId }, context) {
      return { integration: present(await getLlm(llmsOf(context), integrationId)) };
    },

    async updateIntegration({ integrationId, integrationName, provider, apiKey, modelName, baseUrl }, context) {
      const llms = llmsOf(context);
      const before = await getLlm(llms, integrationId);
      const own = nameOfProvider(before.providerType);
      if (provider !== undefined && provider !== own) {
        throw invalidField("provider", `never changes; it is ${own}. Create another integration instead`);
      }
      const { llm } = await llms.updateLlm({
        llmId: integrationId,
        etag: before.etag,
        ...(integrationName === undefined ? {} : { displayName: integrationName }),
        ...(modelName === undefined ? {} : { modelIdentifier: modelName }),
        ...(baseUrl === undefined ? {} : { endpointUrl: baseUrl }),
        ...credentialsOf(apiKey),
      });
      return { message: `LLM integration '${llm?.displayName}' updated successfully`, integrationId };
    },

    async deleteIntegration({ integrationId }, context) {
      await llmsOf(context).deleteLlm({ llmId: integrationId });
      return { message: "LLM integration deleted successfully" };
    },

    async testConnection({ provider, apiKey, modelName, baseUrl }, context) {
      const { test } = await llmsOf(context).testConnection({
        providerType: providerTypeOf(provider),
        modelIdentifier: modelName,
        endpointUrl: baseUrl ?? "",
        ...credentialsOf(apiKey),
      });
      if (test?.outcome === ConnectionTest_Outcome.OK) {
        return { status: "success", message: `Connection to ${provider} successful` };
      }
      return { status: "error", message: `Connection to ${provider} failed: ${test?.message}` };
    },

    async setDefaultIntegration({ integrationId }, context) {
      const { llm } = await llmsOf(context).setDefaultLlm({ llmId: integrationId });
      return { message: `LLM integration '${llm?.displayName}' is now the default`, integrationId };
    },
  };
}

function present(llm: Llm): MessageInitShape<typeof IntegrationSchema> {
  return {
    integrationId: llm.llmId,
    integrationName: llm.displayName,
    provider: nameOfProvider(llm.providerType),
    apiKey: textOrNull(llm.hasCredentials ? "*****" : undefined),
    modelName: llm.modelIdentifier,
    baseUrl: textOrNull(ownBaseUrl(llm)),
    supportsWebSearch: llm.supportsWebSearch,
    isDefault: llm.isDefault,
    modelDeprecated: llm.modelDeprecated,
  };
}
