import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { getOption } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { ApiKey_Role } from "../../../gen/patchbay/v1/api_key_pb.ts";
import { Budget_Period } from "../../../gen/patchbay/v1/budget_pb.ts";
import { StoredCredentials_Slot } from "../../../gen/patchbay/v1/credentials_pb.ts";
import { transactional } from "../../../gen/patchbay/v1/mutation_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { apiKey, llmRequest } from "../../test/service/llm-requests.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";
import { SERVICES } from "../services.ts";

let upstream: ScriptedUpstream;
let server: TestServer;
let caller: Patchbay;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  server = await startServer({ EGRESS_ALLOW: upstream.url });
  caller = await newCaller();
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
});

/** One who may do everything, in an account of their own. */
const newCaller = async () => server.client((await server.addAccount("ADMIN")).apiKey);

/** A call that changes a thing of its own, to be made any number of times. */
interface Mutation {
  call(requestId: string): Promise<object>;
  /** The same rpc, asked for something else. */
  callOtherwise(requestId: string): Promise<object>;
}

function mutation<Request extends { requestId?: string }>(
  rpc: (request: Request) => Promise<object>,
  request: Request,
  other: Partial<Request>,
): Mutation {
  return {
    call: (requestId) => rpc({ ...request, requestId }),
    callOtherwise: (requestId) => rpc({ ...request, ...other, requestId }),
  };
}

const STALE = { etag: "r99" };
const PERIOD = { period: Budget_Period.DAY };

async function newLlm({ llms }: Patchbay): Promise<{ llmId: string }> {
  const { llm } = await llms.createLlm(llmRequest({ credentials: apiKey("sk-first-0123456789") }));
  return { llmId: llm?.llmId ?? "" };
}

async function routeDraft(patchbay: Patchbay) {
  return { name: `route-${randomUUID().slice(0, 8)}`, tiers: [{ targets: [await newLlm(patchbay)] }] };
}

async function newLlmWithPending(patchbay: Patchbay): Promise<{ llmId: string }> {
  const { llmId } = await newLlm(patchbay);
  await patchbay.llms.addPendingCredentials({ llmId, credentials: apiKey("sk-second-0123456789") });
  return { llmId };
}

async function newAccount({ access }: Patchbay): Promise<{ accountId: string }> {
  const { account } = await access.createAccount({ displayName: "new" });
  return { accountId: account?.accountId ?? "" };
}

async function newApiKey({ access }: Patchbay): Promise<{ apiKeyId: string }> {
  const made = await access.createApiKey({ displayName: "new", role: ApiKey_Role.VIEWER });
  return { apiKeyId: made.apiKey?.apiKeyId ?? "" };
}

async function newProvider({ providers }: Patchbay): Promise<{ name: string }> {
  const name = `provider-${randomUUID()}`;
  await providers.upsertProvider({ name, endpointUrl: "https://vendor.example.com/v1" });
  return { name };
}

async function newSession({ llms, chat }: Patchbay): Promise<{ sessionId: string }> {
  const { llm } = await llms.createLlm(
    llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier: randomUUID() }),
  );
  const { sessionId } = await chat.chat({ llmId: llm?.llmId ?? "", newSession: true, message: "Hi" });
  return { sessionId };
}

