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
