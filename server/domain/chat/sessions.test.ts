import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { ResponseFormat_Type, ToolChoice_Mode } from "../../../gen/patchbay/v1/chat_form_pb.ts";
import { Message_Role } from "../../../gen/patchbay/v1/chat_pb.ts";
import { Turn_State, Turn_StateSchema } from "../../../gen/patchbay/v1/session_pb.ts";
import { interruptTurns } from "../../store/queries/chat/turns.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { type LlmRequest, llmRequest } from "../../test/service/llm-requests.ts";
import { says, sends } from "../../test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

const CANARY = "conversation-canary";

let upstream: ScriptedUpstream;
let server: TestServer;
let patchbay: Patchbay;
let accountId: string;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  server = await startServer({ EGRESS_ALLOW: upstream.url });
  const account = await server.addAccount("OWNER");
  accountId = account.accountId;
  patchbay = server.client(account.apiKey);
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
});

async function create(said: LlmRequest = {}): Promise<string> {
  const price = { input: "1", output: "1" };
  const request = llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier: randomUUID(), price, ...said });
  return (await patchbay.llms.createLlm(request)).llm?.llmId ?? "";
}

/** What the model was sent last, as role:content. */
const sent = () =>
  ((upstream.requests.at(-1)?.body.messages ?? []) as { role: string; content: string }[]).map(
    ({ role, content }) => `${role}:${content}`,
  );
const usageOf = (turnId: string) =>
  server.store.fork().execute("select outcome, cost from reply_usage where turn_id = ?", [turnId]);
const statesOf = async (sessionId: string) =>
  (await patchbay.chat.listTurns({ sessionId })).turns.map(({ state }) => Turn_StateSchema.value[state]?.name);

/** Has a model reply only when it is told to. */
function hold(model: string): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  upstream.setModel(model, async (call) => {
    await promise;
    await says("A")(call);
  });
  return resolve;
}

