import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import {
  WatchLlmsResponse_Kind as Kind,
  WatchLlmsResponse_KindSchema as KindSchema,
  type WatchLlmsResponse,
} from "../../../gen/patchbay/v1/llm_service_pb.ts";
import type { Server } from "../../compose/server.ts";
import { nameOf } from "../../service/call/enums.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { apiKey, llmRequest } from "../../test/service/llm-requests.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

let upstream: ScriptedUpstream;
let server: TestServer;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  server = await startServer({ EGRESS_ALLOW: upstream.url });
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
});

type Llms = Patchbay["llms"];

/** On a busy machine. */
const eventually = <T>(look: () => T) => expect.poll(look, { timeout: 10_000 });

/** Watches until it is left, and resumes where it was whenever the server is lost. */
class Watcher {
  readonly events: { event: WatchLlmsResponse; seenAt: number }[] = [];
  interruptions = 0;
  #leave = new AbortController();
  #watching: Promise<void>;

  constructor(connect: () => Llms, request: { ownerId?: string; resumeToken?: string } = {}) {
    this.#watching = this.#watch(connect, request);
  }

  get kinds(): string[] {
    return this.changes.map(({ kind }) => nameOf(KindSchema, kind) ?? "");
  }

  get changes(): WatchLlmsResponse[] {
    return this.events.map(({ event }) => event).filter(({ kind }) => kind !== Kind.CAUGHT_UP);
  }

  get lastToken(): string {
    return this.events.at(-1)?.event.resumeToken ?? "";
  }

  async caughtUp(): Promise<this> {
    await eventually(() => this.events.some(({ event }) => event.kind === Kind.CAUGHT_UP)).toBe(true);
    return this;
  }

  async leave(): Promise<void> {
    this.#leave.abort();
    await this.#watching;
  }

  async #watch(connect: () => Llms, request: { ownerId?: string; resumeToken?: string }): Promise<void> {
    const { signal } = this.#leave;
    while (!signal.aborted) {
      try {
        const resumeToken = this.lastToken || (request.resumeToken ?? "");
        for await (const event of connect().watchLlms({ ...request, resumeToken }, { signal })) {
          this.events.push({ event, seenAt: Date.now() });
        }
      } catch {
        this.interruptions++;
        await sleep(20);
      }
    }
  }
}

async function begin() {
  const account = await server.addAccount("OWNER");
  return { ...account, llms: server.client(account.apiKey).llms };
}

const idOf = ({ llm }: { llm?: { llmId: string } | undefined }) => llm?.llmId ?? "";

