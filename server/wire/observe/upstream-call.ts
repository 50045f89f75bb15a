import type { WatchedCall } from "../../base/watch.ts";
import type { CallMetrics } from "./call-metrics.ts";

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

/** One call of an endpoint, timed. */
export class UpstreamCall implements WatchedCall {
  readonly #providerType: string;
  readonly #metrics: CallMetrics | undefined;
  readonly #trace: WatchedCall | undefined;
  readonly #startedAt = performance.now();
  #firstTokenSeconds: number | undefined;

  constructor(providerType: string, metrics: CallMetrics | undefined, trace: WatchedCall | undefined) {
    this.#providerType = providerType;
    this.#metrics = metrics;
    this.#trace = trace;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#trace?.headers ?? NO_HEADERS;
  }

  replied(): void {
    this.#firstTokenSeconds = this.#seconds;
    this.#trace?.replied();
  }

  end(outcome: string): void {
    this.#metrics?.upstreamEnded(this.#providerType, outcome, this.#seconds, this.#firstTokenSeconds);
    this.#trace?.end(outcome);
  }

  get #seconds(): number {
    return (performance.now() - this.#startedAt) / 1_000;
  }
}