describe("a session", () => {
  it("remembers what was said, and is begun by the caller's id or by the server", async () => {
    const llmId = await create();
    const sessionId = randomUUID();
    upstream.script(says("A"), says("B"));
    const first = await patchbay.chat.chat({ llmId, sessionId, message: "a" });
    expect(first).toMatchObject({ sessionId, turnId: expect.stringMatching(/^[0-9a-f-]{36}$/) });
    const events = await Array.fromAsync(
      patchbay.chat.streamChat({ sessionId: sessionId.toUpperCase(), message: "b" }),
    );
    expect(events[0]?.event).toMatchObject({ case: "start", value: { sessionId, llmId } });
    await patchbay.chat.chat({ llmId, sessionId, message: "c" });
    expect(sent()).toEqual(["user:a", "assistant:A", "user:b", "assistant:B", "user:c"]);

    const { turns } = await patchbay.chat.listTurns({ sessionId });
    expect(turns).toMatchObject([
      { sequence: 1, state: Turn_State.COMPLETED, messages: [{ content: "a" }], reply: { content: "A" } },
      { sequence: 2, state: Turn_State.COMPLETED, messages: [{ content: "b" }], reply: { content: "B" } },
      { sequence: 3, state: Turn_State.COMPLETED, messages: [{ content: "c" }] },
    ]);
    expect(turns.every(({ createdAt, endedAt }) => endedAt >= createdAt)).toBe(true);
    expect(await usageOf(first.turnId)).toEqual([{ outcome: "COMPLETED", cost: String(first.cost) }]);

    const made = await patchbay.chat.chat({ llmId, newSession: true, message: "x" });
    expect(made.sessionId).toMatch(/^[0-9a-f-]{36}$/);
    await patchbay.chat.chat({ llmId, message: "y" });
    expect(sent()).toEqual(["user:y"]);
  });

  it("is listed, read and deleted, and its usage stays", async () => {
    const llmId = await create();
    const ids: string[] = [];
    for (const n of [1, 2, 3])
      ids.push((await patchbay.chat.chat({ llmId, newSession: true, message: `${n}` })).sessionId);
    const page = await patchbay.chat.listSessions({ llmId, pageSize: 2 });
    const rest = await patchbay.chat.listSessions({ llmId, pageSize: 2, pageToken: page.nextPageToken });
    expect([...page.sessions, ...rest.sessions].map(({ sessionId }) => sessionId)).toEqual(ids.reverse());
    expect(rest.nextPageToken).toBe("");
    const [sessionId = ""] = ids;
    expect((await patchbay.chat.getSession({ sessionId })).session).toMatchObject({ accountId, llmId, turnCount: 1 });
    await patchbay.chat.deleteSession({ sessionId });
    for (const rpc of ["getSession", "listTurns", "deleteSession"] as const) {
      expect(await problemIn(patchbay.chat[rpc]({ sessionId }))).toMatchObject({
        code: "NotFound",
        reason: "SESSION_NOT_FOUND",
      });
    }
    expect((await patchbay.usage.queryUsage({ llmId })).rows).toMatchObject([{ replies: 3n }]);
    const { auditEvents } = await patchbay.audit.listAuditEvents({ resourceId: sessionId });
    expect(auditEvents).toMatchObject([{ action: "session.delete" }]);
  });

  it("is one account's: a stranger's session of the same id is another one", async () => {
    const sessionId = randomUUID();
    const llmId = await create();
    await patchbay.chat.chat({ llmId, sessionId, message: "mine" });
    const stranger = await server.addAccount("OWNER");
    const theirs = server.client(stranger.apiKey);
    expect(await problemIn(theirs.chat.getSession({ sessionId }))).toMatchObject({ reason: "SESSION_NOT_FOUND" });
    expect(await problemIn(theirs.chat.listTurns({ sessionId, accountId }))).toMatchObject({
      reason: "PERMISSION_MISSING",
    });
    const request = llmRequest({ endpointUrl: `${upstream.url}/v1` });
    const other = (await theirs.llms.createLlm(request)).llm?.llmId ?? "";
    await theirs.chat.chat({ llmId: other, sessionId, message: "theirs" });
    expect(sent()).toEqual(["user:theirs"]);
    const admin = server.client(server.adminKey);
    expect((await admin.chat.listTurns({ sessionId, accountId })).turns).toMatchObject([
      { messages: [{ content: "mine" }] },
    ]);
  });

  it("stays with its Llm", async () => {
    const llmId = await create();
    const { sessionId } = await patchbay.chat.chat({ llmId, newSession: true, message: "a" });
    const other = await create();
    expect(await problemIn(patchbay.chat.chat({ llmId: other, sessionId, message: "b" }))).toMatchObject({
      code: "FailedPrecondition",
      reason: "SESSION_OF_ANOTHER_LLM",
      metadata: { llmId },
    });
    expect((await patchbay.chat.chat({ sessionId, message: "b" })).llmId).toBe(llmId);
  });

  it("is stored sealed, bound to its turn", async () => {
    const llmId = await create();
    upstream.script(says(`${CANARY}-reply`));
    const { sessionId, turnId } = await patchbay.chat.chat({ llmId, newSession: true, message: `${CANARY}-prompt` });
    const em = server.store.fork();
    expect(JSON.stringify(await em.execute("select * from turn"))).not.toContain(CANARY);
    expect(JSON.stringify(server.log)).not.toContain(CANARY);
    const { turnId: other } = await patchbay.chat.chat({ sessionId, message: "b" });
    await em.execute(
      "update turn set sealed_messages = (select sealed_messages from turn as t where t.id = ?) where id = ?",
      [turnId, other],
    );
    // The turn that cannot be opened is marked, and takes the other along no more than it is shown.
    const { turns } = await patchbay.chat.listTurns({ sessionId });
    expect(turns).toMatchObject([
      { turnId, unreadable: false, reply: { content: `${CANARY}-reply` } },
      { turnId: other, unreadable: true, messages: [] },
    ]);
    expect(turns[1]?.reply).toBeUndefined();
    expect(turns[0]?.messages).toMatchObject([{ content: `${CANARY}-prompt` }]);
  });

  it("pairs calls of tools with their results", async () => {
    const llmId = await create();
    const called = { id: "call_1", type: "function", function: { name: "add", arguments: "{}" } };
    const choices = [{ message: { content: null, tool_calls: [called] }, finish_reason: "tool_calls" }];
    upstream.script(sends(JSON.stringify({ choices }), { "content-type": "application/json" }));
    const { sessionId } = await patchbay.chat.chat({ llmId, newSession: true, message: "1+1" });
    const wrong = { role: Message_Role.TOOL, toolCallId: "call_2", content: "2" };
    expect(await problemIn(patchbay.chat.chat({ sessionId, messages: [wrong] }))).toMatchObject({
      reason: "INVALID_REQUEST",
      fields: [{ field: "messages[0].toolCallId" }],
    });
    await patchbay.chat.chat({ sessionId, message: "never mind" });
    expect(sent().map((message) => message.split(":")[0])).toEqual(["user", "assistant", "tool", "user"]);
    expect(sent()[2]).toBe("tool:no result");
    expect(await statesOf(sessionId)).toEqual(["COMPLETED", "FAILED", "COMPLETED"]);
  });

  it("leaves out the oldest turns that do not fit, and keeps the SYSTEM message", async () => {
    const llmId = await create({ maxContextLength: 540 });
    const long = "word ".repeat(60);
    const system = { role: Message_Role.SYSTEM, content: "be brief" };
    const user = (content: string) => ({ role: Message_Role.USER, content });
    const samplingParams = { maxTokens: 100 };
    const { sessionId } = await patchbay.chat.chat({
      llmId,
      newSession: true,
      messages: [system, user(`1 ${long}`)],
      samplingParams,
    });
    for (const n of [2, 3, 4, 5]) await patchbay.chat.chat({ sessionId, message: `${n} ${long}`, samplingParams });
    const said = sent();
    expect(said[0]).toBe("system:be brief");
    expect(said.filter((message) => message.startsWith("user")).map((message) => message[5])).toEqual([
      "2",
      "3",
      "4",
      "5",
    ]);
  });
});

