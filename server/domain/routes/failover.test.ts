import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { ApiKey_Role as Role } from "../../../gen/patchbay/v1/api_key_pb.ts";
import { Budget_Mode as Mode, Budget_Period as Period } from "../../../gen/patchbay/v1/budget_pb.ts";
import { Llm_ProviderType as ProviderType } from "../../../gen/patchbay/v1/llm_pb.ts";
import type { RouteTier } from "../../../gen/patchbay/v1/route_pb.ts";
import {
  RouteTier_Policy as Policy,
  RouteTargetState_Standing as Standing,
} from "../../../gen/patchbay/v1/route_pb.ts";
import { QueryUsageRequest_GroupBy as GroupBy } from "../../../gen/patchbay/v1/usage_service_pb.ts";
import type { Server } from "../../compose/server.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { apiKey, llmRequest } from "../../test/service/llm-requests.ts";
import { type Behaviour, behaviours, refuses, says, saysSlowly, sends } from "../../test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

let upstream: ScriptedUpstream;
let server: TestServer;
let key: string;
let patchbay: Patchbay;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  server = await startServer({ EGRESS_ALLOW: upstream.url });
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
});
beforeEach(async () => {
  key = (await server.addAccount("OWNER")).apiKey;
  patchbay = server.client(key);
});

/** An Llm that behaves so; another connection each time. */
async function llmThat(behaviour: Behaviour, said: Parameters<typeof llmRequest>[0] = {}): Promise<string> {
  const model = `model-${randomUUID()}`;
  upstream.setModel(model, behaviour);
  const asked = llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier: model, ...said });
  return (await patchbay.llms.createLlm({ credentials: apiKey("sk-of-a-test"), ...asked })).llm?.llmId ?? "";
}

/** A route with a tier for each Llm; its id is its name. */
async function routeOf(llmIds: readonly string[], said: { attemptTimeoutMs?: number; tiers?: RouteTier[] } = {}) {
  const name = `route-${randomUUID().slice(0, 8)}`;
  const tiers = llmIds.map((llmId) => ({ targets: [{ llmId }] }));
  await patchbay.routes.createRoute({ name, tiers, ...said });
  return name;
}

const { hangup, cut, silent } = behaviours as Record<string, Behaviour>;
const says2 = says("Hello", ", ", "world");
const calls = () => upstream.requests.length;
const contextExceeded = refuses(400, {}, "maximum context length is 100 tokens");

