import { collectDefaultMetrics, Gauge, Registry } from "prom-client";
import { CallMetrics } from "./call-metrics.ts";

/** What the pool of connections to the database is doing. */
export interface PoolState {
  /** All that are open. */
  readonly size: number;
  readonly idle: number;
  /** Who waits for one. */
  readonly waiting: number;
}

export interface MetricsOptions {
  /** Asked at each scrape. */
  readonly poolState: () => Promise<PoolState>;
  readonly version: string;
}

/** All that `/metrics` says. What a scrape can ask for is not counted along the way. */
export class Metrics {
  readonly calls: CallMetrics;
  readonly #registry = new Registry();

  /** Meant to be made once in a process: the default metrics watch the event loop and the garbage collector for good. */
  constructor({ poolState, version }: MetricsOptions) {
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
    new Gauge({
      name: "patchbay_database_pool_size",
      help: "Open connections to the database.",
      registers,
      async collect() {
        const state = await poolState();
        this.set(state.size);
        idle.set(state.idle);
        waiting.set(state.waiting);
      },
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All metrics in Prometheus' text format. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }
}
