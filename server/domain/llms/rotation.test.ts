import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { ConnectionTest_Outcome as Outcome } from "../../../gen/patchbay/v1/connection_test_pb.ts";
import { StoredCredentials_Slot as Slot } from "../../../gen/patchbay/v1/credentials_pb.ts";
import { type Llm, Llm_Status } from "../../../gen/patchbay/v1/llm_pb.ts";
import { verifyAll } from "../../store/vault/inspection.ts";
import { KeyRingFile } from "../../store/vault/key-ring-file.ts";
import { Rotation } from "../../store/vault/rotation.ts";
import { makeTemporaryFolder } from "../../test/base/temporary-folder.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { apiKey, type LlmRequest, llmRequest, secretRef } from "../../test/service/llm-requests.ts";
import { refuses } from "../../test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

const OLD = "sk-canary-old-0123456789-OLDK";
const NEW = "sk-canary-new-0123456789-NEWK";

const folder = makeTemporaryFolder("rotation");
const keyRingFile = join(folder.path, "keyring");

let upstream: ScriptedUpstream;
let server: TestServer;
let ownerKey: string;
let patchbay: Patchbay;
let llms: Patchbay["llms"];
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  server = await startServer({ EGRESS_ALLOW: upstream.url, KEYRING_FILE: keyRingFile });
  ({ apiKey: ownerKey } = await server.addAccount("OWNER"));
  patchbay = server.client(ownerKey);
  llms = patchbay.llms;
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
  folder.remove();
});

async function create(said: LlmRequest = {}): Promise<Llm> {
  const { llm } = await llms.createLlm(
    llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier: randomUUID(), credentials: apiKey(OLD), ...said }),
  );
  if (!llm) throw new Error("no llm");
  return llm;
}

/** Makes an Llm with pending credentials whose test was OK. */
async function prepare(said: LlmRequest = {}): Promise<string> {
  const { llmId } = await create(said);
  await llms.addPendingCredentials({ llmId, credentials: apiKey(NEW) });
  await llms.testLlm({ llmId, slot: Slot.PENDING });
  return llmId;
}

async function keyOfChat(llmId: string) {
  await patchbay.chat.chat({ llmId, message: "Hi" });
  return upstream.requests.at(-1)?.headers.authorization?.replace("Bearer ", "");
}

const get = async (llmId: string) => (await llms.getLlm({ llmId })).llm;
const reasonOf = async (call: Promise<unknown>) => (await problemIn(call)).reason;

