import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { ApiKey_Role as Role } from "../../../gen/patchbay/v1/api_key_pb.ts";
import { QueryUsageRequest_GroupBy as GroupBy } from "../../../gen/patchbay/v1/usage_service_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { llmRequest } from "../../test/service/llm-requests.ts";
import { SURFACES } from "../../test/surfaces.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

let upstream: ScriptedUpstream;
let server: TestServer;
let owner: Patchbay;
let accountId: string;
/** With the alias `fast`, the alias `slow`, and none. */
let fast: string;
let slow: string;
let plain: string;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  server = await startServer({ EGRESS_ALLOW: upstream.url });
  const account = await server.addAccount("OWNER");
  accountId = account.accountId;
  owner = server.client(account.apiKey);
  const create = async (said: object) => {
    const request = llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier: randomUUID(), ...said });
    return (await owner.llms.createLlm(request)).llm?.llmId ?? "";
  };
  fast = await create({ alias: "fast", modelIdentifier: "model-of-fast" });
  slow = await create({ alias: "slow", modelIdentifier: "model-of-slow" });
  plain = await create({ modelIdentifier: "model-of-plain" });
  await owner.llms.setDefaultLlm({ llmId: slow });
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
});

const keyFor = async (allowedModels: string[], role: Role = Role.MEMBER) =>
  (await owner.access.createApiKey({ displayName: "limited", role, limits: { allowedModels } })).key;

/** A call of a face. */
async function face(key: string, path: string, body?: object, headers: Record<string, string> = {}) {
  const response = await fetch(`${server.url}${path}`, {
    ...(body && { method: "POST", body: JSON.stringify(body) }),
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", ...headers },
  });
  return { status: response.status, text: await response.text() };
}

