import { spawnSync } from "node:child_process";
import { availableParallelism } from "node:os";

/** Which processes a core is for. */
export type Role = "measured" | "supporting" | "anywhere";

/** The measured server has core 0 for itself; load, mock model and PostgreSQL share core 1. */
const CORES: Readonly<Record<Role, string>> = { measured: "0", supporting: "1", anywhere: "0,1" };

const canPin = availableParallelism() > 1 && spawnSync("taskset", ["--version"]).status === 0;

/** Moves this process, and with it what it starts, to the core of the supporting ones; answers with what it did. */
export function pinOurselves(): string {
  if (!canPin) return "not pinned: this machine has no taskset or one core only, so expect a wider spread";
  spawnSync("taskset", ["--all-tasks", "--cpu-list", "--pid", CORES.supporting, String(process.pid)]);
  return "measured servers on core 0; load, mock model and PostgreSQL on core 1";
}

/** A command line that runs on the core of its role. */
export function pinned(role: Role, command: readonly string[]): readonly string[] {
  return canPin ? ["taskset", "--cpu-list", CORES[role], ...command] : command;
}