describe("a rotation", () => {
  it("goes from adding to retiring with a key that works at every moment", async () => {
    const { llmId } = await create();
    const added = await llms.addPendingCredentials({ llmId, credentials: apiKey(NEW) });
    expect(added.llm).toMatchObject({ credentialsHint: "…OLDK", pendingCredentials: { hint: "…NEWK", ref: "" } });
    expect(Number(added.llm?.pendingCredentials?.since)).toBeGreaterThan(Date.now() - 60_000);
    expect(await keyOfChat(llmId)).toBe(OLD);

    const { test } = await llms.testLlm({ llmId, slot: Slot.PENDING });
    expect(test?.outcome).toBe(Outcome.OK);
    expect(upstream.requests.at(-1)?.headers.authorization).toBe(`Bearer ${NEW}`);
    expect(await get(llmId)).toMatchObject({
      status: Llm_Status.UNTESTED,
      pendingCredentials: { lastTest: { outcome: Outcome.OK } },
    });
    expect(await keyOfChat(llmId)).toBe(OLD);

    const promoted = await llms.promoteCredentials({ llmId });
    expect(promoted.llm).toMatchObject({
      credentialsHint: "…NEWK",
      previousCredentials: { hint: "…OLDK" },
      status: Llm_Status.ACTIVE,
      lastTest: { outcome: Outcome.OK },
    });
    expect(promoted.llm?.pendingCredentials).toBeUndefined();
    expect(await keyOfChat(llmId)).toBe(NEW);

    const reverted = await llms.revertCredentials({ llmId });
    expect(reverted.llm).toMatchObject({
      credentialsHint: "…OLDK",
      previousCredentials: { hint: "…NEWK" },
      status: Llm_Status.UNTESTED,
    });
    expect(await keyOfChat(llmId)).toBe(OLD);
    await llms.revertCredentials({ llmId });
    expect(await keyOfChat(llmId)).toBe(NEW);

    const retired = await llms.retireCredentials({ llmId, slot: Slot.PREVIOUS });
    expect(retired.llm?.previousCredentials).toBeUndefined();
    expect(await reasonOf(llms.revertCredentials({ llmId }))).toBe("PREVIOUS_CREDENTIALS_MISSING");
    expect(await keyOfChat(llmId)).toBe(NEW);
  });

  it("leaves a record of each step, and no key anywhere", async () => {
    const llmId = await prepare();
    await llms.promoteCredentials({ llmId });
    await llms.revertCredentials({ llmId });
    await llms.retireCredentials({ llmId, slot: Slot.PREVIOUS });
    const { auditEvents } = await patchbay.audit.listAuditEvents({ resourceId: llmId });
    expect(auditEvents.map(({ action, facts }) => [action, facts])).toEqual([
      ["llm.credentials.retire", { slot: "previous" }],
      ["llm.credentials.revert", {}],
      ["llm.credentials.promote", { forced: "false" }],
      ["llm.test", { purpose: "test", slot: "pending", usesSecret: "true" }],
      ["llm.credentials.add", {}],
      ["llm.create", {}],
    ]);
    const em = server.store.fork();
    const stored = [
      await em.execute("select llm::text as text from llm where id = ?", [llmId]),
      await em.execute("select record::text as text from audit_event"),
      server.log,
    ];
    expect(JSON.stringify(stored)).not.toContain("canary");
    const row = await em.execute(
      "select sealed_pending_credentials as pending, sealed_previous_credentials as previous from llm where id = ?",
      [llmId],
    );
    expect(row).toEqual([{ pending: null, previous: null }]);
  });

  it("replaces pending credentials that were added before, and their test with them", async () => {
    const llmId = await prepare();
    const { llm } = await llms.addPendingCredentials({ llmId, credentials: apiKey(`${NEW}-second-2NDK`) });
    expect(llm?.pendingCredentials?.hint).toBe("…2NDK");
    expect(llm?.pendingCredentials?.lastTest).toBeUndefined();
    expect(await reasonOf(llms.promoteCredentials({ llmId }))).toBe("PENDING_CREDENTIALS_UNTESTED");
  });

  it("begins also where there are no credentials yet, and keeps nothing as previous then", async () => {
    const { llmId } = await create({ credentials: undefined as never });
    await llms.addPendingCredentials({ llmId, credentials: apiKey(NEW) });
    await llms.testLlm({ llmId, slot: Slot.PENDING });
    const { llm } = await llms.promoteCredentials({ llmId });
    expect(llm).toMatchObject({ hasCredentials: true });
    expect(llm?.previousCredentials).toBeUndefined();
    expect(await keyOfChat(llmId)).toBe(NEW);
  });

  it("tests previous credentials without keeping the result", async () => {
    const llmId = await prepare();
    await llms.promoteCredentials({ llmId });
    const before = await get(llmId);
    await llms.testLlm({ llmId, slot: Slot.PREVIOUS });
    expect(upstream.requests.at(-1)?.headers.authorization).toBe(`Bearer ${OLD}`);
    expect(await get(llmId)).toEqual(before);
  });

  it("survives an update of the current credentials", async () => {
    const llmId = await prepare();
    await llms.promoteCredentials({ llmId });
    await llms.updateLlm({ llmId, credentials: apiKey("sk-third") });
    expect(await keyOfChat(llmId)).toBe("sk-third");
    await llms.revertCredentials({ llmId });
    expect(await keyOfChat(llmId)).toBe(OLD);
  });
});

