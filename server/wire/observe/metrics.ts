import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { AskedModel, ReplyFacts, WatchedCall } from "../../base/watch.ts";
import { CHAT, isError, providerName } from "./gen-ai.ts";
import type { Protocol } from "./trace.ts";

/** What the pool of connections to the database is doing. */
export interface PoolState {
  /** All that are open. */
  readonly size: number;
  readonly idle: number;
  /** Who waits for one. */
  readonly waiting: number;
}

export interface MetricsOptions {
  /** Asked once at each scrape. */
  readonly poolState: () => PoolState;
  /** Whether it is proven that changes of rows are told, so that what was read is held in memory. */
  readonly isToldChanges: () => boolean;
  /** The replica that lists are read from; undefined: there is none. */
  readonly replica: ReplicaState | undefined;
  readonly version: string;
  /** How APPLY_DIR fares; undefined: there is none. */
  readonly applied: AppliedState | undefined;
}

/** How the replica fares. */
export interface ReplicaState {
  /** Whether lists are read from it. */
  readonly isUsed: boolean;
  /** How far it may be behind, in milliseconds; infinity while that is not known. */
  readonly ageMs: number;
}

/** What became of the manifests that a server applies. */
export interface AppliedState {
  /** Whether all of them were applied when that was last tried. */
  readonly isApplied: boolean;
  /** When all of them last were, in milliseconds; undefined: not yet. */
  readonly appliedAt: number | undefined;
}

/** All that `/metrics` says. What a scrape can ask for is not counted along the way. */
export class Metrics {
  readonly calls: CallMetrics;
  readonly #registry = new Registry();
  readonly #readDatabase: () => void;