/** Every rpc that takes a request_id, by its name. */
const MUTATIONS: Readonly<Record<string, (patchbay: Patchbay) => Promise<Mutation>>> = {
  "LlmService.CreateLlm": async ({ llms }) => mutation(llms.createLlm, llmRequest(), { description: "other" }),
  "LlmService.UpdateLlm": async (patchbay) =>
    mutation(patchbay.llms.updateLlm, { ...(await newLlm(patchbay)), description: "changed" }, STALE),
  "LlmService.DeleteLlm": async (patchbay) => mutation(patchbay.llms.deleteLlm, await newLlm(patchbay), STALE),
  "LlmService.UndeleteLlm": async (patchbay) => {
    const llm = await newLlm(patchbay);
    await patchbay.llms.deleteLlm(llm);
    return mutation(patchbay.llms.undeleteLlm, llm, STALE);
  },
  "LlmService.SetDefaultLlm": async (patchbay) =>
    mutation(patchbay.llms.setDefaultLlm, await newLlm(patchbay), { llmId: randomUUID() }),
  "LlmService.AddPendingCredentials": async (patchbay) => {
    const request = { ...(await newLlm(patchbay)), credentials: apiKey("sk-second-0123456789") };
    return mutation(patchbay.llms.addPendingCredentials, request, { credentials: apiKey("sk-third-0123456789") });
  },
  "LlmService.PromoteCredentials": async (patchbay) => {
    const request = { ...(await newLlmWithPending(patchbay)), force: true };
    return mutation(patchbay.llms.promoteCredentials, request, { force: false });
  },
  "LlmService.RevertCredentials": async (patchbay) => {
    const llm = await newLlmWithPending(patchbay);
    await patchbay.llms.promoteCredentials({ ...llm, force: true });
    return mutation(patchbay.llms.revertCredentials, llm, STALE);
  },
  "LlmService.RetireCredentials": async (patchbay) => {
    const request = { ...(await newLlmWithPending(patchbay)), slot: StoredCredentials_Slot.PENDING };
    return mutation(patchbay.llms.retireCredentials, request, { slot: StoredCredentials_Slot.PREVIOUS });
  },
  "ProviderService.UpsertProvider": async ({ providers }) => {
    const request = { name: `provider-${randomUUID()}`, endpointUrl: "https://vendor.example.com/v1" };
    return mutation(providers.upsertProvider, request, { displayName: "other" });
  },
  "ProviderService.DeleteProvider": async (patchbay) =>
    mutation(patchbay.providers.deleteProvider, await newProvider(patchbay), STALE),
  "BudgetService.SetBudget": async (patchbay) =>
    mutation(
      patchbay.budgets.setBudget,
      { ...(await newLlm(patchbay)), ...PERIOD, amount: 1_000_000n },
      { amount: 2_000_000n },
    ),
  "BudgetService.DeleteBudget": async (patchbay) => {
    const { budget } = await patchbay.budgets.setBudget({ ...(await newLlm(patchbay)), ...PERIOD, amount: 1_000_000n });
    return mutation(patchbay.budgets.deleteBudget, { budgetId: budget?.budgetId ?? "" }, { budgetId: randomUUID() });
  },
  "RouteService.CreateRoute": async (patchbay) =>
    mutation(patchbay.routes.createRoute, await routeDraft(patchbay), { name: "another" }),
  "RouteService.UpdateRoute": async (patchbay) => {
    const { route } = await patchbay.routes.createRoute(await routeDraft(patchbay));
    const request = { routeId: route?.routeId ?? "", description: "changed" };
    return mutation(patchbay.routes.updateRoute, request, { description: "other" });
  },
  "RouteService.DeleteRoute": async (patchbay) => {
    const { route } = await patchbay.routes.createRoute(await routeDraft(patchbay));
    return mutation(patchbay.routes.deleteRoute, { routeId: route?.routeId ?? "" }, { routeId: randomUUID() });
  },
  "ChatService.DeleteSession": async (patchbay) =>
    mutation(patchbay.chat.deleteSession, await newSession(patchbay), { sessionId: randomUUID() }),
  "AccessService.CreateAccount": async ({ access }) =>
    mutation(access.createAccount, { displayName: "made" }, { displayName: "other" }),
  "AccessService.UpdateAccount": async (patchbay) => {
    const request = { ...(await newAccount(patchbay)), displayName: "changed" };
    return mutation(patchbay.access.updateAccount, request, { displayName: "other" });
  },
  "AccessService.DeleteAccount": async (patchbay) =>
    mutation(patchbay.access.deleteAccount, await newAccount(patchbay), { accountId: randomUUID() }),
  "AccessService.CreateApiKey": async ({ access }) =>
    mutation(access.createApiKey, { displayName: "made", role: ApiKey_Role.VIEWER }, { role: ApiKey_Role.MEMBER }),
  "AccessService.UpdateApiKey": async (patchbay) => {
    const request = { ...(await newApiKey(patchbay)), displayName: "changed" };
    return mutation(patchbay.access.updateApiKey, request, { displayName: "other" });
  },
  "AccessService.RollApiKey": async (patchbay) =>
    mutation(patchbay.access.rollApiKey, await newApiKey(patchbay), { overlapSeconds: 0 }),
  "AccessService.RevokeApiKey": async (patchbay) => {
    const { apiKeyId } = await newApiKey(patchbay);
    return mutation(patchbay.access.revokeApiKey, { apiKeyId }, { apiKeyId: apiKeyId.toLowerCase() });
  },
};

