/**
 * `npm run torture:database -- --rounds 300 --seed 1`: treats a PostgreSQL badly, at random, under writers, chats,
 * streams and watches, and kills the server itself now and then; checks after every round that it serves again within
 * 5 s, that its pool is at rest within 10 s, and in the end that every write that was promised is there and that usage is
 * what the provider's ledger says.
 */
import { copyFileSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { makeApiKey } from "../../server/domain/access/api-key-format.ts";
import { makeTemporaryFolder } from "../../server/test/base/temporary-folder.ts";
import { Random } from "../../server/test/hostile/random.ts";
import { saysSlowly } from "../../server/test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../../server/test/upstream/scripted-upstream.ts";
import { FAULTS, type Victim } from "./database-faults.ts";
import { type Counts, Load } from "./database-load.ts";
import { OwnPostgres } from "./own-postgres.ts";
import { OwnServer } from "./own-server.ts";
import { TcpProxy } from "./tcp-proxy.ts";

const WRITERS = 4;
const CHATTERS = 6;
const WATCHES = 2;
const GRACE_SECONDS = 1;
const READY_MS = 5_000;
const AT_REST_MS = 10_000;
const STOPPED_MS = GRACE_SECONDS * 1_000 + 10_000;
/** Every so manieth round, the server is killed, or told to stop while the fault lasts. */
const SERVER_DIES_EVERY = 5;

export interface Verdict extends Counts {
  readonly rounds: number;
  readonly violations: readonly string[];
  /** Calls of the provider, and of them those that a kill of the server left unrecorded. */
  readonly calls: number;
  readonly lost: number;
  readonly kills: number;
  readonly slowestReadyMs: number;
  readonly slowestStopMs: number;
}

export interface Options {
  readonly rounds: number;
  readonly seed: number;
  /** Names of faults; all of them unless given. */
  readonly faults?: readonly string[];
  /** A busy machine needs more time than the figures say. */
  readonly patience?: number;
  /** Where the server's and PostgreSQL's logs go; a folder that goes with the run unless given. */
  readonly logFolder?: string;
  say?(told: string): void;
}

class Torture implements Victim {
  readonly random: Random;
  readonly postgres: OwnPostgres;
  readonly proxy: TcpProxy;
  readonly #upstream: ScriptedUpstream;
  readonly #folder: string;
  readonly #options: Options;
  readonly #apiKey = makeApiKey().reveal();
  readonly #violations: string[] = [];
  /** What was only too slow; the rounds go on. */
  readonly #late: string[] = [];
  readonly #server: OwnServer;
  #load!: Load;
  #kills = 0;
  #slowestReadyMs = 0;
  #slowestStopMs = 0;
  #url = "";

  constructor(postgres: OwnPostgres, proxy: TcpProxy, upstream: ScriptedUpstream, folder: string, options: Options) {
    this.postgres = postgres;
    this.proxy = proxy;
    this.#upstream = upstream;
    this.#folder = folder;
    this.#options = options;
    this.random = new Random(options.seed);
    const settings = {
      DATABASE_URL: `postgres://postgres@127.0.0.1:${proxy.port}/patchbay`,
      DATABASE_PASSWORD_FILE: join(folder, "password"),
      KEYRING_FILE: join(folder, "keyring"),
      BOOTSTRAP_API_KEY: this.#apiKey,
      EGRESS_ALLOW: upstream.url,
      SHUTDOWN_GRACE_SECONDS: String(GRACE_SECONDS),
      LOG_LEVEL: "warn",
    };
    const logFile = join(options.logFolder ?? folder, "server.log");
    this.#server = new OwnServer(settings, logFile, (told) => this.#violate(told));
  }

  setPassword(password: string): void {
    writeFileSync(join(this.#folder, "password"), `${password}\n`, { mode: 0o600 });
  }

  async run(): Promise<Verdict> {
    this.setPassword(this.postgres.password);
    await this.#start();
    this.#load = new Load(this.#upstream, this.#url, this.#apiKey);
    await this.#load.begin(WRITERS, CHATTERS, WATCHES);
    let round = 0;
    while (round < this.#options.rounds && this.#violations.length === 0) await this.#round(++round);
    await this.#load.end();
    this.#violations.push(...new Set(this.#load.wrong));
    const usage = this.#server.isRunning ? await this.#checkAll() : { calls: 0, lost: 0 };
    await this.#stop("SIGTERM");
    return {
      ...this.#load.counts,
      ...usage,
      rounds: round,
      violations: [...this.#violations, ...this.#late],
      kills: this.#kills,
      slowestReadyMs: Math.round(this.#slowestReadyMs),
      slowestStopMs: Math.round(this.#slowestStopMs),
    };
  }

  async #checkAll(): Promise<{ calls: number; lost: number }> {
    await this.#checkWrites();
    return this.#checkUsage();
  }

  async #round(number: number): Promise<void> {
    const name = this.random.pick(this.#options.faults ?? Object.keys(FAULTS));
    const dies = number % SERVER_DIES_EVERY === 0;
    let isOver = false;
    const healed = FAULTS[name]?.(this).then(
      () => {
        isOver = true;
      },
      (error) => this.#violate(`"${name}" could not be done or healed: ${error.message}`),
    );
    if (dies) {
      await pause(this.random.below(1_000));
      const how = this.random.pick(["SIGKILL", "SIGTERM"] as const);
      await this.#stop(how);
      await healed;
      await this.#start();
      this.#load.moveTo(this.#url);
    }
    await healed;
    const readyMs = await this.#whenServing();
    await this.#checkPool();
    const { writes, chats, refused } = this.#load.counts;
    this.#options.say?.(
      `round ${number}: ${name}${dies ? ", and the server dies" : ""}${isOver ? "" : "?"}; serves again after ` +
        `${Math.round(readyMs)} ms; ${writes} writes, ${chats} chats, ${refused} refused so far`,
    );
  }

  async #start(): Promise<void> {
    this.#url = await this.#server.start();
  }

  async #stop(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    const startedAt = performance.now();
    await this.#server.end(signal);
    const tookMs = performance.now() - startedAt;
    this.#kills++; // What SIGTERM cannot write while the database is away is lost, too, and the log says how much.
    if (signal === "SIGKILL") return;
    this.#slowestStopMs = Math.max(this.#slowestStopMs, tookMs);
    if (tookMs > STOPPED_MS * this.#patience) this.#late.push(`SIGTERM took ${Math.round(tookMs)} ms`);
  }

  get #patience(): number {
    return this.#options.patience ?? 1;
  }

  /** From the moment in which the database is well. */
  async #whenServing(): Promise<number> {
    const startedAt = performance.now();
    let problem: string | undefined = "not ready";
    while (performance.now() - startedAt < 4 * READY_MS * this.#patience) {
      problem = await this.#readiness();
      problem ??= await this.#load.tryOnce();
      if (problem === undefined) break;
      await pause(50);
    }
    const tookMs = performance.now() - startedAt;
    this.#slowestReadyMs = Math.max(this.#slowestReadyMs, tookMs);
    if (problem !== undefined) this.#violate(`it does not serve: ${problem}`);
    else if (tookMs > READY_MS * this.#patience) this.#late.push(`it served again after ${Math.round(tookMs)} ms only`);
    return tookMs;
  }

  async #readiness(): Promise<string | undefined> {
    try {
      const { status } = await fetch(`${this.#url}/readyz`, { signal: AbortSignal.timeout(10_000) });
      return status === 200 ? undefined : "not ready";
    } catch (error) {
      const { message, cause } = error as Error;
      return `/readyz: ${message} (${(cause as Error | undefined)?.message})`;
    }
  }

  /** A place that is lost never comes back; under load, none may be waited for, and not all may be taken. */
  async #checkPool(): Promise<void> {
    const until = performance.now() + AT_REST_MS * this.#patience;
    let state = { size: 0, idle: 0, waiting: 0 };
    do {
      const text = await (await fetch(`${this.#url}/metrics`)).text();
      const read = (name: string) => Number(new RegExp(`^patchbay_database_pool_${name} (\\d+)`, "m").exec(text)?.[1]);
      state = { size: read("size"), idle: read("idle"), waiting: read("waiting") };
      if (state.waiting === 0 && state.size - state.idle <= WRITERS + CHATTERS + WATCHES) return;
      await pause(100);
    } while (performance.now() < until);
    this.#violate(`the pool is not at rest: ${JSON.stringify(state)}`);
  }

  async #checkWrites(): Promise<void> {
    for (const [llmId, promised] of this.#load.promised) {
      const name = await this.#load.nameOf(llmId);
      if (name !== promised && name !== this.#load.asked.get(llmId)) {
        this.#violate(`an Llm is called ${name}, and was promised to be ${promised}`);
      }
    }
    // At rest, every place of the pool has to be free.
    const until = performance.now() + AT_REST_MS * this.#patience;
    for (;;) {
      const text = await (await fetch(`${this.#url}/metrics`)).text();
      const read = (name: string) => Number(new RegExp(`^patchbay_database_pool_${name} (\\d+)`, "m").exec(text)?.[1]);
      if (read("size") === read("idle")) return;
      if (performance.now() > until) {
        const sessions = await this.postgres.administer(
          "select state, query from pg_stat_activity where application_name = 'patchbay'",
        );
        const taken = read("size") - read("idle");
        return this.#violate(`${taken} connections are not given back, of ${JSON.stringify(sessions)}`);
      }
      await pause(100);
    }
  }

  /** Every call of the provider has one row, but for those that were under way when the server died. */
  async #checkUsage(): Promise<{ calls: number; lost: number }> {
    const calls = this.#upstream.requests.length;
    const mostLost = this.#kills * (CHATTERS + 1);
    let lost = 0;
    for (const until = Date.now() + 10_000; ; await pause(200)) {
      const [row] = await this.postgres.administer("select count(*)::int as count from reply_usage", "patchbay");
      lost = calls - Number(row?.count);
      if ((lost >= 0 && lost <= mostLost) || Date.now() > until) break;
    }
    if (lost < 0) this.#violate(`${-lost} rows of usage are of no call of the provider`);
    if (lost > mostLost) this.#violate(`${lost} calls of the provider have no row; ${mostLost} may be lost by kills`);
    return { calls, lost };
  }

  #violate(what: string): void {
    this.#violations.push(what);
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  get serverLog(): string {
    return this.#server.said;
  }
}