describe("a chat goes on to the next Llm", () => {
  it.each([
    { name: "a limit of rates", behaviour: refuses(429), failedWith: "UPSTREAM_RATE_LIMITED" },
    { name: "no quota", behaviour: refuses(402), failedWith: "UPSTREAM_QUOTA_EXHAUSTED" },
    { name: "a busy endpoint", behaviour: refuses(503, {}, "server is busy"), failedWith: "UPSTREAM_BUSY" },
    { name: "a failure of the endpoint", behaviour: refuses(500), failedWith: "UPSTREAM_UNAVAILABLE" },
    { name: "a refused key", behaviour: refuses(401), failedWith: "UPSTREAM_KEY_REFUSED" },
    { name: "a model that is gone", behaviour: refuses(404), failedWith: "UPSTREAM_MODEL_NOT_FOUND" },
    { name: "a cut connection", behaviour: hangup as Behaviour, failedWith: "UPSTREAM_UNAVAILABLE" },
    { name: "a page of HTML", behaviour: behaviours.html as Behaviour, failedWith: "UPSTREAM_BAD_REPLY" },
  ])("after $name, and says so", async ({ behaviour, failedWith }) => {
    const [bad, good] = [await llmThat(behaviour), await llmThat(says2)];
    const header: string[] = [];
    const onHeader = (headers: Headers) => header.push(headers.get("patchbay-attempts") ?? "");
    const llmId = await routeOf([bad, good]);
    const reply = await patchbay.chat.chat({ llmId, message: "Hi" }, { onHeader });
    expect(reply).toMatchObject({ llmId: good, attempts: [{ llmId: bad, failedWith }] });
    expect(header).toEqual([`${bad} ${failedWith}`]);
    const { rows } = await patchbay.usage.queryUsage({ groupBy: [GroupBy.LLM] });
    const attempts = rows.map((row) => [row.llmId, Number(row.replies + row.refusedCalls)]);
    expect(Object.fromEntries(attempts)).toEqual({ [bad]: 1, [good]: 1 });
    const { targets } = await patchbay.routes.explainRoute({ routeId: llmId });
    // It is left alone, or was, on a busy machine: then one chat tries it again.
    expect([Standing.COOLING, Standing.CHOSEN]).toContain(targets[0]?.standing);
    expect(targets[0]?.why).toContain(`it failed once, last with ${failedWith}`);
  });

  it("where no connection comes about", async () => {
    const closed = await ScriptedUpstream.start();
    const own = await startServer({ EGRESS_ALLOW: `${upstream.url},${closed.url}` });
    patchbay = own.client((await own.addAccount("OWNER")).apiKey);
    const dead = await llmThat(says2, { endpointUrl: `${closed.url}/v1` });
    const good = await llmThat(says2);
    await closed.close();
    const reply = await patchbay.chat.chat({ llmId: await routeOf([dead, good]), message: "Hi" });
    expect(reply).toMatchObject({ llmId: good, attempts: [{ failedWith: "UPSTREAM_UNREACHABLE" }] });
    await own.stop();
  });

  it("of a stream too, as long as no piece has left", async () => {
    const [bad, good] = [await llmThat(refuses(500)), await llmThat(says2)];
    const llmId = await routeOf([bad, good]);
    const events = await Array.fromAsync(patchbay.chat.streamChat({ llmId, message: "Hi" }));
    expect(events[0]?.event.value).toMatchObject({ llmId: good, attempts: [{ llmId: bad }] });
    expect(events.at(-1)?.event.case).toBe("end");
  });

  it("when the first takes longer than the route waits, whole or streamed", async () => {
    for (const isStreamed of [false, true]) {
      const [slow, good] = [await llmThat(silent as Behaviour), await llmThat(says2)];
      const llmId = await routeOf([slow, good], { attemptTimeoutMs: 200 });
      const start = isStreamed
        ? (await Array.fromAsync(patchbay.chat.streamChat({ llmId, message: "Hi" })))[0]?.event.value
        : await patchbay.chat.chat({ llmId, message: "Hi" });
      expect(start).toMatchObject({ llmId: good, attempts: [{ llmId: slow, failedWith: "UPSTREAM_TIMEOUT" }] });
    }
  });

  it("passes over what is disabled or deleted without calling it", async () => {
    const [disabled, deleted, good] = [await llmThat(says2), await llmThat(says2), await llmThat(says2)];
    const llmId = await routeOf([disabled, deleted, good]);
    await patchbay.llms.updateLlm({ llmId: disabled, disabled: true });
    await patchbay.llms.deleteLlm({ llmId: deleted });
    expect(await patchbay.chat.chat({ llmId, message: "Hi" })).toMatchObject({ llmId: good, attempts: [] });
  });

  it.each(["deleted", "disabled", "deleted and disabled"])(
    "and says so of the route whose Llms are %s",
    async (gone) => {
      const llmIds = await Promise.all(gone.split(" and ").map(() => llmThat(says2)));
      const name = await routeOf(llmIds);
      const isDisabled = (index: number) => gone.split(" and ")[index] === "disabled";
      for (const [index, llmId] of llmIds.entries()) {
        if (isDisabled(index)) await patchbay.llms.updateLlm({ llmId, disabled: true });
        else await patchbay.llms.deleteLlm({ llmId });
      }
      const problem = await problemIn(patchbay.chat.chat({ llmId: name, message: "Hi" }));
      expect(problem).toMatchObject({ code: "Unavailable", reason: "LLM_ROUTE_UNAVAILABLE" });
      expect(problem.message).toMatch(new RegExp(`the route ${name} .*ExplainRoute .*UpdateRoute`));
    },
  );

  it("that attends to more, and to no other, if the request is too long", async () => {
    const small = await llmThat(contextExceeded, { maxContextLength: 1_000 });
    const [same, unknown] = [await llmThat(says2, { maxContextLength: 1_000 }), await llmThat(says2)];
    const large = await llmThat(says2, { maxContextLength: 8_000 });
    const llmId = await routeOf([small, same, unknown, large]);
    for (const _ of [1, 2]) {
      const reply = await patchbay.chat.chat({ llmId, message: "Hi" });
      // It is no fault of the Llm: the next request goes to it again.
      expect(reply).toMatchObject({
        llmId: large,
        attempts: [{ llmId: small, failedWith: "UPSTREAM_CONTEXT_TOO_LONG" }],
      });
    }
  });
});