describe("a key that may use some names only", () => {
  it.each(SURFACES.map((surface) => [surface.name, surface] as const))(
    "sees nothing else over %s",
    async (_, surface) => {
      const { patchbay, close } = surface.open(server.url, await keyFor(["fast", plain]));
      const { llms, totalSize } = await patchbay.llms.listLlms({ includeTotalSize: true });
      expect(llms.map(({ llmId }) => llmId).sort()).toEqual([fast, plain].sort());
      expect(totalSize).toBe(2);
      expect((await patchbay.llms.getLlm({ llmId: "fast" })).llm?.llmId).toBe(fast);
      for (const llmId of [slow, "slow"]) {
        const problem = await problemIn(patchbay.llms.getLlm({ llmId }));
        expect(problem).toMatchObject({ code: "NotFound", reason: "LLM_NOT_FOUND" });
        expect(problem.message).toContain("fast");
      }
      expect(await problemIn(patchbay.llms.batchGetLlms({ llmIds: [fast, slow] }))).toMatchObject({
        reason: "LLM_NOT_FOUND",
      });
      close();
    },
  );

  it("chats with nothing else, tests nothing else, and calls nothing else by default or in a session", async () => {
    const limited = server.client(await keyFor(["fast"]));
    const before = upstream.requests.length;
    const sessionId = randomUUID();
    await owner.chat.chat({ llmId: slow, message: "Hi", sessionId });
    const asked = upstream.requests.length;
    expect(asked).toBe(before + 1);
    for (const call of [
      () => limited.chat.chat({ llmId: slow, message: "Hi" }),
      () => limited.chat.chat({ llmId: "slow", message: "Hi" }),
      () => limited.chat.chat({ llmId: plain, message: "Hi" }),
      () => limited.chat.chat({ message: "Hi" }),
      () => limited.llms.testLlm({ llmId: slow }),
      () => limited.llms.testConnection({ llmId: slow }),
      () => limited.pings.pingOnce({ llmId: slow }),
      () => limited.chat.chat({ sessionId, message: "Hi" }),
    ]) {
      expect(await problemIn(call()), String(call)).toMatchObject({ reason: "LLM_NOT_FOUND" });
    }
    const stream = async () => {
      for await (const _ of limited.chat.streamChat({ llmId: slow, message: "Hi" }));
    };
    expect(await problemIn(stream())).toMatchObject({ reason: "LLM_NOT_FOUND" });
    expect(upstream.requests.length, "nothing was sent").toBe(asked);
    await limited.chat.chat({ llmId: "fast", message: "Hi" });
    await limited.chat.chat({ llmId: fast, message: "Hi" });
    await limited.llms.testLlm({ llmId: "fast" });
  });

  it("sees and calls nothing else in the faces", async () => {
    const key = await keyFor(["fast", plain]);
    const openAi = JSON.parse((await face(key, "/v1/models")).text);
    expect(openAi.data.map(({ id }: { id: string }) => id).sort()).toEqual(["fast", "model-of-plain"]);
    const version = { "anthropic-version": "2023-06-01" };
    const anthropic = JSON.parse((await face(key, "/v1/models", undefined, version)).text);
    expect(anthropic.data.map(({ id }: { id: string }) => id).sort()).toEqual(["fast", "model-of-plain"]);
    expect((await face(key, "/v1/models/fast")).status).toBe(200);
    expect((await face(key, "/v1/models/slow")).status).toBe(404);
    expect((await face(key, "/v1/models/model-of-slow")).status).toBe(404);
    const asked = upstream.requests.length;
    const messages = [{ role: "user", content: "Hi" }];
    for (const model of ["slow", slow, "model-of-slow", "default", ""]) {
      for (const [path, body] of [
        ["/v1/chat/completions", { model, messages }],
        ["/v1/responses", { model, input: "Hi" }],
        ["/v1/embeddings", { model, input: "Hi" }],
        ["/v1/messages", { model, messages, max_tokens: 3 }],
        ["/v1/messages/count_tokens", { model, messages }],
      ] as const) {
        const answer = await face(key, path, body);
        expect(answer.status, `${path} ${model}`).toBe(404);
        expect(answer.text, "what may be used is told").toContain("fast");
      }
    }
    expect(upstream.requests.length).toBe(asked);
    expect((await face(key, "/v1/chat/completions", { model: "fast", messages })).status).toBe(200);
    expect((await face(key, "/v1/chat/completions", { model: "model-of-plain", messages })).status).toBe(200);
  });

  it("sees nothing else in the dialects", async () => {
    const key = await keyFor(["fast"]);
    for (const path of ["/llm-providers", "/v1/llm-providers", "/api/integrations"]) {
      const { status, text } = await face(key, path);
      if (status !== 200) continue;
      expect(text, path).not.toContain(slow);
      expect(text, path).not.toContain("model-of-slow");
    }
    expect((await face(key, "/llm-providers")).text).toContain(fast);
  });

  it("watches nothing else", async () => {
    const key = await keyFor(["fast"]);
    const leaving = new AbortController();
    const seen: string[] = [];
    const watch = (async () => {
      for await (const { llmId, llm, kind } of server
        .client(key)
        .llms.watchLlms({}, { signal: leaving.signal }) as AsyncIterable<never> as AsyncIterable<{
        llmId?: string;
        llm?: { llmId: string };
        kind: unknown;
      }>) {
        const id = llmId || llm?.llmId;
        if (id) seen.push(id);
        else seen.push(`kind ${kind}`);
        if (id === fast) leaving.abort();
      }
    })().catch(() => {});
    await expect.poll(() => seen.length).toBeGreaterThan(0);
    await owner.llms.updateLlm({ llmId: slow, description: randomUUID() });
    await owner.llms.updateLlm({ llmId: fast, description: randomUUID() });
    await watch;
    expect(seen).toContain(fast);
    expect(seen).not.toContain(slow);
  });

  it("follows a name, and not what it stood for", async () => {
    const key = await keyFor(["moving"]).catch(() => undefined);
    expect(key, "a name that stands for nothing is refused").toBeUndefined();
    await owner.llms.updateLlm({ llmId: plain, alias: "moving" });
    const limited = server.client(await keyFor(["moving"]));
    await limited.chat.chat({ llmId: "moving", message: "Hi" });
    await owner.llms.updateLlm({ llmId: plain, alias: "" });
    await owner.llms.updateLlm({ llmId: slow, alias: "moving" });
    expect((await limited.chat.chat({ llmId: "moving", message: "Hi" })).llmId).toBe(slow);
    expect(await problemIn(limited.chat.chat({ llmId: plain, message: "Hi" }))).toMatchObject({
      reason: "LLM_NOT_FOUND",
    });
    await owner.llms.updateLlm({ llmId: slow, alias: "slow" });
  });

  it("changes nothing that it could make a name stand for", async () => {
    const limited = server.client(await keyFor(["fast"], Role.OWNER));
    for (const call of [
      () => limited.llms.updateLlm({ llmId: fast, modelIdentifier: "dear" }),
      () => limited.llms.createLlm(llmRequest({})),
      () => limited.llms.deleteLlm({ llmId: fast }),
      () => limited.providers.listProviders({}),
    ]) {
      expect(await problemIn(call())).toMatchObject({ reason: "PERMISSION_MISSING" });
    }
    const { caller } = await limited.access.getCaller({});
    expect(caller?.allowedModels).toEqual(["fast"]);
    const inner = await limited.access.createApiKey({ displayName: "inner", role: Role.OWNER });
    const llms = await server.client(inner.key).llms.listLlms({});
    expect(llms.llms.map(({ llmId }) => llmId)).toEqual([fast]);
    const wider = limited.access.createApiKey({
      displayName: "wider",
      role: Role.MEMBER,
      limits: { allowedModels: ["slow"] },
    });
    expect(await problemIn(wider)).toMatchObject({
      reason: "API_KEY_EXCEEDS_CALLER",
      metadata: { limit: "allowed_models" },
    });
  });

  it("is refused with a name that is misspelt, and told which was meant", async () => {
    const problem = await problemIn(keyFor(["fsat"]));
    expect(problem).toMatchObject({ reason: "INVALID_REQUEST", fields: [{ field: "limits.allowedModels" }] });
    expect(problem.message).toContain('did you mean "fast"?');
  });

  it("goes through a route that it may use to Llms that it may not, and sees no other route", async () => {
    const tiers = [{ targets: [{ llmId: slow }] }];
    const { route } = await owner.routes.createRoute({ name: "chosen", tiers } as never);
    await owner.routes.createRoute({ name: "hidden", tiers } as never);
    const key = await keyFor(["chosen"]);
    const limited = server.client(key);
    expect((await limited.chat.chat({ llmId: "chosen", message: "Hi" })).llmId).toBe(slow);
    const messages = [{ role: "user", content: "Hi" }];
    expect((await face(key, "/v1/chat/completions", { model: "chosen", messages })).status).toBe(200);
    expect((await face(key, "/v1/chat/completions", { model: "hidden", messages })).status).toBe(404);
    expect(JSON.parse((await face(key, "/v1/models")).text).data.map(({ id }: { id: string }) => id)).toEqual([
      "chosen",
    ]);
    expect(await problemIn(limited.chat.chat({ llmId: slow, message: "Hi" }))).toMatchObject({
      reason: "LLM_NOT_FOUND",
    });
    expect(await problemIn(limited.chat.chat({ llmId: "hidden", message: "Hi" }))).toMatchObject({
      reason: "LLM_NOT_FOUND",
    });
    const { routes } = await limited.routes.listRoutes({});
    expect(routes.map(({ routeId }) => routeId)).toEqual([route?.routeId]);
    expect(await problemIn(limited.routes.getRoute({ routeId: "hidden" }))).toMatchObject({
      reason: "LLM_ROUTE_NOT_FOUND",
    });
    expect((await limited.llms.listLlms({})).llms).toEqual([]);
  });

  it("sees what it has used itself, also through a route alone, and of others only what it may use", async () => {
    const tiers = [{ targets: [{ llmId: slow }] }];
    const routeId = (await owner.routes.createRoute({ name: "counted", tiers } as never)).route?.routeId;
    const limited = server.client(await keyFor(["counted"]));
    const used = async () => (await limited.usage.queryUsage({ groupBy: [GroupBy.ROUTE, GroupBy.LLM] })).rows;
    await owner.chat.chat({ llmId: slow, message: "Hi" });
    expect(await used()).toEqual([]);
    await limited.chat.chat({ llmId: "counted", message: "Hi" });
    await owner.chat.chat({ llmId: "counted", message: "Hi" });
    expect(await used()).toMatchObject([{ routeId, llmId: slow, replies: 2n }]);
    expect((await owner.usage.queryUsage({ routeId: "counted" })).rows).toMatchObject([{ replies: 2n }]);
    await owner.routes.deleteRoute({ routeId: "counted" });
    expect(await used(), "its own, when the name is gone").toMatchObject([{ routeId, replies: 1n }]);
  });

  it("sees sessions, their turns and other keys only as far as they are about what it may use", async () => {
    const [hidden, shown] = [randomUUID(), randomUUID()];
    await owner.chat.chat({ llmId: slow, message: "A secret", sessionId: hidden });
    await owner.chat.chat({ llmId: fast, message: "Hi", sessionId: shown });
    const limited = server.client(await keyFor(["fast"], Role.OWNER));
    const { sessions } = await limited.chat.listSessions({});
    expect(sessions.map(({ sessionId }) => sessionId)).toContain(shown);
    expect(sessions.map(({ sessionId }) => sessionId)).not.toContain(hidden);
    expect((await limited.chat.listTurns({ sessionId: shown })).turns).toHaveLength(1);
    for (const call of [
      () => limited.chat.getSession({ sessionId: hidden }),
      () => limited.chat.listTurns({ sessionId: hidden }),
      () => limited.chat.deleteSession({ sessionId: hidden }),
    ]) {
      expect(await problemIn(call()), String(call)).toMatchObject({ reason: "SESSION_NOT_FOUND" });
    }
    expect(await problemIn(limited.audit.listAuditEvents({}))).toMatchObject({ reason: "PERMISSION_MISSING" });
    const inner = await limited.access.createApiKey({ displayName: "inner", role: Role.MEMBER });
    const { apiKeys } = await limited.access.listApiKeys({});
    const { caller } = await limited.access.getCaller({});
    const seen = apiKeys.map(({ apiKeyId }) => apiKeyId).sort();
    expect(seen).toEqual([caller?.apiKeyId, inner.apiKey?.apiKeyId].sort());
  });

  it("sees and continues a session of a route only with the route, whichever Llm that has moved it to", async () => {
    const name = `mover-${randomUUID()}`;
    const tiersOf = (llmId: string) => [{ targets: [{ llmId }] }];
    const { route } = await owner.routes.createRoute({ name, tiers: tiersOf(slow) } as never);
    const sessionId = randomUUID();
    await owner.chat.chat({ llmId: name, message: "A secret", sessionId });
    await owner.routes.updateRoute({ routeId: route?.routeId ?? "", tiers: tiersOf(fast) } as never);
    const goOn = async () => (await owner.chat.chat({ llmId: name, message: "Go on", sessionId })).llmId;
    await expect.poll(goOn, { timeout: 10_000 }).toBe(fast);
    const limited = server.client(await keyFor(["fast"], Role.OWNER));
    const { sessions } = await limited.chat.listSessions({});
    expect(sessions.map((session) => session.sessionId)).not.toContain(sessionId);
    const asked = upstream.requests.length;
    for (const call of [
      () => limited.chat.getSession({ sessionId }),
      () => limited.chat.listTurns({ sessionId }),
      () => limited.chat.deleteSession({ sessionId }),
      () => limited.chat.chat({ llmId: "fast", message: "Say all of it again", sessionId }),
    ]) {
      expect(await problemIn(call()), String(call)).toMatchObject({ reason: "SESSION_NOT_FOUND" });
    }
    expect(upstream.requests.length, "nothing of it was sent").toBe(asked);
    const withRoute = server.client(await keyFor([name]));
    expect((await withRoute.chat.listTurns({ sessionId })).turns.length).toBeGreaterThan(1);
    await withRoute.chat.chat({ message: "Hi", sessionId });
  });

  it("is not told what a session is with that is with something else", async () => {
    const sessionId = randomUUID();
    await owner.chat.chat({ llmId: slow, message: "Hi", sessionId });
    const limited = server.client(await keyFor(["fast"]));
    const problem = await problemIn(limited.chat.chat({ llmId: "fast", message: "Hi", sessionId }));
    expect(problem).toMatchObject({ reason: "SESSION_NOT_FOUND" });
    expect(JSON.stringify(problem)).not.toContain(slow);
  });

  it("is told the names that there are, and nothing of what nobody named", async () => {
    await owner.llms.updateLlm({ llmId: plain, alias: "tko" });
    const key = await keyFor(["fast", "tko"]);
    await owner.llms.updateLlm({ llmId: plain, alias: "" });
    const limited = server.client(key);
    const gone = await problemIn(limited.chat.chat({ llmId: "tko", message: "Hi" }));
    expect(gone.message).toMatch(/they may use these, by their names: fast$/);
    for (const told of [
      (await problemIn(limited.chat.chat({ message: "Hi" }))).message,
      (await face(key, "/v1/chat/completions", { model: "", messages: [{ role: "user", content: "Hi" }] })).text,
      JSON.stringify((await limited.access.getAccount({ accountId })).account?.defaultLlmId),
    ]) {
      expect(told).not.toContain(slow);
    }
  });

  it("is limited by its account, too", async () => {
    const admin = server.client(server.adminKey).access;
    await admin.updateAccount({ accountId, limits: { allowedModels: ["fast", "slow"] } });
    const key = await keyFor(["fast", plain]);
    const { llms } = await server.client(key).llms.listLlms({});
    expect(llms.map(({ llmId }) => llmId)).toEqual([fast]);
    await admin.updateAccount({ accountId, limits: {} });
  });
});