describe("a watch", () => {
  it("tells of everything that happens to an Llm, with the Llm", async () => {
    const { llms, accountId, apiKey: key } = await begin();
    const watcher = await new Watcher(() => llms).caughtUp();
    const said = { endpointUrl: `${upstream.url}/v1`, credentials: apiKey("sk-watch-canary-0123456789") };
    const llmId = idOf(await llms.createLlm(llmRequest(said)));
    await llms.updateLlm({ llmId, description: "changed" });
    await llms.setDefaultLlm({ llmId });
    await llms.testLlm({ llmId });
    await eventually(() => watcher.kinds).toHaveLength(5);
    await llms.deleteLlm({ llmId });
    await eventually(() => watcher.kinds).toHaveLength(6);
    await llms.undeleteLlm({ llmId });
    await eventually(() => watcher.kinds).toHaveLength(7);
    const tested = ["STATUS_CHANGED", "MODEL_CHANGED"];
    expect(watcher.kinds).toEqual(["CREATED", "UPDATED", "DEFAULT_CHANGED", ...tested, "DELETED", "UNDELETED"]);
    for (const { llmId: id, ownerId, happenedAt } of watcher.changes) {
      expect([id, ownerId]).toEqual([llmId, accountId]);
      expect(Math.abs(Number(happenedAt) - Date.now())).toBeLessThan(60_000);
    }
    expect(watcher.changes[3]?.llm).toMatchObject({ description: "changed", isDefault: true, hasCredentials: true });
    expect(watcher.changes[3]?.llm?.lastTest).toBeDefined();
    expect(watcher.changes[5]?.llm).toBeUndefined();
    expect(watcher.changes[6]?.llm?.llmId).toBe(llmId);
    await watcher.leave();

    // Over REST, as lines and as events.
    const [first] = watcher.changes;
    for (const accept of ["application/x-ndjson", "text/event-stream"]) {
      const url = `${server.url}/v1/llms:watch?resumeToken=${first?.resumeToken}`;
      const answer = await fetch(url, { headers: { accept, authorization: `Bearer ${key}` } });
      expect(answer.headers.get("content-type")).toBe(accept);
      let text = "";
      for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        text += chunk;
        if (text.includes("CAUGHT_UP")) break;
      }
      const kinds = [...text.matchAll(/"kind":"(\w+)"/g)].map(([, kind]) => kind);
      expect(kinds).toEqual([...watcher.kinds.slice(1), "CAUGHT_UP"]);
      expect(text).not.toContain("canary");
    }
  });

  it("reads once for all who watch the same things from the same place", async () => {
    const { llms, apiKey: key } = await begin();
    const llmId = idOf(await llms.createLlm(llmRequest()));
    const watchers = Array.from({ length: 16 }, () => new Watcher(() => server.client(key).llms));
    for (const watcher of watchers) await watcher.caughtUp();
    let connections = 0;
    const count = () => connections++;
    server.store.pool.on("acquire", count);
    await llms.updateLlm({ llmId, description: "told to many" });
    for (const watcher of watchers) await eventually(() => watcher.kinds).toEqual(["UPDATED"]);
    server.store.pool.off("acquire", count);
    expect(connections).toBeLessThan(watchers.length);
    expect(new Set(watchers.map(({ lastToken }) => lastToken)).size).toBe(1);
    for (const watcher of watchers) await watcher.leave();
  });

  it("tells nothing of what was refused, taken back or only rehearsed", async () => {
    const { llms } = await begin();
    const watcher = await new Watcher(() => llms).caughtUp();
    const request = llmRequest();
    await llms.createLlm({ ...request, validateOnly: true });
    await llms.createLlm(request);
    expect(await problemIn(llms.createLlm(request))).toMatchObject({ reason: "LLM_DUPLICATE" });
    const last = llmRequest();
    await llms.createLlm(last);
    await eventually(() => watcher.changes.at(-1)?.llm?.displayName).toBe(last.displayName);
    expect(watcher.kinds).toEqual(["CREATED", "CREATED"]);
    await watcher.leave();
  });

  it("shows each what they may see", async () => {
    const [one, two] = [await begin(), await begin()];
    const admin = server.client(server.adminKey).llms;
    const watchers = [
      await new Watcher(() => one.llms).caughtUp(),
      await new Watcher(() => admin, { ownerId: two.accountId }).caughtUp(),
      await new Watcher(() => admin).caughtUp(),
    ];
    const ids = [idOf(await one.llms.createLlm(llmRequest())), idOf(await two.llms.createLlm(llmRequest()))];
    await eventually(() => watchers[2]?.changes).toHaveLength(2);
    expect(watchers.map(({ changes }) => changes.map(({ llmId }) => llmId))).toEqual([[ids[0]], [ids[1]], ids]);
    const foreign = Array.fromAsync(one.llms.watchLlms({ ownerId: two.accountId }));
    expect(await problemIn(foreign)).toMatchObject({ reason: "PERMISSION_MISSING" });
    for (const resumeToken of [watchers[1]?.lastToken ?? "", "nonsense"]) {
      expect(await problemIn(Array.fromAsync(one.llms.watchLlms({ resumeToken })))).toMatchObject({
        code: "InvalidArgument",
        reason: "RESUME_TOKEN_INVALID",
      });
    }
    for (const watcher of watchers) await watcher.leave();
  });

  it("resumes behind any event with all that follows", async () => {
    const { llms } = await begin();
    const watcher = await new Watcher(() => llms).caughtUp();
    for (let n = 0; n < 6; n++) await llms.createLlm(llmRequest());
    await eventually(() => watcher.changes).toHaveLength(6);
    await watcher.leave();
    for (const [n, { resumeToken }] of watcher.changes.entries()) {
      const again = await new Watcher(() => llms, { resumeToken }).caughtUp();
      expect(again.changes.map(({ llmId }) => llmId)).toEqual(watcher.changes.slice(n + 1).map(({ llmId }) => llmId));
      await again.leave();
    }
  });

  it("sends to the list when what it missed is no longer kept", async () => {
    const { llms } = await begin();
    const watcher = await new Watcher(() => llms).caughtUp();
    await watcher.leave();
    const head = "update change_head set position = position + 10, forgotten = position + 10";
    await server.store.fork().execute(head);
    const late = Array.fromAsync(llms.watchLlms({ resumeToken: watcher.lastToken }));
    expect(await problemIn(late)).toMatchObject({ code: "OutOfRange", reason: "RESUME_TOKEN_EXPIRED" });
    await (await new Watcher(() => llms).caughtUp()).leave();
  });

  it("ends when its key is revoked", async () => {
    const { accountId, llms: own } = await begin();
    const key = await server.addKey(accountId, "VIEWER");
    const seen: Kind[] = [];
    const watching = (async () => {
      for await (const { kind } of server.client(key).llms.watchLlms({})) seen.push(kind);
    })();
    watching.catch(() => {});
    await eventually(() => seen).toEqual([Kind.CAUGHT_UP]);
    const revoke = "update api_key set revoked_at = now() where account_id = ? and role = 'VIEWER'";
    await server.store.fork().execute(revoke, [accountId]);
    await own.createLlm(llmRequest());
    expect(await problemIn(watching)).toMatchObject({ code: "Unauthenticated", reason: "API_KEY_REFUSED" });
    expect(seen).toEqual([Kind.CAUGHT_UP]);
  });

  it("holds no connection of the pool, and is left without a trace", async () => {
    const { llms } = await begin();
    const watchers = Array.from({ length: 60 }, () => new Watcher(() => llms));
    for (const watcher of watchers) await watcher.caughtUp();
    await eventually(async () => (await server.store.poolState()).idle).toBe((await server.store.poolState()).size);
    const llmId = idOf(await llms.createLlm(llmRequest()));
    for (const watcher of watchers) await eventually(() => watcher.changes[0]?.llmId).toBe(llmId);
    for (const watcher of watchers) await watcher.leave();
  });
});