export async function tortureDatabase(options: Options): Promise<Verdict> {
  const upstream = await ScriptedUpstream.start({ otherwise: saysSlowly(10, "some ", "words") });
  const folder = makeTemporaryFolder("torture-database");
  const postgres = await OwnPostgres.create(join(folder.path, "postgres"));
  const proxy = await TcpProxy.start(postgres.port);
  const torture = new Torture(postgres, proxy, upstream, folder.path, options);
  try {
    const verdict = await torture.run();
    if (verdict.violations.length > 0) options.say?.(torture.serverLog.slice(-8_000));
    return verdict;
  } catch (error) {
    options.say?.(torture.serverLog.slice(-8_000));
    throw error;
  } finally {
    await torture.close();
    await proxy.close();
    await postgres.stop();
    if (options.logFolder) copyFileSync(postgres.logFile, join(options.logFolder, "postgres.log"));
    await upstream.close();
    folder.remove();
  }
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "300" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      fault: { type: "string", multiple: true },
      patience: { type: "string", default: "1" },
    },
  });
  const logFolder = mkdtempSync(join(tmpdir(), `patchbay-torture-${values.seed}-`));
  console.log(`seed ${values.seed}; logs are in ${logFolder}`);
  const startedAt = Date.now();
  const { violations, ...figures } = await tortureDatabase({
    rounds: Number(values.rounds),
    seed: Number(values.seed),
    ...(values.fault ? { faults: values.fault } : {}),
    patience: Number(values.patience),
    logFolder,
    say: console.log,
  });
  for (const wrong of violations) console.error(`VIOLATION: ${wrong}`);
  console.log(`${JSON.stringify(figures)}, ${Math.round((Date.now() - startedAt) / 1_000)} s, seed ${values.seed}`);
  process.exit(violations.length === 0 ? 0 : 1);
}