/** Answers are kept half a second before they are committed, and nobody is told of changed API keys. */
const SLOW_AND_SILENT = `
  create function wait_a_moment() returns trigger language plpgsql as $$
    begin perform pg_sleep(0.5); return new; end $$;
  create trigger slow before update on answered_request for each row execute function wait_a_moment();
  alter table api_key disable trigger api_key_row_change`;
const AS_BEFORE = "drop function wait_a_moment cascade; alter table api_key enable trigger api_key_row_change";

const MAKING_KEYS = Object.entries(MUTATIONS).filter(([name]) => /\.(Create|Roll)ApiKey$/.test(name));

/** How many things were done: each is in the audit log once. */
async function countAuditEvents(): Promise<number> {
  const [row] = await server.store.fork().execute<{ deeds: string }[]>("select count(*) as deeds from audit_event");
  return Number(row?.deeds);
}

/** An answer as it is given again: without a key, which is shown once. */
const withoutKey = (answer: object) => ("key" in answer ? { ...answer, key: "" } : answer);

it("is taken by each rpc that is declared to take one", () => {
  const declared = SERVICES.flatMap(({ methods }) => methods)
    .filter((method) => getOption(method, transactional) && method.input.field.requestId)
    .map(({ parent, name }) => `${parent.name}.${name}`);
  expect(Object.keys(MUTATIONS).toSorted()).toEqual(declared.toSorted());
});

describe.each(Object.entries(MUTATIONS))("a request_id of %s", (_, prepare) => {
  it("does it once, and gives the first answer again", async () => {
    const { call } = await prepare(caller);
    const before = await countAuditEvents();
    const requestId = randomUUID();
    const first = await call(requestId);
    for (const again of [requestId, requestId.toUpperCase()]) expect(await call(again)).toEqual(withoutKey(first));
    expect(await countAuditEvents()).toBe(before + 1);
  });

  it("does it once when ten come at once, and gives all the same answer", async () => {
    const { call } = await prepare(caller);
    const before = await countAuditEvents();
    const requestId = randomUUID();
    const answers = await Promise.all(Array.from({ length: 10 }, () => call(requestId)));
    const [first, ...others] = answers.map(withoutKey);
    for (const other of others) expect(other).toEqual(first);
    expect(await countAuditEvents()).toBe(before + 1);
  });

  it("is refused with another request, which does nothing", async () => {
    const { call, callOtherwise } = await prepare(caller);
    const requestId = randomUUID();
    await call(requestId);
    const before = await countAuditEvents();
    expect(await problemIn(callOtherwise(requestId))).toMatchObject({
      code: "InvalidArgument",
      reason: "REQUEST_ID_REUSED",
    });
    expect(await countAuditEvents()).toBe(before);
  });

  it("is another one in another account", async () => {
    const [mine, theirs] = [await prepare(caller), await prepare(await newCaller())];
    const before = await countAuditEvents();
    const requestId = randomUUID();
    await mine.call(requestId);
    await theirs.call(requestId);
    expect(await countAuditEvents()).toBe(before + 2);
  });
});