describe("promotion", () => {
  it.each([
    { name: "without a test", before: async () => {} },
    {
      name: "after a test that was refused",
      before: async (llmId: string) => {
        upstream.script(refuses(401));
        await llms.testLlm({ llmId, slot: Slot.PENDING });
      },
    },
    {
      name: "after a test of the current ones only",
      before: async (llmId: string) => {
        await llms.testLlm({ llmId });
      },
    },
    {
      name: "after a test with another model",
      before: async (llmId: string) => {
        await llms.testLlm({ llmId, slot: Slot.PENDING });
        await llms.updateLlm({ llmId, modelIdentifier: randomUUID() });
      },
    },
  ])("is refused $name, unless it is forced", async ({ before }) => {
    const { llmId } = await create();
    await llms.addPendingCredentials({ llmId, credentials: apiKey(NEW) });
    await before(llmId);
    expect(await problemIn(llms.promoteCredentials({ llmId }))).toMatchObject({
      code: "FailedPrecondition",
      reason: "PENDING_CREDENTIALS_UNTESTED",
    });
    expect(await keyOfChat(llmId)).toBe(OLD);
    const { llm } = await llms.promoteCredentials({ llmId, force: true });
    expect(llm?.status).toBe(Llm_Status.UNTESTED);
    expect(llm?.lastTest).toBeUndefined();
    expect(await keyOfChat(llmId)).toBe(NEW);
    const { auditEvents } = await patchbay.audit.listAuditEvents({
      resourceId: llmId,
      action: "llm.credentials.promote",
    });
    expect(auditEvents).toMatchObject([{ facts: { forced: "true" } }]);
  });

  it("never takes the place of previous credentials that are not retired", async () => {
    const llmId = await prepare();
    await llms.promoteCredentials({ llmId });
    await llms.addPendingCredentials({ llmId, credentials: apiKey("sk-third") });
    const problem = await problemIn(llms.promoteCredentials({ llmId, force: true }));
    expect(problem).toMatchObject({ reason: "ROTATION_UNFINISHED", metadata: { llmId, slot: "PREVIOUS" } });
    await llms.retireCredentials({ llmId, slot: Slot.PREVIOUS });
    await llms.promoteCredentials({ llmId, force: true });
    expect(await keyOfChat(llmId)).toBe("sk-third");
  });

  it("is refused when it would make the Llm another one's duplicate, and so is going back", async () => {
    const modelIdentifier = randomUUID();
    const llmId = await prepare({ modelIdentifier });
    const twin = await create({ modelIdentifier, credentials: apiKey(NEW) });
    expect(await reasonOf(llms.promoteCredentials({ llmId }))).toBe("LLM_DUPLICATE");
    await llms.deleteLlm({ llmId: twin.llmId });
    await llms.promoteCredentials({ llmId });
    await create({ modelIdentifier, credentials: apiKey(OLD) });
    expect(await reasonOf(llms.revertCredentials({ llmId }))).toBe("LLM_DUPLICATE");
    expect(await keyOfChat(llmId)).toBe(NEW);
  });

  it("means that the promoted key is the only one: a refusal is told, and no other key is tried", async () => {
    const llmId = await prepare();
    await llms.promoteCredentials({ llmId });
    const before = upstream.requests.length;
    upstream.script(refuses(401));
    expect(await problemIn(keyOfChat(llmId))).toMatchObject({
      reason: "UPSTREAM_KEY_REFUSED",
      metadata: { llmId, previousCredentials: "true" },
    });
    expect(upstream.requests.slice(before).map(({ headers }) => headers.authorization)).toEqual([`Bearer ${NEW}`]);
    await llms.retireCredentials({ llmId, slot: Slot.PREVIOUS });
    upstream.script(refuses(401));
    expect((await problemIn(keyOfChat(llmId))).metadata).not.toHaveProperty("previousCredentials");
  });
});

