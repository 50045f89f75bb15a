import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { makeApiKey } from "../../../server/domain/access/api-key-format.ts";
import { Random } from "../../../server/test/hostile/random.ts";
import type { ScriptedUpstream } from "../../../server/test/upstream/scripted-upstream.ts";
import type { OwnPostgres } from "../own-postgres.ts";
import { OwnServer } from "../own-server.ts";
import type { TcpProxy } from "../tcp-proxy.ts";
import { type Billed, billed, brokenPromises, poolAtRest, poolUnderLoad } from "./books.ts";
import { FAULTS, type Victim } from "./faults.ts";
import { type Counts, Load } from "./load.ts";
import { ownMs, type Recovery, type Trial, tellRecovery, tryAll, whenRecovered } from "./recovery.ts";

const WRITERS = 4;
const CHATTERS = 6;
const WATCHES = 2;
const GRACE_SECONDS = 1;
const READY_MS = 5_000;
const STOPPED_MS = GRACE_SECONDS * 1_000 + 10_000;
/** Every so manieth round, the server is killed, or told to stop while the fault lasts. */
const SERVER_DIES_EVERY = 5;

/** Calls of the provider without a row are those that a kill of the server cut off. */
export interface Verdict extends Counts, Billed {
  readonly rounds: number;
  readonly violations: readonly string[];
  readonly kills: number;
  /** The longest that the server took on top of its database, which took so long in that round. */
  readonly slowestReadyMs: number;
  readonly databaseMs: number;
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

export class Torture implements Victim {
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
  #slowest: Recovery | undefined;
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
      slowestReadyMs: this.#slowest ? ownMs(this.#slowest) : 0,
      databaseMs: this.#slowest?.databaseMs ?? 0,
      slowestStopMs: Math.round(this.#slowestStopMs),
    };
  }

  async #checkAll(): Promise<Billed> {
    for (const broken of await brokenPromises(this.#load)) this.#violate(broken);
    this.#violate(await poolAtRest(this.#url, this.postgres, this.#patience));
    const mostLost = this.#kills * (CHATTERS + 1);
    const { calls, lost } = await billed(this.postgres, this.#upstream.requests.length, mostLost);
    if (lost < 0) this.#violate(`${-lost} rows of usage are of no call of the provider`);
    if (lost > mostLost) this.#violate(`${lost} calls of the provider have no row; ${mostLost} may be lost by kills`);
    return { calls, lost };
  }

  async #round(number: number): Promise<void> {
    const name = this.random.pick(this.#options.faults ?? Object.keys(FAULTS));
    const before = await this.#try();
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
    const recovery = await this.#recover(before);
    this.#violate(await poolUnderLoad(this.#url, WRITERS + CHATTERS + WATCHES, this.#patience));
    const { writes, chats, refused } = this.#load.counts;
    this.#options.say?.(
      `round ${number}: ${name}${dies ? ", and the server dies" : ""}${isOver ? "" : "?"}; ${tellRecovery(recovery)}; ` +
        `${writes} writes, ${chats} chats, ${refused} refused so far`,
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

  /** Waits until it serves; what it takes on top of its database has a limit. */
  async #recover(before: Trial): Promise<Recovery> {
    const limitMs = READY_MS * this.#patience;
    const recovery = await whenRecovered(this.postgres, this.proxy.port, before, () => this.#try(), 4 * limitMs);
    if (!this.#slowest || ownMs(recovery) > ownMs(this.#slowest)) this.#slowest = recovery;
    const { problem } = recovery.trial;
    if (problem !== undefined) this.#violate(`it does not serve: ${problem}`);
    else if (ownMs(recovery) > limitMs) this.#late.push(`it served again late: ${tellRecovery(recovery)}`);
    return recovery;
  }

  #try(): Promise<Trial> {
    return tryAll({ readyz: () => this.#readiness(), ...this.#load.calls });
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

  #violate(what: string | undefined): void {
    if (what !== undefined) this.#violations.push(what);
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  get serverLog(): string {
    return this.#server.said;
  }
}
