import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { StoredCredentials_Slot } from "../../../gen/patchbay/v1/credentials_pb.ts";
import {
  GetLlmResponseSchema,
  type LlmService,
  WatchLlmsResponseSchema,
} from "../../../gen/patchbay/v1/llm_service_pb.ts";
import type { PingSummarySchema, SpreadSchema } from "../../../gen/patchbay/v1/ping_pb.ts";
import type { PingService } from "../../../gen/patchbay/v1/ping_service_pb.ts";
import { LARGEST_PAGE_SIZE } from "../../domain/call/paging.ts";
import type { ConnectionTests } from "../../domain/llms/connection-tests.ts";
import type { DeletedLlms } from "../../domain/llms/deletion.ts";
import type { Llms } from "../../domain/llms/llms.ts";
import type { CredentialsRotation } from "../../domain/llms/rotation.ts";
import type { LlmModels } from "../../domain/llms/served-models.ts";
import type { LlmWatch } from "../../domain/llms/watch-llms.ts";
import type { Llm, StoredTest } from "../../store/schema/llm.entity.ts";
import { scopeOf } from "../call/context.ts";
import { eachOf, presentedOnce } from "../call/streams.ts";
import { presentEvent, presentLlm, presentModels, presentNotice, presentTest } from "./present.ts";
import { readChange, readConnection, readDraft, readQuery } from "./read.ts";
import { readRequiredCredentials, readSlot, remarkOn } from "./read-credentials.ts";

interface Deps {
  readonly llms: Llms;
  readonly llmModels: LlmModels;
  readonly deletedLlms: DeletedLlms;
  readonly llmWatch: LlmWatch;
  readonly tests: ConnectionTests;
  readonly rotation: CredentialsRotation;
}

/** The rpcs of LlmService: unpack, ask the domain, present. */
export function llmRpcs(deps: Deps): ServiceImpl<typeof LlmService> {
  const { llms, llmModels, deletedLlms, llmWatch, tests, rotation } = deps;
  return {
    async createLlm(request, context) {
      const { llm, notices } = await llms.create(scopeOf(context), readDraft(request));
      return { llm: presentLlm(llm), statuses: [...notices, ...remarkOn(request.credentials)].map(presentNotice) };
    },

    async getLlm({ llmId, showDeleted }, context) {
      return presentOne(await llms.get(scopeOf(context), llmId, { withDeleted: showDeleted }));
    },

    async batchGetLlms({ llmIds }, context) {
      const found = await llms.getAll(scopeOf(context), llmIds);
      return { llms: found.map(presentLlm) };
    },

    async listLlms(request, context) {
      const { pageSize, pageToken, includeTotalSize } = request;
      const query = readQuery(request);
      // Who says nothing of pages may not know that there are any.
      const page = await llms.list(scopeOf(context), query, pageSize || LARGEST_PAGE_SIZE, pageToken);
      const total = includeTotalSize ? { totalSize: await llms.count(scopeOf(context), query) } : {};
      return { llms: page.rows.map(presentLlm), nextPageToken: page.nextPageToken, ...total };
    },

    async listLlmModels({ llmId, maxAgeMs }, context) {
      return presentModels(await llmModels.list(scopeOf(context), llmId, maxAgeMs), "endpoint");
    },

    async updateLlm(request, context) {
      const { llm, notices } = await llms.update(scopeOf(context), request.llmId, readChange(request));
      const statuses = [...notices, ...remarkOn(request.credentials)].map(presentNotice);
      return { llm: Object.assign(presentLlm(llm), { statuses }), statuses };
    },

    async deleteLlm({ llmId, etag }, context) {
      await deletedLlms.delete(scopeOf(context), llmId, etag);
      return {};
    },

    async undeleteLlm({ llmId, etag }, context) {
      return { llm: presentLlm(await deletedLlms.undelete(scopeOf(context), llmId, etag)) };
    },

    async setDefaultLlm({ llmId }, context) {
      return { llm: presentLlm(await llms.setDefault(scopeOf(context), llmId)) };
    },

    async testLlm({ llmId, slot }, context) {
      return { test: presentTest(await tests.testLlm(scopeOf(context), llmId, readSlot(slot))) };
    },

    async testConnection(request, context) {
      return { test: presentTest(await tests.testConnection(scopeOf(context), readConnection(request))) };
    },

    async addPendingCredentials({ llmId, credentials, etag }, context) {
      const draft = readRequiredCredentials(credentials);
      const llm = await rotation.addPending(scopeOf(context), llmId, draft, etag);
      return { llm: Object.assign(presentLlm(llm), { statuses: remarkOn(credentials).map(presentNotice) }) };
    },

    async promoteCredentials({ llmId, etag, force }, context) {
      return { llm: presentLlm(await rotation.promote(scopeOf(context), llmId, etag, force)) };
    },

    async revertCredentials({ llmId, etag }, context) {
      return { llm: presentLlm(await rotation.revert(scopeOf(context), llmId, etag)) };
    },

    async retireCredentials({ llmId, slot, etag }, context) {
      const erased = slot === StoredCredentials_Slot.PENDING ? "PENDING" : "PREVIOUS";
      return { llm: presentLlm(await rotation.retire(scopeOf(context), llmId, etag, erased)) };
    },

    watchLlms({ ownerId, resumeToken }, context) {
      return eachOf(llmWatch.watch(scopeOf(context), ownerId || undefined, resumeToken), presentOnce);
    },
  };
}

const presentOnce = presentedOnce(WatchLlmsResponseSchema, presentEvent);
/** An Llm that is held in memory is presented once. */
const presentOne = presentedOnce(GetLlmResponseSchema, (llm: Readonly<Llm>) => ({ llm: presentLlm(llm) }));

const DEFAULT_COUNT = 5;
const DEFAULT_INTERVAL_MS = 1_000;

/** The rpcs of PingService: unpack, ask the domain, present. */
export function pingRpcs({ tests }: { tests: ConnectionTests }): ServiceImpl<typeof PingService> {
  return {
    async pingOnce({ llmId }, context) {
      const [test] = await Array.fromAsync(tests.ping(scopeOf(context), llmId, 1, 0));
      return { ping: { sequence: 1, ...(test ? { test: presentTest(test) } : {}) } };
    },

    async *pingStream({ llmId, count, intervalMs }, context) {
      const pings = tests.ping(scopeOf(context), llmId, count || DEFAULT_COUNT, intervalMs || DEFAULT_INTERVAL_MS);
      const made: StoredTest[] = [];
      for await (const test of pings) {
        made.push(test);
        yield { event: { case: "ping", value: { sequence: made.length, test: presentTest(test) } } };
      }
      yield { event: { case: "summary", value: summarise(made) } };
    },
  };
}

function summarise(tests: readonly StoredTest[]): MessageInitShape<typeof PingSummarySchema> {
  const replied = tests.filter(({ outcome }) => outcome === "OK");
  return {
    sent: tests.length,
    replied: replied.length,
    firstToken: spreadOf(replied.flatMap(({ firstTokenMs }) => firstTokenMs ?? [])),
    latency: spreadOf(replied.map(({ latencyMs }) => latencyMs)),
  };
}

/** By nearest rank. */
function spreadOf(times: readonly number[]): MessageInitShape<typeof SpreadSchema> {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  const [minMs, medianMs, p95Ms, maxMs] = [at(0), at(0.5), at(0.95), at(1)];
  if (minMs === undefined || medianMs === undefined || p95Ms === undefined || maxMs === undefined) return {};
  return { minMs, medianMs, p95Ms, maxMs };
}