describe("one turn at a time", () => {
  it("runs; of 20 at once the others are busy, and the session goes on", async () => {
    const model = randomUUID();
    const letGo = hold(model);
    const llmId = await create({ modelIdentifier: model });
    const sessionId = randomUUID();
    const refused: unknown[] = [];
    const all = Promise.all(
      Array.from({ length: 20 }, () =>
        patchbay.chat.chat({ llmId, sessionId, message: "a" }).catch((error) => refused.push(error)),
      ),
    );
    await expect.poll(() => refused.length, { timeout: 5_000 }).toBe(19);
    letGo();
    await all;
    expect(refused).toHaveLength(19);
    expect(await problemIn(Promise.reject(refused[0]))).toMatchObject({ code: "Aborted", reason: "SESSION_BUSY" });
    await patchbay.chat.chat({ sessionId, message: "b" });
    expect(await statesOf(sessionId)).toEqual(["COMPLETED", "COMPLETED"]);
  });

  it("is over when the caller leaves, and is not sent again", async () => {
    const llmId = await create({ modelIdentifier: "endless" });
    const sessionId = randomUUID();
    const leave = new AbortController();
    const stream = patchbay.chat.streamChat({ llmId, sessionId, message: "left" }, { signal: leave.signal });
    await problemIn(
      (async () => {
        for await (const { event } of stream) if (event.case === "textDelta") leave.abort();
      })(),
    );
    await expect.poll(() => statesOf(sessionId)).toEqual(["INTERRUPTED"]);
    upstream.script(says("B"));
    await patchbay.chat.chat({ sessionId, message: "b" });
    expect(sent()).toEqual(["user:b"]);
  });

  it("of a server that is dead is over when its lease is, and cannot be completed then", async () => {
    const model = randomUUID();
    const letGo = hold(model);
    const llmId = await create({ modelIdentifier: model });
    const sessionId = randomUUID();
    const index = upstream.requests.length;
    const late = problemIn(patchbay.chat.chat({ llmId, sessionId, message: "a" }));
    await upstream.whenRequested(index);
    const em = server.store.fork();
    await interruptTurns(em);
    expect(await statesOf(sessionId)).toEqual(["PENDING"]);
    await em.execute("update turn set lease_until = now() - interval '1 second' where state = 'PENDING'");
    upstream.script(says("B"));
    await patchbay.chat.chat({ sessionId, message: "b" });
    letGo();
    expect(await late).toMatchObject({ code: "Aborted", reason: "TURN_LOST" });
    expect(await statesOf(sessionId)).toEqual(["INTERRUPTED", "COMPLETED"]);
    expect((await patchbay.usage.queryUsage({ llmId })).rows).toMatchObject([{ replies: 2n }]);
  });
});

