import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type { PingSummarySchema, SpreadSchema } from "../../gen/patchbay/v1/ping_pb.ts";
import type { PingService } from "../../gen/patchbay/v1/ping_service_pb.ts";
import type { ConnectionTests } from "../domain/llms/connection-tests.ts";
import type { StoredTest } from "../store/llm.entity.ts";
import { presentTest } from "./present-llm.ts";
import { scopeOf } from "./scope-key.ts";

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
