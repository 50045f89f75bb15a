import { setTimeout as pause } from "node:timers/promises";
import type { OwnPostgres } from "../own-postgres.ts";
import type { Load } from "./load.ts";

const AT_REST_MS = 10_000;
const WRITTEN_MS = 10_000;

/** Calls of the provider, and those of them that have no row of usage. */
export interface Billed {
  readonly calls: number;
  readonly lost: number;
}

/** That the pool gives places back while calls go on: none waits for one, and not more are taken than there are callers. */
export async function poolUnderLoad(url: string, callers: number, patience: number): Promise<string | undefined> {
  const state = await poolWhen(url, patience, ({ waiting, taken }) => waiting === 0 && taken <= callers);
  return state && `the pool is not at rest: ${JSON.stringify(state)}`;
}

/** That every place of the pool is free once nobody calls. */
export async function poolAtRest(url: string, postgres: OwnPostgres, patience: number): Promise<string | undefined> {
  const state = await poolWhen(url, patience, ({ taken }) => taken === 0);
  if (!state) return undefined;
  const sessions = await postgres.administer(
    "select state, query from pg_stat_activity where application_name = 'patchbay'",
  );
  return `${state.taken} connections are not given back, of ${JSON.stringify(sessions)}`;
}

/** That every write that was promised is there, or the one that was asked for after it. */
export async function brokenPromises(load: Load): Promise<string[]> {
  const broken: string[] = [];
  for (const [llmId, name] of load.promised) {
    const found = await load.nameOf(llmId);
    if (found !== name && found !== load.asked.get(llmId)) {
      broken.push(`an Llm is called ${found}, and was promised to be ${name}`);
    }
  }
  return broken;
}

/** How many of the provider's calls have no row; those that came last may be about to be written. */
export async function billed(postgres: OwnPostgres, calls: number, mostLost: number): Promise<Billed> {
  for (const until = Date.now() + WRITTEN_MS; ; await pause(200)) {
    const [row] = await postgres.administer("select count(*)::int as count from reply_usage", "patchbay");
    const lost = calls - Number(row?.count);
    if ((lost >= 0 && lost <= mostLost) || Date.now() > until) return { calls, lost };
  }
}

interface PoolState {
  readonly taken: number;
  readonly waiting: number;
}

/** The pool as it is in the end, if it did not become what it should be. */
async function poolWhen(
  url: string,
  patience: number,
  isFine: (state: PoolState) => boolean,
): Promise<PoolState | undefined> {
  for (const until = performance.now() + AT_REST_MS * patience; ; await pause(100)) {
    const text = await (await fetch(`${url}/metrics`)).text();
    const read = (name: string) => Number(new RegExp(`^patchbay_database_pool_${name} (\\d+)`, "m").exec(text)?.[1]);
    const state = { taken: read("size") - read("idle"), waiting: read("waiting") };
    if (isFine(state)) return undefined;
    if (performance.now() > until) return state;
  }
}
