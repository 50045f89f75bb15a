/**
 * `npm run torture:chat -- --kills 200 --seed 1`: kills a server while its sessions chat, at every named failpoint and at
 * random moments, starts it again over the same data, and checks that no turn is lost, doubled or broken, that what was
 * completed was billed once, and that every session goes on. `--at-once 4` shares the kills among four servers, each with
 * its own database and a seed that follows.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { createPatchbay, type Patchbay, problemOf } from "../../client/llm.ts";
import { Llm_ProviderType } from "../../gen/patchbay/v1/llm_pb.ts";
import { makeApiKey } from "../../server/domain/access/api-key-format.ts";
import type { Failpoint } from "../../server/domain/chat/attempt.ts";
import { makeTemporaryFolder } from "../../server/test/base/temporary-folder.ts";
import { Random } from "../../server/test/hostile/random.ts";
import { ServerProcess } from "../../server/test/server/server-process.ts";
import { saysSlowly } from "../../server/test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../../server/test/upstream/scripted-upstream.ts";
import { type Turns, violations, words } from "./chat-invariants.ts";

const SERVER = join(import.meta.dirname, "chat-server.ts");
const FAILPOINTS: readonly Failpoint[] = [
  "before_tx1",
  "after_tx1",
  "after_first_chunk",
  "before_tx2",
  "after_commit_before_reply",
];
const SESSIONS = 4;
/** A session is given up for a new one after so many turns, so that its prompts do not grow for ever. */
const TURNS_A_SESSION = 12;
/** A server that was started again has this long to answer: on a busy machine it may refuse as UNAVAILABLE first. */
const PATIENCE_MS = 15_000;
const PRICE = { input: "1", output: "1" };

export interface Verdict {
  /** Those that there were: a violation ends them. */
  readonly kills: number;
  /** Kills after which the next turn of every session worked. */
  readonly recovered: number;
  readonly answered: number;
  /** The longest that a session took for its next turn after a kill. */
  readonly slowestMs: number;
  readonly violations: readonly string[];
}

/** One conversation, from the outside. */
interface Talk {
  sessionId: string;
  turn: number;
}

/** How a session went on after a kill: with its next turn, or with what was wrong when it was given up. */
interface Continuation {
  readonly tries: number;
  readonly tookMs: number;
  readonly problem: string | undefined;
}

class Torture {
  readonly #upstream: ScriptedUpstream;
  readonly #settings: Record<string, string>;
  readonly #apiKey = makeApiKey().reveal();
  readonly #random: Random;
  readonly #talks: Talk[] = Array.from({ length: SESSIONS }, newTalk);
  readonly #acknowledged = new Set<string>();
  #llmId = "";

