/**
 * `npm run test:failover`: three servers, directly and behind PgBouncer in both of its modes, on a primary and a standby
 * under Patroni with etcd. The primary is lost under chats and writes; what was acknowledged has to be there.
 */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPatchbay, problemOf } from "../../client/llm.ts";
import { makeApiKey } from "../../server/domain/access/api-key-format.ts";
import { makeTemporaryFolder } from "../../server/test/base/temporary-folder.ts";
import { ServerProcess } from "../../server/test/server/server-process.ts";
import { llmRequest } from "../../server/test/service/llm-requests.ts";
import { says } from "../../server/test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../../server/test/upstream/scripted-upstream.ts";
import { hasPgBouncer, OwnPgBouncer } from "../torture/own-pgbouncer.ts";
import { missingPackages, OwnPatroni } from "./own-patroni.ts";

const missing = [...missingPackages, ...(hasPgBouncer ? [] : ["pgbouncer"])];
if (missing.length > 0) console.log(`skipped: apt-get install ${missing.join(" ")}`);

const TIMEOUT_MS = 600_000;
const OUTAGES = new Set(["Unavailable", "DeadlineExceeded"]);

let folder: ReturnType<typeof makeTemporaryFolder>;
let cluster: OwnPatroni;
let upstream: ScriptedUpstream;
const bouncers: OwnPgBouncer[] = [];
beforeAll(async () => {
  if (missing.length > 0) return;
  folder = makeTemporaryFolder("patroni");
  upstream = await ScriptedUpstream.start({ otherwise: says("yes") });
  cluster = await OwnPatroni.start(join(folder.path, "cluster"));
}, TIMEOUT_MS);
afterAll(async () => {
  for (const bouncer of bouncers) await bouncer.stop();
  await cluster?.stop();
  await upstream?.close();
  folder?.remove();
});

/** One server, with what it was promised and how long it served nobody. */
class Served {
  readonly name: string;
  readonly server: ServerProcess;
  readonly llmId: string;
  readonly #patchbay: ReturnType<typeof createPatchbay>;
  readonly url: string;
  promised = "";
  chats = 0;
  refused = 0;
  writtenAt = 0;
  longestGapMs = 0;
  readonly wrong: string[] = [];

  constructor(name: string, server: ServerProcess, url: string, apiKey: string, llmId: string) {
    this.name = name;
    this.server = server;
    this.url = url;
    this.llmId = llmId;
    this.#patchbay = createPatchbay({ url, apiKey });
  }

  async write(n: number): Promise<void> {
    const description = `${this.name} ${n}`;
    await this.#patchbay.llms.updateLlm({ llmId: this.llmId, description }, { timeoutMs: 20_000 });
    this.promised = description;
    const now = performance.now();
    if (this.writtenAt > 0) this.longestGapMs = Math.max(this.longestGapMs, now - this.writtenAt);
    this.writtenAt = now;
  }

  async chat(): Promise<void> {
    await this.#patchbay.chat.chat({ llmId: this.llmId, message: "Does it work?" }, { timeoutMs: 20_000 });
    this.chats++;
  }

  async description(): Promise<string> {
    return (await this.#patchbay.llms.getLlm({ llmId: this.llmId })).llm?.description ?? "";
  }

  async goOn(signal: AbortSignal, call: (n: number) => Promise<void>): Promise<void> {
    for (let n = 1; !signal.aborted; n++) {
      await call(n).catch(async (error) => {
        const { code, reason, message } = problemOf(error);
        this.refused++;
        if (!OUTAGES.has(code)) this.wrong.push(`${this.name}: ${code} ${reason} ${message}`);
        await pause(100);
      });
      await pause(20);
    }
  }
}

async function bouncersOf(mode: "session" | "transaction"): Promise<string> {
  const hosts: string[] = [];
  for (const { port, name } of cluster.members) {
    const at = { port, password: cluster.password };
    const bouncer = await OwnPgBouncer.start(at, join(folder.path, `${mode}-${name}`), mode, 40);
    bouncers.push(bouncer);
    hosts.push(`127.0.0.1:${bouncer.port}`);
  }
  return hosts.join(",");
}

describe.skipIf(missing.length > 0)("a primary under Patroni that is lost", () => {
  it("costs no acknowledged write and no reply's record, on each way", { timeout: TIMEOUT_MS }, async () => {
    const apiKey = makeApiKey().reveal();
    const url = (hosts: string) =>
      `postgres://postgres:${cluster.password}@${hosts}/patchbay?target_session_attrs=read-write`;
    const direct = url(cluster.members.map(({ port }) => `127.0.0.1:${port}`).join(","));
    const ways = [
      { name: "direct", settings: { DATABASE_URL: direct } },
      { name: "session", settings: { DATABASE_URL: url(await bouncersOf("session")) } },
      {
        name: "transaction",
        settings: { DATABASE_URL: url(await bouncersOf("transaction")), DATABASE_URL_DIRECT: direct },
      },
    ];
    const served: Served[] = [];
    for (const { name, settings } of ways) {
      const keyring = join(folder.path, "keyring");
      const shared = { KEYRING_FILE: keyring, BOOTSTRAP_API_KEY: apiKey, EGRESS_ALLOW: upstream.url };
      const server = new ServerProcess({ ...settings, ...shared, SHUTDOWN_GRACE_SECONDS: "0", LOG_LEVEL: "warn" });
      const at = await server.url();
      const request = llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier: name });
      const { llm } = await createPatchbay({ url: at, apiKey }).llms.createLlm(request);
      served.push(new Served(name, server, at, apiKey, llm?.llmId ?? ""));
    }
    try {
      const ending = new AbortController();
      const running = served.flatMap((one) => [
        one.goOn(ending.signal, (n) => one.write(n)),
        one.goOn(ending.signal, () => one.chat()),
        one.goOn(ending.signal, () => one.chat()),
      ]);
      let [primary] = cluster.members;
      // Twice, so that the one that was lost is what is promoted then.
      for (let times = 1; times <= 2 && primary; times++) {
        await pause(3_000);
        const killedAt = performance.now();
        await cluster.killMember(primary);
        const promoted = await cluster.whenPromoted(primary);
        const promotedAt = performance.now();
        for (const { url: at } of served) {
          const readiness = () => fetch(`${at}/readyz`).then(({ status }) => status);
          await expect.poll(readiness, { timeout: 120_000, interval: 20 }).toBe(200);
        }
        const readyAt = performance.now();
        console.log(
          `loss ${times}: promoted after ${Math.round(promotedAt - killedAt)} ms, all ready ${Math.round(readyAt - promotedAt)} ms later`,
        );
        cluster.startMember(primary);
        await cluster.whenIs(primary, "replica");
        await cluster.whenIs(primary, "synchronous");
        primary = promoted;
      }
      ending.abort();
      await Promise.all(running);
      for (const one of served) {
        const { name, chats, refused, longestGapMs } = one;
        expect(one.wrong).toEqual([]);
        expect(await one.description()).toBe(one.promised);
        console.log(
          `${name}: ${chats} chats, ${refused} calls refused, no write for ${Math.round(longestGapMs)} ms at worst`,
        );
      }
      const recorded = async () => {
        const [row] = await cluster.administer(
          primary as never,
          "select count(*)::int as n from reply_usage",
          "patchbay",
        );
        return row?.n;
      };
      await expect.poll(recorded, { timeout: 30_000 }).toBe(upstream.requests.length);
      for (const { server } of served) expect(await server.end("SIGTERM")).toBe(0);
    } finally {
      for (const { server } of served) await server.end("SIGKILL");
    }
  });
});