describe("steps of a rotation are refused", () => {
  it.each([
    {
      name: "promoting nothing",
      reason: "PENDING_CREDENTIALS_MISSING",
      step: (llmId: string) => llms.promoteCredentials({ llmId }),
    },
    {
      name: "going back to nothing",
      reason: "PREVIOUS_CREDENTIALS_MISSING",
      step: (llmId: string) => llms.revertCredentials({ llmId }),
    },
    {
      name: "retiring nothing",
      reason: "PENDING_CREDENTIALS_MISSING",
      step: (llmId: string) => llms.retireCredentials({ llmId, slot: Slot.PENDING }),
    },
    {
      name: "testing nothing",
      reason: "PENDING_CREDENTIALS_MISSING",
      step: (llmId: string) => llms.testLlm({ llmId, slot: Slot.PENDING }),
    },
    {
      name: "retiring the current ones",
      reason: "INVALID_REQUEST",
      step: (llmId: string) => llms.retireCredentials({ llmId, slot: Slot.CURRENT }),
    },
    {
      name: "adding what is used already",
      reason: "INVALID_REQUEST",
      step: (llmId: string) => llms.addPendingCredentials({ llmId, credentials: apiKey(OLD) }),
    },
    {
      name: "adding a mask",
      reason: "INVALID_REQUEST",
      step: (llmId: string) => llms.addPendingCredentials({ llmId, credentials: apiKey("*****") }),
    },
    {
      name: "adding nothing",
      reason: "INVALID_REQUEST",
      step: (llmId: string) => llms.addPendingCredentials({ llmId }),
    },
    {
      name: "adding a reference that is not allowed",
      reason: "SECRET_REF_NOT_ALLOWED",
      step: (llmId: string) => llms.addPendingCredentials({ llmId, credentials: secretRef("env://HOME") }),
    },
    {
      name: "an old etag",
      reason: "ETAG_MISMATCH",
      step: (llmId: string) => llms.addPendingCredentials({ llmId, credentials: apiKey(NEW), etag: "r0" }),
    },
  ])("$name", async ({ reason, step }) => {
    const { llmId } = await create();
    const before = await get(llmId);
    expect(await reasonOf(step(llmId))).toBe(reason);
    expect(await get(llmId)).toEqual(before);
  });

  it("to strangers as if it were not there, and to those who may only read", async () => {
    const llmId = await prepare();
    const stranger = server.client((await server.addAccount("OWNER")).apiKey).llms;
    const [{ ownerId = "" } = {}] = [await get(llmId)];
    const viewer = server.client(await server.addKey(ownerId, "VIEWER")).llms;
    const steps = (of: typeof llms) => [
      of.addPendingCredentials({ llmId, credentials: apiKey("sk-x") }),
      of.promoteCredentials({ llmId, force: true }),
      of.revertCredentials({ llmId }),
      of.retireCredentials({ llmId, slot: Slot.PENDING }),
    ];
    expect(await Promise.all(steps(stranger).map(reasonOf))).toEqual(Array(4).fill("LLM_NOT_FOUND"));
    expect(await Promise.all(steps(viewer).map(reasonOf))).toEqual(Array(4).fill("PERMISSION_MISSING"));
    expect((await get(llmId))?.pendingCredentials?.hint).toBe("…NEWK");
  });
});

