import type { MessageInitShape } from "@bufbuild/protobuf";
import { createClient, type HandlerContext, type ServiceImpl } from "@connectrpc/connect";
import {
  type PingedEndpointSchema,
  type PingResultSchema,
  type PingTotalsSchema,
  TargetPingService,
  TargetType,
} from "../../../gen/dialects/pings/v1/target_ping_service_pb.ts";
import { type ConnectionTest, ConnectionTest_Outcome } from "../../../gen/patchbay/v1/connection_test_pb.ts";
import { type Llm, Llm_ProviderTypeSchema } from "../../../gen/patchbay/v1/llm_pb.ts";
import { LlmService } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import type { Ping } from "../../../gen/patchbay/v1/ping_pb.ts";
import { PingService } from "../../../gen/patchbay/v1/ping_service_pb.ts";
import type { Dialect, Reach } from "./dialect.ts";
import { getLlm } from "./shared.ts";

/** The pings of contract 003's SDK, beside its own service. */
export const targetPings: Dialect = {
  routes: (router, reach) => router.service(TargetPingService, targetPingRpcs(reach)),
};

const DEFAULT_COUNT = 4;
const DEFAULT_INTERVAL_MS = 1_000;

function targetPingRpcs(reach: Reach): ServiceImpl<typeof TargetPingService> {
  const pingsOf = (context: HandlerContext) => createClient(PingService, reach(context));
  const endpointOf = async (context: HandlerContext, llmId: string) =>
    presentEndpoint(await getLlm(createClient(LlmService, reach(context)), llmId));
  return {
    async pingTarget({ targetId, timeoutMs }, context) {
      const endpoint = await endpointOf(context, targetId);
      const limit = timeoutMs > 0 ? { timeoutMs } : {};
      const { ping } = await pingsOf(context).pingOnce({ llmId: targetId }, limit);
      return ping ? { result: presentPing(ping, endpoint) } : {};
    },

    async *streamTargetPings({ targetId, count, intervalMs, timeoutMs }, context) {
      const endpoint = await endpointOf(context, targetId);
      const pings = count || DEFAULT_COUNT;
      const pace = intervalMs || DEFAULT_INTERVAL_MS;
      const limit = timeoutMs > 0 ? { timeoutMs: pings * Math.max(timeoutMs, pace) } : {};
      const tests: ConnectionTest[] = [];
      const request = { llmId: targetId, count: pings, intervalMs: pace };
      for await (const { event } of pingsOf(context).pingStream(request, limit)) {
        if (event.case !== "ping") continue;
        if (event.value.test) tests.push(event.value.test);
        yield { event: { case: "result" as const, value: presentPing(event.value, endpoint) } };
      }
      yield { event: { case: "summary" as const, value: presentTotals(tests, endpoint) } };
    },
  };
}

type Endpoint = MessageInitShape<typeof PingedEndpointSchema>;

function presentEndpoint(llm: Llm): Endpoint {
  return {
    targetType: TargetType.LLM,
    targetId: llm.llmId,
    resolvedEndpoint: llm.endpointUrl + llm.apiPath,
    provider: Llm_ProviderTypeSchema.value[llm.providerType]?.name ?? "",
    modelIdentifier: llm.modelIdentifier,
  };
}

function presentPing({ sequence, test }: Ping, endpoint: Endpoint): MessageInitShape<typeof PingResultSchema> {
  const isOk = test?.outcome === ConnectionTest_Outcome.OK;
  const end = nanosOf(test?.testedAt ?? 0n);
  return {
    endpoint,
    seq: sequence,
    ok: isOk,
    httpStatus: test?.httpStatus ?? 0,
    ...(isOk ? {} : { errorMessage: test?.message ?? "" }),
    rttMs: test?.latencyMs ?? 0,
    timing: {
      clientSendTimeUnixNanos: end - nanosOf(BigInt(test?.latencyMs ?? 0)),
      clientReceiveTimeUnixNanos: end,
    },
  };
}

function presentTotals(
  tests: readonly ConnectionTest[],
  endpoint: Endpoint,
): MessageInitShape<typeof PingTotalsSchema> {
  const passed = tests.filter(({ outcome }) => outcome === ConnectionTest_Outcome.OK);
  const timeouts = tests.filter(({ outcome }) => outcome === ConnectionTest_Outcome.TIMEOUT).length;
  const times = passed.map(({ latencyMs }) => latencyMs).sort((a, b) => a - b);
  const below = (share: number) => times[Math.max(0, Math.ceil(times.length * share) - 1)] ?? 0;
  const [first, last] = [tests[0], tests.at(-1)];
  const tookMs = first && last ? Number(last.testedAt - first.testedAt) + first.latencyMs : 0;
  return {
    endpoint,
    requests: tests.length,
    responses: tests.length,
    ok: passed.length,
    timeouts,
    errors: tests.length - passed.length - timeouts,
    rttMinMs: times[0] ?? 0,
    rttAvgMs: times.length > 0 ? times.reduce((sum, time) => sum + time, 0) / times.length : 0,
    rttP50Ms: below(0.5),
    rttP90Ms: below(0.9),
    rttP99Ms: below(0.99),
    rttMaxMs: times.at(-1) ?? 0,
    requestsPerSecond: tookMs > 0 ? (tests.length * 1_000) / tookMs : 0,
  };
}

function nanosOf(ms: bigint): bigint {
  return ms * 1_000_000n;
}