describe("a chat does not go on", () => {
  it.each([
    { name: "a request that is refused", behaviour: refuses(400), reason: "UPSTREAM_REQUEST_REFUSED" },
    { name: "moderation", behaviour: refuses(400, {}, "content policy violation"), reason: "UPSTREAM_CONTENT_REFUSED" },
  ])("after $name, which is the caller's to mend", async ({ behaviour, reason }) => {
    const [bad, good] = [await llmThat(behaviour), await llmThat(says2)];
    const llmId = await routeOf([bad, good]);
    const before = calls();
    for (const _ of [1, 2]) {
      const problem = await problemIn(patchbay.chat.chat({ llmId, message: "Hi" }));
      expect(problem).toMatchObject({ reason, metadata: { llmId: bad } });
    }
    expect(calls() - before).toBe(2);
  });

  it("once a piece has left; the Llm is left alone all the same", async () => {
    const [bad, good] = [await llmThat(cut as Behaviour), await llmThat(says2)];
    const llmId = await routeOf([bad, good]);
    const cases: (string | undefined)[] = [];
    const streaming = (async () => {
      for await (const { event } of patchbay.chat.streamChat({ llmId, message: "Hi" })) cases.push(event.case);
    })();
    expect(await problemIn(streaming)).toMatchObject({ code: "Unavailable", metadata: { llmId: bad } });
    expect(cases.slice(0, 2)).toEqual(["start", "textDelta"]);
    // By now, on a busy machine, one chat may show whether it is well again.
    const { targets } = await patchbay.routes.explainRoute({ routeId: llmId });
    expect(targets[0]?.why).toContain("it failed once");
    expect(await patchbay.chat.chat({ llmId, message: "Hi" })).toMatchObject({ llmId: good });
  });

  it("past the caller's deadline, which holds for all of it", async () => {
    const [one, two] = [await llmThat(silent as Behaviour), await llmThat(silent as Behaviour)];
    const llmId = await routeOf([one, two], { attemptTimeoutMs: 1_500 });
    const before = calls();
    const problem = await problemIn(patchbay.chat.chat({ llmId, message: "Hi" }, { timeoutMs: 2_500 }));
    expect(problem.code).toBe("DeadlineExceeded");
    expect(calls() - before).toBe(2);
  });

  it("beyond the last Llm, and then says what was tried", async () => {
    const [one, two] = [await llmThat(refuses(500)), await llmThat(refuses(429, { "retry-after": "7" }))];
    const llmId = await routeOf([one, two]);
    expect(await problemIn(patchbay.chat.chat({ llmId, message: "Hi" }))).toMatchObject({
      reason: "UPSTREAM_RATE_LIMITED",
      metadata: { attempts: `${one} UPSTREAM_UNAVAILABLE, ${two} UPSTREAM_RATE_LIMITED` },
      retryAfterMs: 7_000,
    });
  });

  it("to an endpoint that has asked to be left alone, and says when", async () => {
    const llmId = await routeOf([await llmThat(refuses(429, { "retry-after": "60" }))]);
    await problemIn(patchbay.chat.chat({ llmId, message: "Hi" }));
    const before = calls();
    const problem = await problemIn(patchbay.chat.chat({ llmId, message: "Hi" }));
    expect(problem).toMatchObject({ code: "Unavailable", reason: "LLM_ROUTE_UNAVAILABLE" });
    expect(problem.retryAfterMs).toBeGreaterThan(50_000);
    expect(calls() - before).toBe(0);
  });
});

describe("a session", () => {
  it("stays with its Llm while that is well, and goes on with another one", async () => {
    const [one, two] = [await llmThat(says2), await llmThat(says2)];
    const llmId = await routeOf([], { tiers: [{ targets: [{ llmId: one }, { llmId: two }] }] as RouteTier[] });
    const begun = await patchbay.chat.chat({ llmId, message: "One", newSession: true });
    const { sessionId } = begun;
    for (const message of ["Two", "Three", "Four", "Five"]) {
      expect((await patchbay.chat.chat({ llmId, sessionId, message })).llmId).toBe(begun.llmId);
      expect((await patchbay.chat.chat({ sessionId, message })).llmId).toBe(begun.llmId);
    }
    const { llm } = await patchbay.llms.getLlm({ llmId: begun.llmId });
    upstream.setModel(llm?.modelIdentifier ?? "", refuses(500));
    const moved = await patchbay.chat.chat({ sessionId, message: "Six" });
    expect(moved.llmId).not.toBe(begun.llmId);
    const { session } = await patchbay.chat.getSession({ sessionId });
    expect(session).toMatchObject({ llmId: moved.llmId, routeId: begun.routeId });
    expect(upstream.requests.at(-1)?.body.messages).toHaveLength(19);
    const other = await problemIn(patchbay.chat.chat({ llmId: begun.llmId, sessionId, message: "Seven" }));
    expect(other).toMatchObject({ reason: "SESSION_OF_ANOTHER_LLM" });
  });
});

it("is served to a key that may use the route alone, by Llms that the key may not name", async () => {
  const [bad, good] = [await llmThat(refuses(500)), await llmThat(says2)];
  const name = await routeOf([bad, good]);
  const asked = { displayName: "limited", role: Role.MEMBER, limits: { allowedModels: [name] } };
  const limited = server.client((await patchbay.access.createApiKey(asked)).key);
  expect(await limited.chat.chat({ llmId: name, message: "Hi" })).toMatchObject({ llmId: good });
  expect(await problemIn(limited.chat.chat({ llmId: good, message: "Hi" }))).toMatchObject({ reason: "LLM_NOT_FOUND" });
  const other = await routeOf([good]);
  expect(await problemIn(limited.chat.chat({ llmId: other, message: "Hi" }))).toMatchObject({ code: "NotFound" });
});

