import { Counter, type CounterConfiguration, Gauge, type Registry } from "prom-client";
import type { ReplyFacts } from "../../base/watch.ts";
import { CHAT, isError, providerName } from "./gen-ai.ts";
import { Histogram, SeriesMap } from "./series.ts";
import type { Protocol } from "./trace.ts";

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
  readonly #durations: Histogram;
  readonly #inFlight = new SeriesMap(["rpc", "protocol"], () => ({ calls: 0 }));
  readonly #upstreamDurations: Histogram;
  readonly #firstTokens: Histogram;
  readonly #operations: Histogram;
  readonly #tokens: Histogram;

  constructor(registry: Registry) {
    const registers = [registry];
    const callLabels = ["rpc", "protocol", "code"];
    const upstreamLabels = ["provider_type", "outcome"];
    this.#durations = new Histogram({
      name: "patchbay_rpc_duration_seconds",
      help: "From the headers of a call to the last byte of its answer.",
      labelNames: callLabels,
      buckets: CALL_SECONDS,
      registry,
    });
    countsOf(this.#durations, {
      name: "patchbay_rpc_calls_total",
      help: "Calls that ended.",
      labelNames: callLabels,
      registers,
    });
    const inFlight = this.#inFlight;
    new Gauge({
      name: "patchbay_rpc_in_flight",
      help: "Calls that have begun and not ended.",
      labelNames: ["rpc", "protocol"],
      registers,
      collect() {
        for (const { labels, series } of inFlight.entries()) this.set(labels, series.calls);
      },
    });
    this.#upstreamDurations = new Histogram({
      name: "patchbay_upstream_duration_seconds",
      help: "From asking an endpoint to the end of its reply.",
      labelNames: upstreamLabels,
      buckets: UPSTREAM_SECONDS,
      registry,
    });
    countsOf(this.#upstreamDurations, {
      name: "patchbay_upstream_calls_total",
      help: "Calls of the endpoints of Llms that ended; tests of connections count as one.",
      labelNames: upstreamLabels,
      registers,
    });
    this.#firstTokens = new Histogram({
      name: "patchbay_upstream_first_token_seconds",
      help: "From asking an endpoint to the first token of a streamed reply.",
      labelNames: upstreamLabels,
      buckets: UPSTREAM_SECONDS,
      registry,
    });
    this.#operations = new Histogram({
      name: "gen_ai_client_operation_duration_seconds",
      help: "How long models took to reply, as OpenTelemetry's conventions for generative AI have it.",
      labelNames: ["gen_ai_operation_name", "gen_ai_provider_name", "error_type"],
      buckets: OPERATION_SECONDS,
      registry,
    });
    this.#tokens = new Histogram({
      name: "gen_ai_client_token_usage",
      help: "Tokens of prompts and replies, as OpenTelemetry's conventions for generative AI have it.",
      labelNames: ["gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_token_type"],
      buckets: TOKENS,
      registry,
    });
  }

  /** A call that asked a model for a reply; which model stays out, as everybody may read metrics. */
  operationEnded(
    providerType: string,
    outcome: string,
    seconds: number,
    { inputTokens, outputTokens }: ReplyFacts,
  ): void {
    const provider = providerName(providerType);
    this.#operations.observe(seconds, CHAT, provider, isError(outcome) ? outcome : "");
    if (inputTokens !== undefined) this.#tokens.observe(inputTokens, CHAT, provider, "input");
    if (outputTokens !== undefined) this.#tokens.observe(outputTokens, CHAT, provider, "output");
  }

  began(rpc: string, protocol: Protocol): void {
    this.#inFlight.at(rpc, protocol).calls += 1;
  }

  /** To be told once for each call that began. */
  left(rpc: string, protocol: Protocol): void {
    this.#inFlight.at(rpc, protocol).calls -= 1;
  }

  ended({ rpc, protocol, code }: CallLabels, seconds: number): void {
    this.#durations.observe(seconds, rpc, protocol, code);
  }

  /** The time to the first token is undefined when there was none, or the reply came whole. */
  upstreamEnded(providerType: string, outcome: string, seconds: number, firstTokenSeconds: number | undefined): void {
    this.#upstreamDurations.observe(seconds, providerType, outcome);
    if (firstTokenSeconds !== undefined) this.#firstTokens.observe(firstTokenSeconds, providerType, outcome);
  }
}

/** A counter of what a histogram observes. */
function countsOf(histogram: Histogram, options: CounterConfiguration<string>): void {
  new Counter({
    ...options,
    collect() {
      this.reset();
      for (const { labels, count } of histogram.counts()) this.inc(labels, count);
    },
  });
}
