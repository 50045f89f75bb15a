import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Store } from "../../store/store.ts";
import { Vault } from "../../store/vault/vault.ts";
import { addSealedLlms, checksumOfOtherColumns, type SealedLlm } from "./sealed-llms.ts";

const COMMAND = join(import.meta.dirname, "../../cli/patchbay.ts");

/** How much of a rotation may be its start; more was measured while the machine was busier. */
const LARGEST_START_SHARE = 0.9;

/** What a torture is about. */
export interface Torture {
  readonly databaseUrl: string;
  readonly keyringFile: string;
  readonly kills: number;
  readonly rows: number;
  readonly owners: number;
  readonly seed: number;
  readonly say: (line: string) => void;
}

/** What it found; all but the first two and the last should be 0. */
export interface Damage {
  /** Rotations that were killed before they were done. */
  readonly killed: number;
  /** Those among them that had begun to change the database or the key ring. */
  readonly killedAtWork: number;
  readonly unreadable: number;
  readonly changed: number;
  readonly rowsPerSecond: number;
}

/**
 * Kills `keys rotate --data-keys` with SIGKILL at random moments, each time looks whether everything opens to what it was
 * and nothing else has changed, and lets the last one finish.
 */
export async function tortureRotation(torture: Torture): Promise<Damage> {
  const { databaseUrl, keyringFile, kills, say } = torture;
  const random = mulberry32(torture.seed);
  const store = await Store.open({ url: databaseUrl }, () => {});
  try {
    const vault = await Vault.openFile(store.fork(), keyringFile);
    const llms = await addSealedLlms(store, vault, torture);
    vault.close();
    const checksum = await checksumOfOtherColumns(store);
    const startMs = await timeOf(() => run(torture, ["status"], undefined));
    let wholeMs = await timeOf(() => rotate(torture, undefined));
    const startShare = Math.min(startMs / wholeMs, LARGEST_START_SHARE);
    say(`a command starts in ${startMs.toFixed(0)} ms, one whole rotation takes ${wholeMs.toFixed(0)} ms`);
    const damage = { killed: 0, killedAtWork: 0, unreadable: 0, changed: 0 };
    for (let round = 1; round <= kills; ) {
      const before = await stateOfKeys(store);
      // A kill before it is at work proves nothing; some still come before.
      const earliestMs = 0.9 * startShare * wholeMs;
      const afterMs = earliestMs + random() * (wholeMs - earliestMs);
      const startedAt = performance.now();
      if (!(await rotate(torture, afterMs))) {
        wholeMs = performance.now() - startedAt; // The machine had more to do when it took longer.
        continue;
      }
      damage.killed++;
      if ((await stateOfKeys(store)) !== before) damage.killedAtWork++;
      damage.unreadable += await countUnreadable(store, keyringFile, llms);
      if ((await checksumOfOtherColumns(store)) !== checksum) damage.changed++;
      say(`kill ${round} after ${afterMs.toFixed(0)} ms: ${damage.unreadable} unreadable, ${damage.changed} changed`);
      round++;
    }
    await rotate(torture, undefined); // Finishes the last one.
    const seconds = (await timeOf(() => rotate(torture, undefined))) / 1_000;
    damage.unreadable += await countUnreadable(store, keyringFile, llms);
    if ((await checksumOfOtherColumns(store)) !== checksum) damage.changed++;
    return { ...damage, rowsPerSecond: torture.rows / seconds };
  } finally {
    await store.close();
  }
}

function rotate(torture: Torture, killAfterMs: number | undefined): Promise<boolean> {
  return run(torture, ["rotate", "--data-keys"], killAfterMs);
}

/** Runs a command, as a user would, and kills it after a time; true if that was before it ended. */
async function run(
  { databaseUrl, keyringFile }: Torture,
  words: string[],
  killAfterMs: number | undefined,
): Promise<boolean> {
  const { PATH = "", HOME = "" } = process.env;
  const env = { PATH, HOME, DATABASE_URL: databaseUrl, KEYRING_FILE: keyringFile };
  const child = spawn(process.execPath, [COMMAND, "keys", ...words], { env, stdio: "pipe" });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  child.stdout.resume();
  const ended = once(child, "close");
  if (killAfterMs !== undefined) {
    await Promise.race([ended, sleep(killAfterMs)]);
    child.kill("SIGKILL");
  }
  await ended;
  if (child.signalCode === "SIGKILL") return true;
  if (child.exitCode !== 0) throw new Error(`keys ${words[0]} ended with ${child.exitCode}: ${said}`);
  return false;
}

/** By another vault than the one that sealed, which has nothing in memory. */
async function countUnreadable(store: Store, keyringFile: string, llms: readonly SealedLlm[]): Promise<number> {
  const vault = await Vault.openFile(store.fork(), keyringFile);
  const em = store.fork();
  const rows = await em.execute<{ id: string; sealed: never; endpoint: string }[]>(
    "select id, sealed_credentials as sealed, endpoint_url || api_path as endpoint from llm",
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  let unreadable = 0;
  for (const { id, ownerId, secret } of llms) {
    const { sealed, endpoint } = byId.get(id) ?? { sealed: null as never, endpoint: "" };
    const place = { column: "llm.credentials", ownerId, rowId: id, version: 1, endpoint };
    const opened = await vault.open(em, place, sealed).catch(() => undefined);
    if (opened === undefined || JSON.parse(opened.reveal())[0] !== secret) unreadable++;
  }
  vault.close();
  return unreadable;
}

async function stateOfKeys(store: Store): Promise<string> {
  const [row] = await store.fork().execute<{ state: string }[]>(
    `select md5(coalesce(string_agg(w.wrapped::text, ',' order by w.id), '')) ||
       (select md5(coalesce(string_agg(sealed_credentials::text, ',' order by id), '')) from llm) as state
     from wrapped_key as w`,
  );
  return row?.state ?? "";
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** Random numbers that a seed repeats. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