  constructor(upstream: ScriptedUpstream, folder: string, seed: number) {
    this.#upstream = upstream;
    this.#random = new Random(seed);
    this.#settings = {
      DATA_DIR: join(folder, "data"),
      KEYRING_FILE: join(folder, "keyring"),
      EGRESS_ALLOW: upstream.url,
      BOOTSTRAP_API_KEY: this.#apiKey,
    };
  }

  async run(kills: number, onKill: (told: string) => void): Promise<Verdict> {
    let killed = 0;
    let recovered = 0;
    let slowestMs = 0;
    const wrong: string[] = [];
    for (; ; killed++) {
      const server = new ServerProcess(this.#settings, [], SERVER);
      const patchbay = createPatchbay({ url: await server.url(), apiKey: this.#apiKey });
      this.#llmId ||= await this.#createLlm(patchbay);
      const found = [...violations(await turnsOf(server), this.#acknowledged, this.#upstream.requests)];
      // What the server was killed in is sent again first, and is the next turn of its session.
      const next = await Promise.all(this.#talks.map((talk) => this.#goOn(patchbay, talk)));
      if (killed > 0 && next.every(({ problem }) => problem === undefined)) recovered++;
      slowestMs = Math.max(slowestMs, ...next.map(({ tookMs }) => tookMs));
      for (const { problem, tries, tookMs } of next) {
        if (problem) found.push(`a session did not go on in ${tookMs} ms and ${tries} tries: ${problem}`);
      }
      wrong.push(...found);
      if (killed === kills || found.length > 0) {
        await server.end("SIGKILL");
        break;
      }
      onKill(`kill ${killed + 1}: ${await this.#kill(server, patchbay)}; the slowest next turn so far ${slowestMs} ms`);
    }
    return { kills: killed, recovered, answered: this.#acknowledged.size, slowestMs, violations: wrong };
  }

  /** Chats until the server is dead. */
  async #kill(server: ServerProcess, patchbay: Patchbay): Promise<string> {
    const point = this.#random.pick([...FAILPOINTS, "any moment"]);
    const count = 1 + this.#random.below(6);
    if (point === "any moment") setTimeout(() => server.child.kill("SIGKILL"), this.#random.below(150));
    else server.child.stdin?.write(`die ${point} ${count}\n`);
    const isDead = server.exit();
    await Promise.all(
      this.#talks.map(async (talk) => {
        while ((await this.#say(patchbay, talk)) === undefined);
      }),
    );
    await isDead;
    return point === "any moment" ? point : `${point}, time ${count}`;
  }

  /** One turn, said again as long as the server is only too busy for it. */
  async #goOn(patchbay: Patchbay, talk: Talk): Promise<Continuation> {
    const startedAt = performance.now();
    for (let tries = 1; ; tries++) {
      const problem = await this.#say(patchbay, talk);
      const tookMs = Math.round(performance.now() - startedAt);
      if (problem === undefined || tookMs > PATIENCE_MS) return { tries, tookMs, problem };
      await pause(200);
    }
  }

  /** One turn; what is wrong if it was not answered to its end. The same turn is said again then. */
  async #say(patchbay: Patchbay, talk: Talk): Promise<string | undefined> {
    const { sessionId, turn } = talk;
    const requestId = `turn-${turn}`;
    const ask = { llmId: this.#llmId, sessionId, requestId, message: words(sessionId, requestId) };
    let isAnswered = false;
    try {
      for await (const { event } of patchbay.chat.streamChat(ask)) {
        if (event.case !== "end") continue;
        this.#acknowledged.add(words(sessionId, requestId));
        isAnswered = true;
      }
    } catch (error) {
      const { reason, code, message } = problemOf(error);
      if (reason !== "") console.error(`${requestId}: ${code} ${reason}`);
      return `${code} ${reason}: ${message}`;
    }
    if (!isAnswered) return "the stream ended without its end, and without an error";
    talk.turn++;
    if (talk.turn > TURNS_A_SESSION) Object.assign(talk, newTalk());
    return undefined;
  }

  async #createLlm({ llms }: Patchbay): Promise<string> {
    const { llm } = await llms.createLlm({
      displayName: "tortured",
      providerType: Llm_ProviderType.CUSTOM_OPENAI_COMPATIBLE,
      endpointUrl: `${this.#upstream.url}/v1`,
      modelIdentifier: "tortured",
      price: PRICE,
    });
    return llm?.llmId ?? "";
  }
}

/** Kills a server so often; all that is random comes from the seed, but for when processes run. */
export async function tortureChats(kills: number, seed: number, onKill: (told: string) => void = () => {}) {
  const upstream = await ScriptedUpstream.start({ otherwise: saysSlowly(5, "some ", "words ", "of ", "mine") });
  const folder = makeTemporaryFolder("torture");
  try {
    return await new Torture(upstream, folder.path, seed).run(kills, onKill);
  } finally {
    await upstream.close();
    folder.remove();
  }
}

function newTalk(): Talk {
  return { sessionId: randomUUID(), turn: 1 };
}

async function turnsOf(server: ServerProcess): Promise<Turns> {
  const from = server.stdout.length;
  server.child.stdin?.write("turns\n");
  for (;;) {
    const [, json] = /turns (.*)\n/.exec(server.stdout.slice(from)) ?? [];
    if (json) return JSON.parse(json);
    if (server.child.exitCode !== null) throw new Error(`the server ended: ${server.stderr}`);
    await pause(2);
  }
}

if (process.argv[1] === import.meta.filename) {
  const options = { kills: { type: "string" }, seed: { type: "string" }, "at-once": { type: "string" } } as const;
  const { values } = parseArgs({ options });
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  const [kills, servers] = [Number(values.kills ?? 200), Number(values["at-once"] ?? 1)];
  console.log(`seed ${seed}`);
  const startedAt = Date.now();
  const verdicts = await Promise.all(
    Array.from({ length: servers }, (_, server) =>
      tortureChats(Math.ceil(kills / servers), seed + server, (told) => console.log(`seed ${seed + server}, ${told}`)),
    ),
  );
  const sum = (count: (verdict: Verdict) => number) => verdicts.reduce((all, verdict) => all + count(verdict), 0);
  const violated = verdicts.flatMap(({ violations }) => violations);
  for (const wrong of violated) console.error(`VIOLATION: ${wrong}`);
  const [killed, recovered] = [sum((verdict) => verdict.kills), sum((verdict) => verdict.recovered)];
  console.log(
    `${killed} kills, ${violated.length} violations, the next turns worked ${recovered}/${killed}, ` +
      `the slowest after ${Math.max(...verdicts.map(({ slowestMs }) => slowestMs))} ms, ` +
      `${sum(({ answered }) => answered)} turns answered, ${Math.round((Date.now() - startedAt) / 1_000)} s, seed ${seed}`,
  );
  process.exit(violated.length === 0 && recovered === killed ? 0 : 1);
}
