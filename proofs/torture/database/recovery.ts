import { setTimeout as pause } from "node:timers/promises";
import type { OwnPostgres } from "../own-postgres.ts";

const PROBE_PAUSE_MS = 20;
const TRY_PAUSE_MS = 50;

/** One try of all that a server is asked: how long each step took, in milliseconds, and what did not work, if anything. */
export interface Trial {
  readonly tookMs: Readonly<Record<string, number>>;
  readonly problem: string | undefined;
}

/** What there was to wait for, one after the other, and until when: such as `not ready` until 310 ms. */
interface Stage {
  readonly problem: string;
  untilMs: number;
}

/** How long it took until all worked again, and whose time it was; from the moment in which a fault was healed. */
export interface Recovery {
  /** Until a stranger, on the server's own way to the database, had a new session and a committed row. */
  readonly databaseMs: number;
  /** Until the server was ready and did each kind of call. */
  readonly serverMs: number;
  readonly stages: readonly Stage[];
  /** The try that worked, or the last. */
  readonly trial: Trial;
  /** The same before the fault: what the machine took for it then. */
  readonly before: Trial;
}

/** The time that the server took on top of its database's. */
export function ownMs({ databaseMs, serverMs }: Recovery): number {
  return Math.max(0, serverMs - databaseMs);
}

export function tellRecovery(recovery: Recovery): string {
  const { databaseMs, serverMs, stages, trial, before } = recovery;
  const waited = stages.map(({ problem, untilMs }) => `, ${problem} until ${untilMs}`).join("");
  return (
    `the database after ${databaseMs} ms, the server after ${serverMs}, ${ownMs(recovery)} later${waited} ` +
    `(its last try: ${tellTrial(trial)}; before the fault: ${tellTrial(before)})`
  );
}

function tellTrial({ tookMs, problem }: Trial): string {
  const steps = Object.entries(tookMs).map(([step, ms]) => `${step} ${ms}`);
  return [...steps, ...(problem ? [problem] : [])].join(", ");
}

/** Waits for a database by `port` and for the server that needs it. */
export async function whenRecovered(
  postgres: OwnPostgres,
  port: number,
  before: Trial,
  attempt: () => Promise<Trial>,
  patienceMs: number,
): Promise<Recovery> {
  const startedAt = performance.now();
  const sinceStart = () => Math.round(performance.now() - startedAt);
  const isLate = () => sinceStart() > patienceMs;
  const database = (async () => {
    while (!(await takesWrites(postgres, port)) && !isLate()) await pause(PROBE_PAUSE_MS);
    return sinceStart();
  })();
  const stages: Stage[] = [];
  for (;;) {
    const trial = await attempt();
    const serverMs = sinceStart();
    if (trial.problem === undefined || isLate()) return { databaseMs: await database, serverMs, stages, trial, before };
    const last = stages.at(-1);
    if (last?.problem === trial.problem) last.untilMs = serverMs;
    else stages.push({ problem: trial.problem, untilMs: serverMs });
    await pause(TRY_PAUSE_MS);
  }
}

/** Tries steps one after the other until one has a problem. */
export async function tryAll(steps: Readonly<Record<string, () => Promise<string | undefined>>>): Promise<Trial> {
  const tookMs: Record<string, number> = {};
  for (const [name, step] of Object.entries(steps)) {
    const startedAt = performance.now();
    const problem = await step();
    tookMs[name] = Math.round(performance.now() - startedAt);
    if (problem !== undefined) return { tookMs, problem };
  }
  return { tookMs, problem: undefined };
}

/** Asked as anybody would: with a new session, and a row of its own that is on the disk when it is answered. */
async function takesWrites(postgres: OwnPostgres, port: number): Promise<boolean> {
  try {
    const client = await postgres.connect("patchbay", port);
    try {
      await client.query("create table if not exists torture_probe (at timestamptz not null)");
      await client.query("insert into torture_probe values (now())");
      return true;
    } finally {
      client.end().catch(() => {});
    }
  } catch {
    return false; // It is asked again; that it never was is told by the time that it took.
  }
}