describe("the faces", () => {
  it("take a route's name as model, fail over and list it", async () => {
    const [bad, good] = [await llmThat(refuses(500)), await llmThat(says2)];
    const model = await routeOf([bad, good]);
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const ask = (stream: boolean) =>
      fetch(`${server.url}/v1/chat/completions`, {
        method: "POST",
        headers,
        body: JSON.stringify({ model, stream, messages: [{ role: "user", content: "Hi" }] }),
      });
    const whole = await ask(false);
    expect(whole.headers.get("patchbay-llm-id")).toBe(good);
    expect(whole.headers.get("patchbay-attempts")).toBe(`${bad} UPSTREAM_UNAVAILABLE`);
    expect(await whole.json()).toMatchObject({ choices: [{ message: { content: "Hello, world" } }] });
    const streamed = await ask(true);
    expect(streamed.headers.get("patchbay-llm-id")).toBe(good);
    expect(await streamed.text()).toContain("[DONE]");
    const models = (await (await fetch(`${server.url}/v1/models`, { headers })).json()) as { data: { id: string }[] };
    expect(models.data.map(({ id }) => id)).toContain(model);
    const one = await (await fetch(`${server.url}/v1/models/${model}`, { headers })).json();
    expect(one).toMatchObject({ id: model, owned_by: "route" });
  });

  const chatPaths = ["/v1/chat/completions", "/v1/messages", "/v1/messages/count_tokens", "/v1/llms:chat"];
  const post = (path: string, llm: string) =>
    fetch(`${server.url}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify(
        path.endsWith(":chat")
          ? { llmId: llm, message: "Hi" }
          : { model: llm, max_tokens: 9, messages: [{ role: "user", content: "Hi" }] },
      ),
    });

  it.each(chatPaths)("at %s pass over an Llm whose endpoint lacks the API, without a call", async (path) => {
    const [other, good] = [await llmThat(says2, { apiPath: "/responses" }), await llmThat(says2)];
    const drawn = [
      {
        targets: [
          { llmId: other, weight: 1000 },
          { llmId: good, weight: 1 },
        ],
      },
    ] as RouteTier[];
    for (const model of [await routeOf([other, good]), await routeOf([], { tiers: drawn })]) {
      const response = await post(path, model);
      expect(response.status, await response.text()).toBe(200);
      expect(response.headers.get("patchbay-attempts")).toBeNull();
    }
    expect(upstream.requests.filter(({ path }) => path.endsWith("/responses"))).toEqual([]);
  });

  it.each(chatPaths)("say at %s that no endpoint of a route has the API, unless one may later", async (path) => {
    const other = await llmThat(says2, { apiPath: "/responses" });
    const refused = await post(path, await routeOf([other]));
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining(`llm ${other}`)]);
    if (path.endsWith("count_tokens")) return;
    const waiting = await llmThat(refuses(429, { "retry-after": "60" }));
    await patchbay.chat.chat({ llmId: waiting, message: "Hi" }).catch(() => {});
    const later = await post(path, await routeOf([other, waiting]));
    expect([later.status, later.headers.get("retry-after")]).toEqual([503, expect.stringMatching(/^(5\d|60)$/)]);
  });

  it.each([
    ["/v1/chat/completions", {}],
    ["/v1/responses", {}],
    ["/v1/messages", { "anthropic-version": "2023-06-01" }],
  ])("say at %s which Llms were tried when none replied", async (path, version) => {
    const [one, two] = [await llmThat(refuses(500)), await llmThat(refuses(429, { "retry-after": "7" }))];
    const model = await routeOf([one, two]);
    const messages = [{ role: "user", content: "Hi" }];
    const response = await fetch(`${server.url}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...version },
      body: JSON.stringify({ model, stream: true, messages, input: "Hi", max_tokens: 9 }),
    });
    const tried = `${one} UPSTREAM_UNAVAILABLE, ${two} UPSTREAM_RATE_LIMITED`;
    expect(response.headers.get("patchbay-attempts"), await response.text()).toBe(tried);
    expect(response.status).toBe(429);
  });

  it.each([
    ["/v1/chat/completions", {}],
    ["/v1/responses", {}],
    ["/v1/messages", { "anthropic-version": "2023-06-01" }],
  ])("say at %s which Llms were tried when the caller's deadline came", async (path, version) => {
    const ask = async (stream: boolean) => {
      const [failing, hanging] = [await llmThat(refuses(500)), await llmThat(silent as Behaviour)];
      const model = await routeOf([failing, hanging]);
      const response = await fetch(`${server.url}${path}`, {
        method: "POST",
        headers: {
          authorization: `Bearer ${key}`,
          "content-type": "application/json",
          "x-server-timeout": "1.5",
          ...version,
        },
        body: JSON.stringify({
          model,
          stream,
          messages: [{ role: "user", content: "Hi" }],
          input: "Hi",
          max_tokens: 9,
        }),
      });
      const tried = `${failing} UPSTREAM_UNAVAILABLE, ${hanging} DEADLINE_PASSED`;
      expect(response.headers.get("patchbay-attempts"), await response.text()).toBe(tried);
      expect(response.status).toBe(504);
    };
    await Promise.all([ask(false), ask(true)]);
  });

  const chunk = (data: object) => `data: ${JSON.stringify({ model: "m", ...data })}\n\n`;
  const role = { index: 0, delta: { role: "assistant", content: "" }, finish_reason: null };
  const opening = { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } };
  const completions = { path: "/v1/chat/completions", version: {}, provider: {} };
  const responses = { path: "/v1/responses", version: {}, provider: { apiPath: "/responses" } };
  const messages = {
    path: "/v1/messages",
    version: { "anthropic-version": "2023-06-01" },
    provider: { providerType: ProviderType.ANTHROPIC },
  };
  it.each([
    { ...completions, announced: `: PROCESSING\n\n${chunk({ choices: [role] })}` },
    {
      ...responses,
      announced: chunk({ type: "response.created", response: {} }) + chunk({ type: "response.in_progress" }),
    },
    {
      ...messages,
      announced: chunk({ type: "message_start", message: {} }) + chunk({ type: "ping" }) + chunk(opening),
    },
  ])(
    "go on at $path when an Llm announces a reply and then dies or hangs",
    async (call) => {
      const { path, version, provider, announced } = call;
      for (const isDying of [true, false]) {
        const announces: Behaviour = async ({ response }) => {
          response.writeHead(200, { "content-type": "text/event-stream" });
          response.write(announced);
          if (isDying) setTimeout(() => response.destroy(), 50);
        };
        const [bad, good] = [await llmThat(announces, provider), await llmThat(says2)];
        const model = await routeOf([bad, good], { attemptTimeoutMs: 3_000 });
        const response = await fetch(`${server.url}${path}`, {
          method: "POST",
          headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...version },
          body: JSON.stringify({
            model,
            stream: true,
            messages: [{ role: "user", content: "Hi" }],
            input: "Hi",
            max_tokens: 9,
          }),
        });
        const failedWith = isDying ? "UPSTREAM_BAD_REPLY" : "UPSTREAM_TIMEOUT";
        expect(response.headers.get("patchbay-attempts"), await response.text()).toBe(`${bad} ${failedWith}`);
        expect(response.headers.get("patchbay-llm-id")).toBe(good);
        const { targets } = await patchbay.routes.explainRoute({ routeId: model });
        expect(targets[0]?.failedWith || targets[0]?.why, "it is left alone").toContain(failedWith);
      }
    },
    30_000,
  );

  it("go on to the next Llm behind a head that has left, and say in a comment which replied", async () => {
    const tooLate: Behaviour = (call) => void setTimeout(() => refuses(500)(call), 11_000);
    const [late, good] = [await llmThat(tooLate), await llmThat(says2)];
    const model = await routeOf([late, good]);
    const response = await fetch(`${server.url}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ model, stream: true, messages: [{ role: "user", content: "Hi" }] }),
    });
    expect(response.status).toBe(200);
    const text = await response.text();
    expect(text).toMatch(/^:\n\n/);
    expect(text).toContain(`: patchbay-llm-id: ${good}\n: patchbay-attempts: ${late} UPSTREAM_UNAVAILABLE\n`);
    expect(text).toContain("Hello");
    expect(text).toContain("[DONE]");
  }, 60_000);

  it("leave an Llm alone for what it lacks, and not for everybody's chats", async () => {
    const embedding = { object: "embedding", index: 0, embedding: [0.5] };
    const usage = { prompt_tokens: 1, total_tokens: 1 };
    const vector = sends(JSON.stringify({ object: "list", model: "m", data: [embedding], usage }), {
      "content-type": "application/json",
    });
    /** Chats, and at embeddings does something else. */
    const chatsAnd =
      (embeds: Behaviour): Behaviour =>
      (call) =>
        (call.path.endsWith("/embeddings") ? embeds : says2)(call);
    const [chatty, both] = [await llmThat(chatsAnd(refuses(404))), await llmThat(chatsAnd(vector))];
    const model = await routeOf([chatty, both]);
    const embed = () =>
      fetch(`${server.url}/v1/embeddings`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        body: JSON.stringify({ model, input: "Hi" }),
      });
    const first = await embed();
    expect(first.headers.get("patchbay-attempts")).toBe(`${chatty} UPSTREAM_MODEL_NOT_FOUND`);
    const explained = await patchbay.routes.explainRoute({ routeId: model });
    expect(explained.targets[0], "chats go there all the same").toMatchObject({ standing: Standing.CHOSEN });
    expect(explained.targets[0]?.why).toBe("by chance and its weight");
    expect(await patchbay.chat.chat({ llmId: model, message: "Hi" })).toMatchObject({ llmId: chatty, attempts: [] });
    const second = await embed();
    expect(second.headers.get("patchbay-attempts"), "known for embeddings").toBeNull();
    expect(second.headers.get("patchbay-llm-id")).toBe(both);
  });
});

describe("what a chat that names an Llm itself shows of it", () => {
  it("is known to routes: trouble, and that it is over", async () => {
    const [bad, good] = [await llmThat(refuses(429, { "retry-after": "60" })), await llmThat(says2)];
    const llmId = await routeOf([bad, good]);
    await problemIn(patchbay.chat.chat({ llmId: bad, message: "Hi" }));
    const before = calls();
    expect(await patchbay.chat.chat({ llmId, message: "Hi" })).toMatchObject({ llmId: good, attempts: [] });
    expect(calls() - before).toBe(1);
    const { llm } = await patchbay.llms.getLlm({ llmId: bad });
    upstream.setModel(llm?.modelIdentifier ?? "", says2);
    await patchbay.chat.chat({ llmId: bad, message: "Hi" });
    expect(await patchbay.chat.chat({ llmId, message: "Hi" })).toMatchObject({ llmId: bad, attempts: [] });
  });

  it("counts as busy where the least busy one is taken", async () => {
    const told = Promise.withResolvers<void>();
    const repliesWhenTold: Behaviour = async (call) => {
      await told.promise;
      await says2(call);
    };
    const [one, two] = [await llmThat(repliesWhenTold), await llmThat(says2)];
    const targets = [one, two].map((llmId) => ({ llmId }));
    const llmId = await routeOf([], { tiers: [{ targets, policy: Policy.LEAST_BUSY }] as never });
    const chats = () => upstream.requests.filter(({ path }) => path.endsWith("/completions")).length;
    const before = chats();
    const busy = patchbay.chat.chat({ llmId: one, message: "Hi" });
    await expect.poll(chats).toBe(before + 1);
    for (let n = 0; n < 3; n++) expect((await patchbay.chat.chat({ llmId, message: "Hi" })).llmId).toBe(two);
    told.resolve();
    await busy;
  });

  it("spreads chats that come at once over the least busy, by their weights", async () => {
    const [one, two] = [await llmThat(saysSlowly(100, "a", "b")), await llmThat(saysSlowly(100, "a", "b"))];
    const targets = [
      { llmId: one, weight: 3 },
      { llmId: two, weight: 1 },
    ];
    const llmId = await routeOf([], { tiers: [{ targets, policy: Policy.LEAST_BUSY }] as never });
    const replies = await Promise.all(Array.from({ length: 40 }, () => patchbay.chat.chat({ llmId, message: "Hi" })));
    const ofOne = replies.filter((reply) => reply.llmId === one).length;
    expect(ofOne).toBeGreaterThanOrEqual(27);
    expect(ofOne).toBeLessThanOrEqual(33);
  });
});

describe("deadlines of callers that are shorter than our patience", () => {
  const timeoutMs = 1_200;
  // In headers alone: on a busy machine, a client that keeps one itself leaves long before the server's.
  const headers = { "connect-timeout-ms": String(timeoutMs) };
  const standingOf = async (llmId: string) => (await patchbay.routes.explainRoute({ routeId: llmId })).targets[0];

  it.each([false, true])(
    "find an Llm unwell that hangs, by the third in a row (streamed: %s)",
    async (isStreamed) => {
      const llmId = await routeOf([await llmThat(silent as Behaviour), await llmThat(says2)]);
      const ask = () =>
        isStreamed
          ? Array.fromAsync(patchbay.chat.streamChat({ llmId, message: "Hi" }, { headers }))
          : patchbay.chat.chat({ llmId, message: "Hi" }, { headers });
      for (let n = 0; n < 3; n++) expect((await problemIn(ask())).code).toBe("DeadlineExceeded");
      // It is left alone for a moment; after that, one chat is to show whether it still hangs.
      const why = async () => (await standingOf(llmId))?.why;
      await expect.poll(why, { timeout: 10_000, interval: 20 }).toContain("it failed once, last with UPSTREAM_TIMEOUT");
    },
    60_000,
  );

  it("say nothing of an Llm whose callers merely leave", async () => {
    const hanging = await llmThat(silent as Behaviour);
    const llmId = await routeOf([hanging, await llmThat(says2)]);
    for (let n = 0; n < 4; n++) {
      const leaving = AbortSignal.timeout(timeoutMs);
      await expect(patchbay.chat.chat({ llmId, message: "Hi" }, { signal: leaving })).rejects.toThrow();
    }
    expect(await standingOf(llmId)).toMatchObject({ standing: Standing.CHOSEN, why: "by chance and its weight" });
  }, 30_000);
});

describe("a key with a budget", () => {
  it("passes over an Llm whose price is not known, as explain says", async () => {
    const price = { input: "0", output: "1" };
    const [unpriced, priced] = [await llmThat(says2), await llmThat(says2, { price })];
    const llmId = await routeOf([unpriced, priced]);
    const limits = { budget: { amountUsd: "1", period: Period.MONTH } };
    const made = await patchbay.access.createApiKey({ displayName: "x", role: Role.MEMBER, limits });
    const limited = server.client(made.key);
    const explained = await limited.routes.explainRoute({ routeId: llmId });
    expect(explained.llmId).toBe(priced);
    expect(explained.targets.map(({ standing }) => standing)).toEqual([Standing.UNPRICED, Standing.CHOSEN]);
    expect(await limited.chat.chat({ llmId, message: "Hi" })).toMatchObject({ llmId: priced, attempts: [] });
    expect((await patchbay.routes.explainRoute({ routeId: llmId })).llmId, "without a budget").toBe(unpriced);
    const alone = await routeOf([unpriced]);
    expect(await problemIn(limited.chat.chat({ llmId: alone, message: "Hi" }))).toMatchObject({
      reason: "PRICE_UNKNOWN",
    });
  });
});

describe("a budget of an Llm's owner", () => {
  const price = { input: "1", output: "1" };
  const free = { input: "0", output: "0" };

  it("that is used up passes the Llm over, as explain says, and refuses where there is no other", async () => {
    const [spent, other] = [await llmThat(says2, { price }), await llmThat(says2, { price: free })];
    const llmId = await routeOf([spent, other]);
    const explain = async () =>
      (await patchbay.routes.explainRoute({ routeId: llmId })).targets.map(({ standing }) => standing);
    const budget = { llmId: spent, amountUsd: "0.000001", period: Period.DAY };
    await patchbay.budgets.setBudget({ ...budget, mode: Mode.WARN });
    expect(await explain()).toEqual([Standing.CHOSEN, Standing.WELL]);
    expect(await patchbay.chat.chat({ llmId, message: "Hi" })).toMatchObject({ llmId: spent, overBudget: true });
    await patchbay.budgets.setBudget({ ...budget, mode: Mode.REFUSE });
    expect(await explain()).toEqual([Standing.OVER_BUDGET, Standing.CHOSEN]);
    for (const _ of [1, 2]) {
      expect(await patchbay.chat.chat({ llmId, message: "Hi" })).toMatchObject({ llmId: other, attempts: [] });
    }
    const streamed = await Array.fromAsync(patchbay.chat.streamChat({ llmId, message: "Hi" }));
    expect(streamed[0]?.event.value).toMatchObject({ llmId: other, attempts: [] });
    const alone = await problemIn(patchbay.chat.chat({ llmId: await routeOf([spent]), message: "Hi" }));
    expect(alone).toMatchObject({ reason: "BUDGET_EXHAUSTED", metadata: { llmId: spent } });
  });

  it("is not that of who calls, which says so, whatever the other Llms cost", async () => {
    const [dear, other] = [await llmThat(says2, { price }), await llmThat(says2, { price: free })];
    const limits = { budget: { amountUsd: "0.000001", period: Period.MONTH } };
    const { key: limited } = await patchbay.access.createApiKey({ displayName: "x", role: Role.MEMBER, limits });
    const chat = server.client(limited).chat.chat({ llmId: await routeOf([dear, other]), message: "Hi" });
    expect(await problemIn(chat)).toMatchObject({ reason: "BUDGET_EXHAUSTED", metadata: { holder: "API_KEY" } });
  });
});

it("passes from an Llm's alias to a route without a moment in which the name stands for nothing", async () => {
  const alias = `grows-${randomUUID().slice(0, 8)}`;
  const [one, two] = [await llmThat(says2, { alias }), await llmThat(says2)];
  const model = alias;
  const end = { isOver: false };
  const asking = Array.from({ length: 4 }, async () => {
    const from: string[] = [];
    while (!end.isOver) from.push((await patchbay.chat.chat({ llmId: model, message: "Hi" })).routeId);
    return from;
  });
  await expect.poll(calls).toBeGreaterThan(8);
  const tiers = [{ targets: [{ llmId: alias }, { llmId: two }] }];
  const { route } = await patchbay.routes.createRoute({ name: alias, tiers, takeAlias: true });
  expect(route?.tiers[0]?.targets).toMatchObject([{ llmId: one }, { llmId: two }]);
  const since = calls();
  await expect.poll(calls).toBeGreaterThan(since + 8);
  end.isOver = true;
  for (const from of await Promise.all(asking)) expect(new Set(from)).toEqual(new Set(["", route?.routeId]));
});

it("explains which Llm would be taken, and why each other would not", async () => {
  const [first, cooling, second] = [
    await llmThat(says2),
    await llmThat(refuses(429, { "retry-after": "60" })),
    await llmThat(says2),
  ];
  const [disabled, deleted] = [await llmThat(says2), await llmThat(says2)];
  const route = await routeOf([cooling, first, second, disabled, deleted]);
  await patchbay.llms.updateLlm({ llmId: disabled, disabled: true });
  await patchbay.llms.deleteLlm({ llmId: deleted });
  await patchbay.chat.chat({ llmId: route, message: "Hi" });
  const before = calls();
  const explained = await patchbay.routes.explainRoute({ routeId: route });
  expect(explained.llmId).toBe(first);
  expect(explained.targets.map(({ llmId, standing }) => [llmId, standing])).toEqual([
    [cooling, Standing.COOLING],
    [first, Standing.CHOSEN],
    [second, Standing.WELL],
    [disabled, Standing.DISABLED],
    [deleted, Standing.DELETED],
  ]);
  expect(explained.targets[0]).toMatchObject({
    failedWith: "UPSTREAM_RATE_LIMITED",
    why: expect.stringContaining("asked"),
  });
  expect(Number(explained.targets[0]?.retryAt)).toBeGreaterThan(Date.now() + 50_000);
  expect(explained.retriesLeft).toBeGreaterThan(0);
  expect(calls() - before).toBe(0);
});

describe("two servers", () => {
  let other: Server;
  beforeAll(async () => {
    other = await server.startAnother();
  });
  afterAll(() => other.stop());

  it("leave an Llm alone that one of them found failing, within a second", async () => {
    const [bad, good] = [await llmThat(refuses(429, { "retry-after": "60" })), await llmThat(says2)];
    const llmId = await routeOf([bad, good]);
    const there = server.client(key, { url: other.url });
    expect((await there.routes.explainRoute({ routeId: llmId })).llmId).toBe(bad);
    await patchbay.chat.chat({ llmId, message: "Hi" });
    const explained = async () => (await there.routes.explainRoute({ routeId: llmId })).llmId;
    await expect.poll(explained, { timeout: 5_000, interval: 20 }).toBe(good);
    expect(await there.chat.chat({ llmId, message: "Hi" })).toMatchObject({ llmId: good, attempts: [] });
  });

  it("take it up again when one of them has found it well", async () => {
    const [flaky, good] = [await llmThat(refuses(500)), await llmThat(says2)];
    const llmId = await routeOf([flaky, good]);
    const there = server.client(key, { url: other.url });
    await patchbay.chat.chat({ llmId, message: "Hi" });
    const standing = async () => (await there.routes.explainRoute({ routeId: llmId })).targets[0]?.failedWith;
    await expect.poll(standing, { timeout: 5_000, interval: 20 }).toBe("UPSTREAM_UNAVAILABLE");
    const { llm } = await patchbay.llms.getLlm({ llmId: flaky });
    upstream.setModel(llm?.modelIdentifier ?? "", saysSlowly(1, "back"));
    const chat = async () => (await patchbay.chat.chat({ llmId, message: "Hi" })).llmId;
    await expect.poll(chat, { timeout: 10_000, interval: 100 }).toBe(flaky);
    const isWell = async () => (await there.routes.explainRoute({ routeId: llmId })).targets[0]?.why;
    await expect.poll(isWell, { timeout: 5_000, interval: 20 }).toBe("by chance and its weight");
  });

  it("take it up again when it has passed a test, whatever its endpoint had asked, and not for one that failed", async () => {
    const [flaky, good] = [await llmThat(refuses(429, { "retry-after": "300" })), await llmThat(says2)];
    const llmId = await routeOf([flaky, good]);
    const there = server.client(key, { url: other.url });
    await patchbay.chat.chat({ llmId, message: "Hi" });
    const standing = async () => (await there.routes.explainRoute({ routeId: llmId })).targets[0]?.standing;
    await expect.poll(standing, { timeout: 5_000, interval: 20 }).toBe(Standing.COOLING);
    await patchbay.llms.testLlm({ llmId: flaky });
    expect((await patchbay.routes.explainRoute({ routeId: llmId })).targets[0]?.standing).toBe(Standing.COOLING);
    const { llm } = await patchbay.llms.getLlm({ llmId: flaky });
    upstream.setModel(llm?.modelIdentifier ?? "", says2);
    await patchbay.llms.testLlm({ llmId: flaky });
    expect(await patchbay.chat.chat({ llmId, message: "Hi" })).toMatchObject({ llmId: flaky, attempts: [] });
    await expect.poll(standing, { timeout: 5_000, interval: 20 }).toBe(Standing.CHOSEN);
  });
});

it("explains that one chat at a time shows whether an Llm is well whose last test failed", async () => {
  const [failing, good] = [await llmThat(refuses(401)), await llmThat(says2)];
  const routeId = await routeOf([failing, good]);
  await patchbay.llms.testLlm({ llmId: failing });
  const { targets } = await patchbay.routes.explainRoute({ routeId });
  expect(targets[0]).toMatchObject({ standing: Standing.CHOSEN, why: expect.stringContaining("its last test failed") });
});
