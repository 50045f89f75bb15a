import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { ApiKey_Role } from "../../../gen/patchbay/v1/api_key_pb.ts";
import { Permission } from "../../../gen/patchbay/v1/permission_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { type LlmRequest, llmRequest } from "../../test/service/llm-requests.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

let server: TestServer;
let patchbay: Patchbay;
beforeAll(async () => {
  server = await startServer();
  patchbay = server.client((await server.addAccount("OWNER")).apiKey);
});
afterAll(() => server.stop());

const createLlm = async (said: LlmRequest = {}, by = patchbay) =>
  (await by.llms.createLlm(llmRequest(said))).llm?.llmId ?? "";
const tiersOf = (...llmIds: string[]) => [{ targets: llmIds.map((llmId) => ({ llmId })) }];

describe("the name of a route", () => {
  it("is none that an Llm has, and none that another route has, of the same owner", async () => {
    const llmId = await createLlm({ alias: "claude" });
    const asked = { name: "claude", tiers: tiersOf(llmId) };
    const refused = { reason: "ALIAS_TAKEN", metadata: { alias: "claude", llmId } };
    expect(await problemIn(patchbay.routes.createRoute(asked))).toMatchObject(refused);
    await patchbay.llms.deleteLlm({ llmId });
    const other = await createLlm();
    const { route } = await patchbay.routes.createRoute({ name: "claude", tiers: tiersOf(other) });
    const taken = { reason: "ALIAS_TAKEN", metadata: { alias: "claude", routeId: route?.routeId } };
    expect(await problemIn(patchbay.llms.undeleteLlm({ llmId }))).toMatchObject(taken);
    expect(await problemIn(createLlm({ alias: "claude" }))).toMatchObject(taken);
    const second = await patchbay.routes.createRoute({ name: "gpt", tiers: tiersOf(other) });
    const renamed = { routeId: second.route?.routeId ?? "", name: "claude" };
    expect(await problemIn(patchbay.routes.updateRoute(renamed))).toMatchObject(taken);
    const stranger = server.client((await server.addAccount("OWNER")).apiKey);
    const theirs = await createLlm({}, stranger);
    await stranger.routes.createRoute({ name: "claude", tiers: tiersOf(theirs) });
  });

  it("leads the next call to what it stands for now, though it was called before", async () => {
    for (let round = 0; round < 20; round++) {
      const name = `changes-${round}`;
      await createLlm({ alias: name });
      await patchbay.llms.getLlm({ llmId: name });
      const { route } = await patchbay.routes.createRoute({ name, tiers: tiersOf(name), takeAlias: true });
      expect((await patchbay.routes.getRoute({ routeId: name })).route?.routeId).toBe(route?.routeId);
    }
  });

  it("is taken over from an Llm whose alias it is, if that is said", async () => {
    const [first, other] = [await createLlm({ alias: "grows" }), await createLlm()];
    const asked = { name: "grows", tiers: tiersOf("grows", other), takeAlias: true };
    const before = (await patchbay.llms.getLlm({ llmId: first })).llm;
    expect(await problemIn(patchbay.routes.createRoute({ ...asked, takeAlias: false }))).toMatchObject({
      message: "the owner has another Llm with the alias grows; choose another name, or say takeAlias to take it over",
    });
    await patchbay.routes.createRoute({ ...asked, validateOnly: true });
    expect((await patchbay.llms.getLlm({ llmId: "grows" })).llm, "rehearsed").toEqual(before);
    const foreign = server.client((await server.addAccount("ADMIN")).apiKey);
    const scoped = { displayName: "x", role: ApiKey_Role.OWNER, scopes: [Permission.CREATE_ROUTE_OWN] };
    const narrow = server.client((await patchbay.access.createApiKey(scoped)).key);
    expect(await problemIn(narrow.routes.createRoute(asked))).toMatchObject({
      reason: "PERMISSION_MISSING",
      metadata: { permission: "UPDATE_LLM_OWN" },
    });
    const { route } = await foreign.routes.createRoute({
      ...asked,
      tiers: tiersOf(first, other),
      ownerId: before?.ownerId ?? "",
    });
    expect(route?.tiers).toMatchObject(tiersOf(first, other));
    const after = (await patchbay.llms.getLlm({ llmId: first })).llm;
    expect(after).toMatchObject({ alias: "", updatedAt: expect.any(BigInt) });
    expect(after?.etag).not.toBe(before?.etag);
    expect((await patchbay.routes.getRoute({ routeId: "grows" })).route?.routeId).toBe(route?.routeId);
    const { auditEvents } = await patchbay.audit.listAuditEvents({ resourceId: first });
    expect(auditEvents.map(({ action }) => action)).toContain("llm.update");
    const taken = { reason: "ALIAS_TAKEN", metadata: { routeId: route?.routeId } };
    expect(await problemIn(patchbay.routes.createRoute({ ...asked, tiers: tiersOf(first) }))).toMatchObject(taken);
    const free = { name: "nobody-has-it", tiers: tiersOf(first), takeAlias: true };
    expect((await patchbay.routes.createRoute(free)).route?.name).toBe("nobody-has-it");
  });

  it("is given to one of the Llms and routes that want it at once", async () => {
    const llmId = await createLlm();
    for (let round = 0; round < 5; round++) {
      const name = `wanted-${round}`;
      const wanting = Array.from({ length: 12 }, (_, index) =>
        index % 2 === 0 ? createLlm({ alias: name }) : patchbay.routes.createRoute({ name, tiers: tiersOf(llmId) }),
      );
      const outcomes = await Promise.allSettled(wanting.map((one) => problemIn(one)));
      // What has no problem was made.
      const reasons = outcomes.flatMap((one) => (one.status === "fulfilled" ? [one.value.reason] : []));
      expect(reasons).toEqual(Array(11).fill("ALIAS_TAKEN"));
    }
  });

  it("is free again when the route is called otherwise, or is gone", async () => {
    const llmId = await createLlm();
    const { route } = await patchbay.routes.createRoute({ name: "old", tiers: tiersOf(llmId) });
    const routeId = route?.routeId ?? "";
    await patchbay.routes.updateRoute({ routeId, name: "new" });
    expect((await patchbay.routes.getRoute({ routeId: "new" })).route?.routeId).toBe(routeId);
    await patchbay.llms.updateLlm({ llmId, alias: "old" });
    await patchbay.routes.deleteRoute({ routeId });
    await patchbay.llms.updateLlm({ llmId, alias: "new" });
    expect((await patchbay.llms.getLlm({ llmId: "new" })).llm?.llmId).toBe(llmId);
  });

  it("names no Llm where one is wanted", async () => {
    const { route } = await patchbay.routes.createRoute({ name: "no-llm", tiers: tiersOf(await createLlm()) });
    expect(await problemIn(patchbay.llms.getLlm({ llmId: "no-llm" }))).toMatchObject({
      reason: "LLM_NOT_FOUND",
      message: '"no-llm" is a route and no Llm',
      metadata: { routeId: route?.routeId },
    });
  });

  it.each(["default", "Upper", "a//b", "", "6f8b7c1e-3f0a-4b8e-9d65-0c1f5a2b3c4d", "x".repeat(64)])(
    "is not %j",
    async (name) => {
      const asked = { name, tiers: tiersOf(randomUUID()) };
      const refused = { reason: "INVALID_REQUEST", fields: [{ field: "name" }] };
      expect(await problemIn(patchbay.routes.createRoute(asked))).toMatchObject(refused);
    },
  );
});

