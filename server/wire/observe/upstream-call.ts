import type { AskedModel, ReplyFacts, WatchedCall } from "../../base/watch.ts";
import type { CallMetrics } from "./call-metrics.ts";

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