describe("a turn that is sent again by its request_id", () => {
  it("is answered as it was, and neither made nor billed again", async () => {
    const llmId = await create();
    const ask = { llmId, sessionId: randomUUID(), requestId: "r-1", message: "a" };
    const index = upstream.requests.length;
    const first = await patchbay.chat.chat(ask);
    const again = await Promise.all(Array.from({ length: 10 }, () => patchbay.chat.chat(ask)));
    for (const reply of again) expect(reply).toEqual(first);
    const streamed = await Array.fromAsync(patchbay.chat.streamChat(ask));
    expect(streamed.map(({ event }) => event.case)).toEqual(["start", "textDelta", "end"]);
    expect(streamed.at(-1)?.event.value).toMatchObject({ cost: first.cost, usage: first.usage });
    expect(upstream.requests.length - index).toBe(1);
    expect(await usageOf(first.turnId)).toHaveLength(1);
    expect(await problemIn(patchbay.chat.chat({ ...ask, message: "b" }))).toMatchObject({
      code: "InvalidArgument",
      reason: "REQUEST_ID_REUSED",
    });
  });

  it.each([
    { what: "tools", changed: { tools: [{ name: "other", parameters: {} }] } },
    {
      what: "the same tools with other parameters",
      changed: { tools: [{ name: "look", parameters: { type: "string" } }] },
    },
    { what: "a choice among its tools", changed: { toolChoice: { mode: ToolChoice_Mode.NONE } } },
    { what: "a form of the reply", changed: { responseFormat: { type: ResponseFormat_Type.JSON_OBJECT } } },
    { what: "sampling", changed: { samplingParams: { maxTokens: 7 } } },
  ])("is refused if it says other $what", async ({ changed }) => {
    const llmId = await create();
    const tools = [{ name: "look", parameters: { type: "object", properties: { a: {}, b: {} } } }];
    const ask = { llmId, sessionId: randomUUID(), requestId: "r-1", message: "a", tools };
    const first = await patchbay.chat.chat(ask);
    expect(await problemIn(patchbay.chat.chat({ ...ask, ...changed }))).toMatchObject({ reason: "REQUEST_ID_REUSED" });
    const reordered = [{ parameters: { properties: { b: {}, a: {} }, type: "object" }, name: "look" }];
    expect(await patchbay.chat.chat({ ...ask, tools: reordered })).toEqual(first);
  });

  it("is busy while it runs, and runs again when it failed", async () => {
    const model = randomUUID();
    const llmId = await create({ modelIdentifier: model });
    const sessionId = randomUUID();
    const ask = { llmId, sessionId, requestId: "r-1", message: "a" };
    upstream.script(sends("{}", { "content-type": "application/json" }, 503));
    expect(await problemIn(patchbay.chat.chat(ask))).toMatchObject({ reason: "UPSTREAM_UNAVAILABLE" });
    await patchbay.chat.chat({ llmId, sessionId, message: "between" });
    const letGo = hold(model);
    const running = patchbay.chat.chat(ask);
    await expect.poll(() => statesOf(sessionId)).toContain("PENDING");
    expect(await problemIn(patchbay.chat.chat(ask))).toMatchObject({ code: "Aborted", reason: "SESSION_BUSY" });
    letGo();
    await running;
    expect(sent()).toEqual(["user:between", "assistant:Hello, world", "user:a"]);
    expect(await statesOf(sessionId)).toEqual(["COMPLETED", "COMPLETED"]);
  });

  it.each([
    { name: "a request_id without a session", request: { requestId: "x" } },
    { name: "a new session with an id", request: { newSession: true, sessionId: randomUUID() } },
    { name: "a request_id with a space", request: { sessionId: randomUUID(), requestId: "a b" } },
  ])("refuses $name", async ({ request }) => {
    expect(await problemIn(patchbay.chat.chat({ llmId: randomUUID(), message: "a", ...request }))).toMatchObject({
      reason: "INVALID_REQUEST",
    });
  });
});