describe("an endpoint that moves", () => {
  it.each([
    { slot: "PENDING", prepared: () => prepare() },
    {
      slot: "PENDING",
      prepared: async () => {
        const { llmId } = await create({ credentials: undefined as never });
        await llms.addPendingCredentials({ llmId, credentials: apiKey(NEW) });
        return llmId;
      },
    },
    {
      slot: "PREVIOUS",
      prepared: async () => {
        const llmId = await prepare();
        await llms.promoteCredentials({ llmId });
        return llmId;
      },
    },
  ])("is followed by no $slot credentials", async ({ slot, prepared }) => {
    const llmId = await prepared();
    const hasCredentials = (await get(llmId))?.hasCredentials;
    const move = { llmId, apiPath: "/moved", ...(hasCredentials ? { credentials: apiKey("sk-moved") } : {}) };
    expect(await problemIn(llms.updateLlm(move))).toMatchObject({ reason: "ROTATION_UNFINISHED", metadata: { slot } });
    await llms.retireCredentials({ llmId, slot: Slot[slot as "PENDING"] });
    expect((await llms.updateLlm(move)).llm?.apiPath).toBe("/moved");
  });

  it("opens none of them, also when it was moved in the database", async () => {
    const llmId = await prepare();
    await server.store.fork().execute("update llm set api_path = '/steal' where id = ?", [llmId]);
    const before = upstream.requests.length;
    expect(await reasonOf(llms.testLlm({ llmId, slot: Slot.PENDING }))).toBe("CREDENTIALS_UNREADABLE");
    expect(upstream.requests.length).toBe(before);
    expect((await get(llmId))?.status).toBe(Llm_Status.UNTESTED);
  });

  it.each([
    { name: "from another slot's version", harm: "sealed_credentials = sealed_pending_credentials" },
    {
      name: "with an older version",
      harm: "sealed_credentials = sealed_pending_credentials, credentials_version = 7",
    },
  ])("or a row whose secrets were exchanged opens none: $name", async ({ harm }) => {
    const llmId = await prepare();
    await server.store.fork().execute(`update llm set ${harm} where id = ?`, [llmId]);
    expect(await reasonOf(llms.testLlm({ llmId }))).toBe("CREDENTIALS_UNREADABLE");
  });

  it("no version is given out twice", async () => {
    const versions = async (llmId: string) => {
      const [row] = await server.store
        .fork()
        .execute("select credentials_version as current, credentials_issued as issued from llm where id = ?", [llmId]);
      return row;
    };
    const llmId = await prepare();
    await llms.promoteCredentials({ llmId });
    await llms.revertCredentials({ llmId });
    expect(await versions(llmId)).toEqual({ current: 1, issued: 2 });
    await llms.updateLlm({ llmId, credentials: apiKey("sk-third") });
    expect(await versions(llmId)).toEqual({ current: 3, issued: 3 });
  });
});

describe("at the same time", () => {
  it("one of 16 promotions wins, and the others find nothing to promote", async () => {
    const llmId = await prepare();
    const outcomes = await Promise.all(
      Array.from({ length: 16 }, () =>
        llms.promoteCredentials({ llmId }).then(
          () => "promoted",
          (error) => reasonOf(Promise.reject(error)),
        ),
      ),
    );
    expect(outcomes.filter((outcome) => outcome === "promoted")).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === "PENDING_CREDENTIALS_MISSING")).toHaveLength(15);
    expect(await get(llmId)).toMatchObject({ credentialsHint: "…NEWK", previousCredentials: { hint: "…OLDK" } });
  });

  it("promoting, retiring and updating with one etag: exactly one is done", async () => {
    const llmId = await prepare();
    const etag = (await get(llmId))?.etag ?? "";
    const outcomes = await Promise.all(
      [
        llms.promoteCredentials({ llmId, etag }),
        llms.retireCredentials({ llmId, etag, slot: Slot.PENDING }),
        llms.updateLlm({ llmId, etag, credentials: apiKey("sk-updated") }),
        llms.addPendingCredentials({ llmId, etag, credentials: apiKey("sk-added") }),
      ].map((call) =>
        (call as Promise<unknown>).then(
          () => "done",
          (error) => reasonOf(Promise.reject(error)),
        ),
      ),
    );
    expect(outcomes.sort()).toEqual(["ETAG_MISMATCH", "ETAG_MISMATCH", "ETAG_MISMATCH", "done"]);
  });

  it("any order of steps leaves credentials that open, and chats that have a key", async () => {
    const llmId = await prepare();
    const steps = [
      () => llms.promoteCredentials({ llmId, force: true }),
      () => llms.revertCredentials({ llmId }),
      () => llms.retireCredentials({ llmId, slot: Slot.PREVIOUS }),
      () => llms.addPendingCredentials({ llmId, credentials: apiKey(`sk-${randomUUID()}`) }),
      () => llms.updateLlm({ llmId, credentials: apiKey(`sk-${randomUUID()}`) }),
      () => patchbay.chat.chat({ llmId, message: "Hi" }),
    ];
    const outcomes = await Promise.all(
      Array.from({ length: 60 }, (_, n) =>
        (steps[n % steps.length] as () => Promise<unknown>)().then(
          () => "done",
          (error) => reasonOf(Promise.reject(error)),
        ),
      ),
    );
    const expected = ["done", "PENDING_CREDENTIALS_MISSING", "PREVIOUS_CREDENTIALS_MISSING", "ROTATION_UNFINISHED"];
    expect(outcomes.filter((outcome) => !expected.includes(outcome))).toEqual([]);
    expect((await llms.testLlm({ llmId })).test?.outcome).toBe(Outcome.OK);
    const llm = await get(llmId);
    const slots = [
      ...(llm?.pendingCredentials ? [Slot.PENDING] : []),
      ...(llm?.previousCredentials ? [Slot.PREVIOUS] : []),
    ];
    for (const slot of slots) expect((await llms.testLlm({ llmId, slot })).test?.outcome).toBe(Outcome.OK);
  });

  it("a test that ends after its credentials were replaced is not theirs", async () => {
    const { llmId } = await create();
    await llms.addPendingCredentials({ llmId, credentials: apiKey(NEW) });
    upstream.script(async (call) => {
      await llms.addPendingCredentials({ llmId, credentials: apiKey("sk-third") });
      await refuses(200)(call);
    });
    await llms.testLlm({ llmId, slot: Slot.PENDING });
    expect((await get(llmId))?.pendingCredentials?.lastTest).toBeUndefined();
  });

  it("a call that has begun ends with the key it began with", async () => {
    const llmId = await prepare();
    const index = upstream.requests.length;
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    upstream.script(async (call) => {
      await held;
      call.response.writeHead(200, { "content-type": "application/json" });
      call.response.end(
        JSON.stringify({ choices: [{ message: { role: "assistant", content: "late" }, finish_reason: "stop" }] }),
      );
    });
    const chat = patchbay.chat.chat({ llmId, message: "Hi" });
    await upstream.whenRequested(index);
    await llms.promoteCredentials({ llmId });
    release();
    expect((await chat).message?.content).toBe("late");
    expect(upstream.requests[index]?.headers.authorization).toBe(`Bearer ${OLD}`);
  });
});