describe("the Llms of a route", () => {
  it("are the owner's, by id or by alias, and are kept by id", async () => {
    const [one, two] = [await createLlm({ alias: "one" }), await createLlm()];
    const { route } = await patchbay.routes.createRoute({ name: "both", tiers: tiersOf("ONE", two.toUpperCase()) });
    expect(route?.tiers).toMatchObject(tiersOf(one, two));
    const stranger = server.client((await server.addAccount("OWNER")).apiKey);
    const asked = { name: "foreign", tiers: tiersOf(two) };
    const refused = { reason: "LLM_NOT_FOUND", metadata: { llmId: two } };
    expect(await problemIn(stranger.routes.createRoute(asked))).toMatchObject(refused);
  });

  it("are named once each, and one of them at least takes chats", async () => {
    const llmId = await createLlm({ alias: "twice" });
    const twice = { name: "twice-named", tiers: [...tiersOf(llmId), ...tiersOf("twice")] };
    expect(await problemIn(patchbay.routes.createRoute(twice))).toMatchObject({
      reason: "INVALID_REQUEST",
      fields: [{ field: expect.stringMatching(/^tiers\[1\]\.targets\[0\]\.llm_?[iI]d$/) }],
    });
    const idle = { name: "idle", tiers: [{ targets: [{ llmId, weight: 0 }] }] };
    expect(await problemIn(patchbay.routes.createRoute(idle))).toMatchObject({ fields: [{ field: "tiers" }] });
  });

  it("find the routes that lead to them", async () => {
    const [one, two] = [await createLlm(), await createLlm()];
    for (const [name, llmIds] of Object.entries({ "to-one": [one], "to-both": [one, two] })) {
      await patchbay.routes.createRoute({ name, tiers: tiersOf(...llmIds) });
    }
    const page = await patchbay.routes.listRoutes({ llmId: one, pageSize: 1 });
    const rest = await patchbay.routes.listRoutes({ llmId: one, pageSize: 1, pageToken: page.nextPageToken });
    expect([...page.routes, ...rest.routes].map(({ name }) => name)).toEqual(["to-one", "to-both"]);
    expect((await patchbay.routes.listRoutes({ llmId: two })).routes).toMatchObject([{ name: "to-both" }]);
  });
});

it("changes what is said, clears what is named in a mask, and leaves the rest", async () => {
  const llmId = await createLlm();
  const draft = {
    name: "changed",
    displayName: "A name",
    description: "x",
    attemptTimeoutMs: 5,
    tiers: tiersOf(llmId),
  };
  const routeId = (await patchbay.routes.createRoute(draft)).route?.routeId ?? "";
  const kept = (await patchbay.routes.updateRoute({ routeId, description: "y" })).route;
  expect(kept).toMatchObject({ displayName: "A name", description: "y", attemptTimeoutMs: 5, tiers: tiersOf(llmId) });
  const updateMask = { paths: ["display_name", "attempt_timeout_ms"] };
  const cleared = (await patchbay.routes.updateRoute({ routeId, updateMask, description: "z" })).route;
  expect(cleared).toMatchObject({ displayName: "changed", description: "y", attemptTimeoutMs: 0 });
  const empty = patchbay.routes.updateRoute({ routeId, updateMask: { paths: ["tiers"] } });
  expect(await problemIn(empty)).toMatchObject({ reason: "INVALID_REQUEST", fields: [{ field: "tiers" }] });
});

it("keeps an account from being deleted that owns one", async () => {
  const { accountId, apiKey } = await server.addAccount("OWNER");
  const by = server.client(apiKey);
  await by.routes.createRoute({ name: "kept", tiers: tiersOf(await createLlm({}, by)) });
  const problem = await problemIn(server.client(server.adminKey).access.deleteAccount({ accountId }));
  expect(problem).toMatchObject({ reason: "ACCOUNT_IN_USE", metadata: { route: "1" } });
});