describe("an answer that is given again", () => {
  it("is only for who may do by now what the first caller did", async () => {
    const { accountId, apiKey: adminKey } = await server.addAccount("ADMIN");
    const [admin, owner] = [server.client(adminKey), server.client(await server.addKey(accountId, "OWNER"))];
    const other = await server.addAccount("OWNER");
    const [ofOther, ofOwn] = [randomUUID(), randomUUID()];
    const [forOther, forOwn] = [
      { ...llmRequest({ ownerId: other.accountId }), requestId: ofOther },
      { ...llmRequest(), requestId: ofOwn },
    ];
    const first = await admin.llms.createLlm(forOther);
    const own = await owner.llms.createLlm(forOwn);
    expect(await admin.llms.createLlm(forOther)).toEqual(first);
    expect(await problemIn(owner.llms.createLlm(forOther))).toMatchObject({ reason: "PERMISSION_MISSING" });
    // Whoever may more may do what the first caller did.
    expect(await admin.llms.createLlm(forOwn)).toEqual(own);
  });
});

describe("an API key that is made with a request_id", () => {
  it.each(MAKING_KEYS)("is one, and shown once, by %s ten times at once and after", async (_, prepare) => {
    const { call } = await prepare(caller);
    const before = await countKeys();
    const requestId = randomUUID();
    const answers = await Promise.all(Array.from({ length: 10 }, () => call(requestId)));
    const keys = [...answers, await call(requestId)].map((answer) => (answer as { key: string }).key);
    const [shown = ""] = keys.filter((key) => key !== "");
    expect(keys.toSorted()).toEqual([...Array(10).fill(""), shown]);
    expect((await server.client(shown).access.getCaller({})).caller?.role).toBe(ApiKey_Role.VIEWER);
    expect(await countKeys()).toBe(before + 1);

    const kept = await server.store.fork().execute<{ answer: Buffer }[]>("select answer from answered_request");
    expect(Buffer.concat(kept.map(({ answer }) => answer)).toString("latin1")).not.toContain(shown.slice(24));
  });

  async function countKeys(): Promise<number> {
    return (await server.store.fork().execute("select from api_key")).length;
  }

  it("is refused from the answer on that says it is revoked, however long the commit took", async () => {
    const { apiKey, key } = await caller.access.createApiKey({ displayName: "revoked", role: ApiKey_Role.VIEWER });
    const { access } = server.client(key);
    await server.store.fork().execute(SLOW_AND_SILENT);
    const revoking = caller.access.revokeApiKey({ apiKeyId: apiKey?.apiKeyId ?? "", requestId: randomUUID() });
    await sleep(250); // It is written, and not committed.
    await access.getCaller({});
    await revoking;
    expect(await problemIn(access.getCaller({}))).toMatchObject({ reason: "API_KEY_REFUSED" });
    await server.store.fork().execute(AS_BEFORE);
  });
});

describe("a Provider", () => {
  it("is one when ten make it at once who differ in their request_id", async () => {
    const request = { name: `provider-${randomUUID()}`, endpointUrl: "https://vendor.example.com/v1" };
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => caller.providers.upsertProvider({ ...request, requestId: randomUUID() })),
    );
    expect(answers.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(answers.map(({ provider }) => provider?.providerId)).size).toBe(1);
  });

  it("that is in use says so also to more at once than there are connections to the database", async () => {
    const { name } = await newProvider(caller);
    await caller.llms.createLlm({ displayName: "user", providerId: name, modelIdentifier: "some-model" });
    const refusals = await Promise.all(
      Array.from({ length: 30 }, () => problemIn(caller.providers.deleteProvider({ name, requestId: randomUUID() }))),
    );
    expect(new Set(refusals.map(({ reason }) => reason))).toEqual(new Set(["PROVIDER_IN_USE"]));
  });
});