describe("the keys that seal credentials", () => {
  it("are changed for pending and previous credentials too, and verified for all", async () => {
    const llmId = await prepare();
    await llms.promoteCredentials({ llmId });
    await llms.addPendingCredentials({ llmId, credentials: apiKey("sk-third") });
    const fork = () => server.store.fork();
    const provider = await KeyRingFile.open(keyRingFile);
    if (!provider) throw new Error("no key ring");
    const rotation = new Rotation({ fork, provider, onProgress: () => {} });
    expect(await rotation.supersedeDataKeys()).toBeGreaterThan(0);
    expect((await rotation.resealSecrets()).unreadable).not.toContain(llmId);
    rotation.close();
    const isOurs = ({ id }: { id: string }) => id === llmId;
    expect((await verifyAll(fork(), provider, () => {})).defects.filter(isOurs)).toEqual([]);
    for (const slot of [Slot.CURRENT, Slot.PENDING, Slot.PREVIOUS]) {
      expect((await llms.testLlm({ llmId, slot })).test?.outcome).toBe(Outcome.OK);
    }
    await fork().execute("update llm set sealed_previous_credentials = null where id = ?", [llmId]);
    const lost = { what: "llm.credentials", id: llmId, why: "is lost" };
    expect((await verifyAll(fork(), provider, () => {})).defects.filter(isOurs)).toEqual([lost]);
  });
});

describe("when the audit log cannot be written", () => {
  it("no step is done", async () => {
    const llmId = await prepare();
    const before = await get(llmId);
    const em = server.store.fork();
    await em.execute("alter table audit_event add constraint closed check (false) not valid");
    try {
      expect(await reasonOf(llms.promoteCredentials({ llmId }))).toBe("AUDIT_UNAVAILABLE");
      expect(await reasonOf(llms.retireCredentials({ llmId, slot: Slot.PENDING }))).toBe("AUDIT_UNAVAILABLE");
      expect(await reasonOf(llms.testLlm({ llmId, slot: Slot.PENDING }))).toBe("AUDIT_UNAVAILABLE");
    } finally {
      await em.execute("alter table audit_event drop constraint closed");
    }
    expect(await get(llmId)).toEqual(before);
    expect(await keyOfChat(llmId)).toBe(OLD);
  });
});
