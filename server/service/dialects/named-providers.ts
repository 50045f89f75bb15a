import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { createClient, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import {
  type NamedProviderSchema,
  NamedProviderService,
} from "../../../gen/dialects/providers/v1/named_provider_service_pb.ts";
import { type ConnectionTest, ConnectionTest_Outcome } from "../../../gen/patchbay/v1/connection_test_pb.ts";
import type { Provider } from "../../../gen/patchbay/v1/provider_pb.ts";
import {
  ListProvidersRequest_Direction,
  ListProvidersRequest_OrderBy,
  ProviderService,
} from "../../../gen/patchbay/v1/provider_service_pb.ts";
import { Fault, invalidField } from "../../base/fault.ts";
import { callerOf } from "../call/context.ts";
import type { Dialect, DialectError, Reach } from "./dialect.ts";
import { credentialsOf } from "./shared.ts";

/** 001: providers by name. */
export const namedProviders: Dialect = {
  routes: (router, reach) => router.service(NamedProviderService, namedProviderRpcs(reach)),
  errors: {
    paths: ["/api/providers"],
    name: "NamedProviderError",
    schema: {
      type: "object",
      description: "Why a call failed.",
      properties: {
        error: { type: "string", description: "What happened, for people." },
        code: { type: "string", description: "A word for programs to decide by.", examples: ["PROVIDER_NOT_FOUND"] },
      },
      required: ["error", "code"],
    },
    present: (error) => {
      const [code, message] = wordsFor(error);
      return { httpStatus: error.httpStatus, body: { error: message, code } };
    },
  },
};

const ORDERS: Readonly<Record<string, ListProvidersRequest_OrderBy>> = {
  "": ListProvidersRequest_OrderBy.CREATED_AT,
  id: ListProvidersRequest_OrderBy.NUMBER,
  name: ListProvidersRequest_OrderBy.NAME,
  displayName: ListProvidersRequest_OrderBy.DISPLAY_NAME,
  baseUrl: ListProvidersRequest_OrderBy.ENDPOINT_URL,
  createdAt: ListProvidersRequest_OrderBy.CREATED_AT,
  updatedAt: ListProvidersRequest_OrderBy.UPDATED_AT,
};
const DIRECTIONS: Readonly<Record<string, ListProvidersRequest_Direction>> = {
  "": ListProvidersRequest_Direction.ASC,
  asc: ListProvidersRequest_Direction.ASC,
  desc: ListProvidersRequest_Direction.DESC,
};

function namedProviderRpcs(reach: Reach): ServiceImpl<typeof NamedProviderService> {
  const providersOf = (context: HandlerContext) => createClient(ProviderService, reach(context));
  return {
    async listNamedProviders({ search, limit, offset, sortBy, sortOrder }, context) {
      const { providers, totalSize = 0 } = await providersOf(context).listProviders({
        ownerId: callerOf(context.values)?.accountId ?? "",
        search,
        pageSize: limit,
        offset,
        orderBy: wordIn(ORDERS, sortBy, "sortBy"),
        direction: wordIn(DIRECTIONS, sortOrder, "sortOrder"),
        includeTotalSize: true,
      });
      return { providers: providers.map(present), total: totalSize };
    },

    async getNamedProvider({ name }, context) {
      const { provider } = await providersOf(context).getProvider({ name });
      return provider ? { provider: present(provider) } : {};
    },

    async upsertNamedProvider({ name, apiKey, metadata = {} }, context) {
      if (name === "" || apiKey === "") throw refused("MISSING_FIELDS", "name and apiKey are required");
      const said = { name, ...readMetadata(metadata), ...credentialsOf(apiKey) };
      const { provider } = await providersOf(context).upsertProvider(said);
      return provider ? { provider: present(provider) } : {};
    },

    async updateNamedProvider({ name, apiKey, metadata = {}, displayName, baseUrl }, context) {
      const providers = providersOf(context);
      const { provider: before } = await providers.getProvider({ name });
      const { provider } = await providers.upsertProvider({
        name,
        // With it, one that was deleted meanwhile is not made again.
        etag: before?.etag ?? "",
        ...readMetadata(metadata),
        ...(displayName === undefined ? {} : { displayName }),
        ...(baseUrl === undefined ? {} : { endpointUrl: baseUrl }),
        ...credentialsOf(apiKey || undefined),
      });
      return provider ? { provider: present(provider) } : {};
    },

    async deleteNamedProvider({ name }, context) {
      await providersOf(context).deleteProvider({ name });
      return { success: true };
    },

    async testNamedProvider({ name }, context) {
      const { test } = await providersOf(context).testProvider({ name });
      if (test?.outcome === ConnectionTest_Outcome.OK) {
        return { success: true, message: "Provider connection successful" };
      }
      throw refused("CONNECTION_FAILED", `Provider connection failed: ${test ? whyOf(test) : "no result"}`);
    },
  };
}

/** What metadata says of a Provider, and what it wants to be kept with it. */
function readMetadata({ displayName, baseUrl, ...rest }: JsonObject) {
  return {
    ...(displayName == null ? {} : { displayName: textOf(displayName, "metadata.displayName") }),
    ...(baseUrl == null ? {} : { endpointUrl: textOf(baseUrl, "metadata.baseUrl") }),
    ...(Object.keys(rest).length === 0 ? {} : { metadata: rest }),
  };
}

function present(provider: Provider): MessageInitShape<typeof NamedProviderSchema> {
  const { number: id, name, displayName, endpointUrl: baseUrl, createdAt, updatedAt } = provider;
  return { id, name, displayName, baseUrl, createdAt: timeOf(createdAt), updatedAt: timeOf(updatedAt) };
}

/** `2025-01-01 12:00:00`. */
function timeOf(ms: bigint): string {
  return new Date(Number(ms)).toISOString().slice(0, 19).replace("T", " ");
}

function whyOf({ outcome, message }: ConnectionTest): string {
  return outcome === ConnectionTest_Outcome.KEY_REFUSED ? "Invalid API key" : message;
}

/** A refusal that only this API knows; its code goes along. */
function refused(code: string, message: string): Fault {
  return new Fault("INVALID_REQUEST", message, { metadata: { code } });
}

function wordIn<Value>(words: Readonly<Record<string, Value>>, word: string, field: string): Value {
  const value = Object.hasOwn(words, word) ? words[word] : undefined;
  if (value === undefined) throw invalidField(field, `must be one of ${Object.keys(words).filter(Boolean).join(", ")}`);
  return value;
}

function textOf(value: unknown, field: string): string {
  if (typeof value === "string") return value;
  throw invalidField(field, "must be a text");
}

function wordsFor({ reason, message, metadata, fields }: DialectError): [code: string, message: string] {
  if (metadata.code !== undefined) return [metadata.code, message];
  if (reason === "PROVIDER_NOT_FOUND") return [reason, "Provider not found"];
  if (fields.some((field) => field.startsWith("credentials."))) return ["INVALID_API_KEY", "Invalid API key format"];
  return [reason, message];
}