describe("a watcher that does not read", () => {
  it("holds no connection of the pool and misses nothing", async () => {
    const { llms, apiKey: key } = await begin();
    const answer = await fetch(`${server.url}/v1/llms:watch`, { headers: { authorization: `Bearer ${key}` } });
    const llmId = idOf(await llms.createLlm(llmRequest()));
    const updates = 60;
    for (let n = 0; n < updates; n++) {
      // More in all than sockets hold.
      await llms.updateLlm({ llmId, description: String(n), clientConfig: { padding: "x".repeat(250_000) } });
    }
    await eventually(async () => (await server.store.poolState()).idle).toBe((await server.store.poolState()).size);
    let events = 0;
    for await (const chunk of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      events += chunk.split('"kind":"UPDATED"').length - 1;
      if (events === updates) break;
    }
    expect(events).toBe(updates);
  });
});

describe("watches on two servers", () => {
  it("tell of every change once and in order, while 16 write and either server is restarted", async () => {
    const { apiKey: key, accountId } = await begin();
    const left = await server.startAnother();
    const servers: [Server, Server] = [left, await server.startAnother()];
    const connect = (which: 0 | 1) => server.client(key, { url: servers[which].url }).llms;
    const watchers = [await new Watcher(() => connect(0)).caughtUp(), await new Watcher(() => connect(1)).caughtUp()];

    const WRITERS = 16;
    const ROUNDS = 8;
    /** A server may be gone when it answers: the same request_id, sent to whichever is there, is one change. */
    const insist = async <T>(call: (llms: Llms) => Promise<T>): Promise<T> => {
      for (let attempt = 0; ; attempt++) {
        try {
          return await call(connect((attempt % 2) as 0 | 1));
        } catch (error) {
          if (attempt > 200) throw error;
          await sleep(25);
        }
      }
    };
    const write = async (writer: number) => {
      const draft = llmRequest({ requestId: randomUUID(), displayName: `writer ${writer}` });
      const llmId = idOf(await insist((llms) => llms.createLlm(draft)));
      for (let round = 0; round < ROUNDS; round++) {
        const change = { llmId, requestId: randomUUID(), description: String(round) };
        await insist((llms) => llms.updateLlm(change));
        await sleep(100);
      }
      const end = { llmId, requestId: randomUUID() };
      await insist((llms) => llms.deleteLlm(end));
    };
    const writing = Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
    for (const which of [0, 1] as const) {
      await sleep(250);
      await servers[which].stop();
      servers[which] = await server.startAnother();
    }
    await writing;

    const expected = WRITERS * (ROUNDS + 2);
    for (const watcher of watchers) await eventually(() => watcher.changes.length).toBe(expected);
    const [one, two] = watchers.map(({ changes }) =>
      changes.map(({ llmId, kind }) => `${llmId} ${nameOf(KindSchema, kind)}`),
    );
    expect(two).toEqual(one);
    // The audit chain has the order in which they committed.
    const done = await server.store
      .fork()
      .execute<{ resource_id: string; action: string }[]>(
        "select resource_id, action from audit_event where account_id = ? order by sequence",
        [accountId],
      );
    const kinds: Record<string, string> = { "llm.create": "CREATED", "llm.update": "UPDATED", "llm.delete": "DELETED" };
    const ofEach = (lines: readonly string[]) => Object.groupBy(lines, (line) => line.split(" ")[0] ?? "");
    expect(ofEach(one ?? [])).toEqual(ofEach(done.map((deed) => `${deed.resource_id} ${kinds[deed.action]}`)));
    for (const watcher of watchers) {
      expect(watcher.interruptions).toBeGreaterThan(0);
      await watcher.leave();
    }
    for (const each of servers) await each.stop();
  });

  it("tell of what was done on the other one within a second", async () => {
    const { llms, apiKey: key } = await begin();
    const other = await server.startAnother();
    const watcher = await new Watcher(() => server.client(key, { url: other.url }).llms).caughtUp();
    const llmId = idOf(await llms.createLlm(llmRequest()));
    const doneAt = [Date.now()];
    for (let n = 1; n < 25; n++) {
      await llms.updateLlm({ llmId, description: String(n) });
      doneAt.push(Date.now());
      await sleep(Math.random() * 50);
    }
    await eventually(() => watcher.changes).toHaveLength(doneAt.length);
    const seen = watcher.events.filter(({ event }) => event.kind !== Kind.CAUGHT_UP);
    for (const [n, { seenAt }] of seen.entries()) expect(seenAt - (doneAt[n] ?? 0)).toBeLessThan(1_000);
    await watcher.leave();
    await other.stop();
  });

  it("look for themselves when nobody tells them", async () => {
    const { llms, apiKey: key } = await begin();
    const other = await server.startAnother();
    const watcher = await new Watcher(() => server.client(key, { url: other.url }).llms).caughtUp();
    // As from a client that writes to the table, or through a pooler that loses notifications.
    const em = server.store.fork();
    const llmId = idOf(await llms.createLlm(llmRequest()));
    await eventually(() => watcher.changes).toHaveLength(1);
    await em.execute(
      `insert into change (owner_id, noun, resource_id, kind, happened_at)
       select owner_id, noun, resource_id, 'updated', now() from change where resource_id = ?`,
      [llmId],
    );
    await eventually(() => watcher.kinds).toEqual(["CREATED", "UPDATED"]);
    await watcher.leave();
    await other.stop();
  });
});