  /** Meant to be made once in a process: the default metrics watch the event loop and the garbage collector for good. */
  constructor({ poolState, isToldChanges, replica, version, applied }: MetricsOptions) {
    const registers = [this.#registry];
    this.calls = new CallMetrics(this.#registry);
    collectDefaultMetrics({ register: this.#registry });
    new Gauge({
      name: "patchbay_build_info",
      help: "Always 1; its labels say what runs.",
      labelNames: ["version", "node"],
      registers,
    }).set({ version, node: process.version }, 1);
    const idle = new Gauge({
      name: "patchbay_database_pool_idle",
      help: "Connections to the database that nobody uses.",
      registers,
    });
    const waiting = new Gauge({
      name: "patchbay_database_pool_waiting",
      help: "Who waits for a connection to the database.",
      registers,
    });
    const size = new Gauge({
      name: "patchbay_database_pool_size",
      help: "Open connections to the database.",
      registers,
    });
    const told = new Gauge({
      name: "patchbay_row_changes_told",
      help: "1 while it is proven that changes of rows are told; 0 while nothing is held in memory therefore.",
      registers,
    });
    const readReplica = replica && replicaGauges(registers, replica);
    const readApplied = applied && appliedGauges(registers, applied);
    // All of one moment: a gauge that is read by itself tells of another one.
    this.#readDatabase = () => {
      const state = poolState();
      size.set(state.size);
      idle.set(state.idle);
      waiting.set(state.waiting);
      told.set(Number(isToldChanges()));
      readReplica?.();
      readApplied?.();
    };
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All metrics in Prometheus' text format. */
  text(): Promise<string> {
    this.#readDatabase();
    return this.#registry.metrics();
  }
}

function replicaGauges(registers: Registry[], state: ReplicaState): () => void {
  const used = new Gauge({
    name: "patchbay_replica_used",
    help: "1 while lists are read from the replica; 0 while they are read from the primary, as it is away or too far behind.",
    registers,
  });
  const age = new Gauge({
    name: "patchbay_replica_age_seconds",
    help: "How far the replica is behind, at the most; infinity while that is not known.",
    registers,
  });
  return () => {
    used.set(Number(state.isUsed));
    age.set(state.ageMs / 1_000);
  };
}

function appliedGauges(registers: Registry[], state: AppliedState): () => void {
  const applied = new Gauge({
    name: "patchbay_apply_dir_applied",
    help: "1 while what is in APPLY_DIR is applied; 0 while some of it cannot be.",
    registers,
  });
  const at = new Gauge({
    name: "patchbay_apply_dir_applied_timestamp_seconds",
    help: "When all of APPLY_DIR was last applied, in seconds since 1970; 0 until then.",
    registers,
  });
  return () => {
    applied.set(Number(state.isApplied));
    at.set((state.appliedAt ?? 0) / 1_000);
  };
}

/** The boundaries that the conventions for generative AI ask for. */
const OPERATION_SECONDS = Array.from({ length: 14 }, (_, power) => 2 ** power / 100);
const TOKENS = Array.from({ length: 14 }, (_, power) => 4 ** power);

/** From an answer out of memory to the longest reply of a model. */
const CALL_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
/** An endpoint is never that fast. */
const UPSTREAM_SECONDS = CALL_SECONDS.filter((seconds) => seconds >= 0.01);

/** How a call ended. All three have few values: never an id, a model or an owner, which would be a series each. */
export interface CallLabels {
  /** Such as `patchbay.v1.LlmService/GetLlm`; `none` for a request that reached no rpc. */
  readonly rpc: string;
  readonly protocol: Protocol;
  readonly code: string;
}

/** Counts calls, ours and those of endpoints. */
export class CallMetrics {
  readonly #calls: Counter<keyof CallLabels>;
  readonly #durations: Histogram<keyof CallLabels>;
  readonly #inFlight: Gauge<"rpc" | "protocol">;
  readonly #upstreamCalls: Counter<"provider_type" | "outcome">;
  readonly #upstreamDurations: Histogram<"provider_type" | "outcome">;
  readonly #firstTokens: Histogram<"provider_type" | "outcome">;
  readonly #operations: Histogram<string>;
  readonly #tokens: Histogram<string>;

  constructor(registry: Registry) {
    const registers = [registry];
    const callLabels = ["rpc", "protocol", "code"] as const;
    const upstreamLabels = ["provider_type", "outcome"] as const;
    this.#calls = new Counter({
      name: "patchbay_rpc_calls_total",
      help: "Calls that ended.",
      labelNames: callLabels,
      registers,
    });
    this.#durations = new Histogram({
      name: "patchbay_rpc_duration_seconds",
      help: "From the headers of a call to the last byte of its answer.",
      labelNames: callLabels,
      buckets: CALL_SECONDS,
      registers,
    });
    this.#inFlight = new Gauge({
      name: "patchbay_rpc_in_flight",
      help: "Calls that have begun and not ended.",
      labelNames: ["rpc", "protocol"],
      registers,
    });
    this.#upstreamCalls = new Counter({
      name: "patchbay_upstream_calls_total",
      help: "Calls of the endpoints of Llms that ended; tests of connections count as one.",
      labelNames: upstreamLabels,
      registers,
    });
    this.#upstreamDurations = new Histogram({
      name: "patchbay_upstream_duration_seconds",
      help: "From asking an endpoint to the end of its reply.",
      labelNames: upstreamLabels,
      buckets: UPSTREAM_SECONDS,
      registers,
    });
    this.#firstTokens = new Histogram({
      name: "patchbay_upstream_first_token_seconds",
      help: "From asking an endpoint to the first token of a streamed reply.",
      labelNames: upstreamLabels,
      buckets: UPSTREAM_SECONDS,
      registers,
    });
    this.#operations = new Histogram({
      name: "gen_ai_client_operation_duration_seconds",
      help: "How long models took to reply, as OpenTelemetry's conventions for generative AI have it.",
      labelNames: ["gen_ai_operation_name", "gen_ai_provider_name", "error_type"],
      buckets: OPERATION_SECONDS,
      registers,
    });
    this.#tokens = new Histogram({
      name: "gen_ai_client_token_usage",
      help: "Tokens of prompts and replies, as OpenTelemetry's conventions for generative AI have it.",
      labelNames: ["gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_token_type"],
      buckets: TOKENS,
      registers,
    });
  }

  /** A call that asked a model for a reply; which model stays out, as everybody may read metrics. */
  operationEnded(
    providerType: string,
    outcome: string,
    seconds: number,
    { inputTokens, outputTokens }: ReplyFacts,
  ): void {
    const labels = { gen_ai_operation_name: CHAT, gen_ai_provider_name: providerName(providerType) };
    this.#operations.observe({ ...labels, error_type: isError(outcome) ? outcome : "" }, seconds);
    if (inputTokens !== undefined) this.#tokens.observe({ ...labels, gen_ai_token_type: "input" }, inputTokens);
    if (outputTokens !== undefined) this.#tokens.observe({ ...labels, gen_ai_token_type: "output" }, outputTokens);
  }

  began(rpc: string, protocol: Protocol): void {
    this.#inFlight.inc({ rpc, protocol });
  }

  /** To be told once for each call that began. */
  left(rpc: string, protocol: Protocol): void {
    this.#inFlight.dec({ rpc, protocol });
  }

  ended(labels: CallLabels, seconds: number): void {
    this.#calls.inc(labels as Record<keyof CallLabels, string>);
    this.#durations.observe(labels as Record<keyof CallLabels, string>, seconds);
  }

  /** The time to the first token is undefined when there was none, or the reply came whole. */
  upstreamEnded(providerType: string, outcome: string, seconds: number, firstTokenSeconds: number | undefined): void {
    const labels = { provider_type: providerType, outcome };
    this.#upstreamCalls.inc(labels);
    this.#upstreamDurations.observe(labels, seconds);
    if (firstTokenSeconds !== undefined) this.#firstTokens.observe(labels, firstTokenSeconds);
  }
}

/** One call of an endpoint, timed. */
export class UpstreamCall implements WatchedCall {
  readonly #providerType: string;
  readonly #asked: AskedModel | undefined;
  readonly #metrics: CallMetrics | undefined;
  readonly #trace: WatchedCall | undefined;
  readonly #startedAt = performance.now();
  #firstTokenSeconds: number | undefined;
  #facts: ReplyFacts = {};

  constructor(
    providerType: string,
    asked: AskedModel | undefined,
    metrics: CallMetrics | undefined,
    trace: WatchedCall | undefined,
  ) {
    this.#providerType = providerType;
    this.#asked = asked;
    this.#metrics = metrics;
    this.#trace = trace;
  }

  get headers(): Readonly<Record<string, string>> | undefined {
    return this.#trace?.headers;
  }

  replied(): void {
    this.#firstTokenSeconds = this.#seconds;
    this.#trace?.replied();
  }

  told(facts: ReplyFacts): void {
    this.#facts = { ...this.#facts, ...facts };
    this.#trace?.told(facts);
  }

  end(outcome: string): void {
    if (this.#asked) this.#metrics?.operationEnded(this.#providerType, outcome, this.#seconds, this.#facts);
    this.#metrics?.upstreamEnded(this.#providerType, outcome, this.#seconds, this.#firstTokenSeconds);
    this.#trace?.end(outcome);
  }

  get #seconds(): number {
    return (performance.now() - this.#startedAt) / 1_000;
  }
}
