import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createPatchbay, type Patchbay } from "../../client/llm.ts";
import { ApiKey_Role } from "../../gen/patchbay/v1/api_key_pb.ts";
import { makeApiKey } from "../../server/domain/access/api-key-format.ts";
import { makeTemporaryFolder } from "../../server/test/base/temporary-folder.ts";
import { ServerProcess } from "../../server/test/server/server-process.ts";
import { llmRequest } from "../../server/test/service/llm-requests.ts";
import { says } from "../../server/test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../../server/test/upstream/scripted-upstream.ts";
import { OwnPostgres } from "./own-postgres.ts";

const TIMEOUT_MS = 360_000;
/** Long enough to look at everything before it is over, on a busy machine too. */
const LAG_MS = 45_000;

let folder: ReturnType<typeof makeTemporaryFolder>;
let upstream: ScriptedUpstream;
let primary: OwnPostgres;
let standby: OwnPostgres;
let server: ServerProcess;
let url: string;
let patchbay: Patchbay;
beforeAll(async () => {
  folder = makeTemporaryFolder("replica");
  upstream = await ScriptedUpstream.start({ otherwise: says("yes") });
  primary = await OwnPostgres.create(join(folder.path, "one"));
  standby = await OwnPostgres.standbyOf(primary, join(folder.path, "two"));
  const apiKey = makeApiKey().reveal();
  const urlOf = ({ port, password }: OwnPostgres) => `postgres://postgres:${password}@127.0.0.1:${port}/patchbay`;
  server = new ServerProcess({
    DATABASE_URL: urlOf(primary),
    DATABASE_URL_REPLICA: urlOf(standby),
    DATABASE_REPLICA_LAG_MS: String(LAG_MS),
    KEYRING_FILE: join(folder.path, "keyring"),
    BOOTSTRAP_API_KEY: apiKey,
    EGRESS_ALLOW: upstream.url,
    SHUTDOWN_GRACE_SECONDS: "0",
  });
  url = await server.url();
  patchbay = createPatchbay({ url, apiKey, timeoutMs: 60_000 });
}, TIMEOUT_MS);
afterAll(async () => {
  await server?.end("SIGKILL");
  await standby?.stop();
  await primary?.stop();
  await upstream?.close();
  folder?.remove();
});

/** How many things each list has. */
async function counts(): Promise<Record<string, number>> {
  const { llms, routes, providers, access, chat, audit, usage } = patchbay;
  const { rows } = await usage.queryUsage({});
  return {
    llms: (await llms.listLlms({})).llms.length,
    routes: (await routes.listRoutes({})).routes.length,
    providers: (await providers.listProviders({})).providers.length,
    accounts: (await access.listAccounts({})).accounts.length,
    apiKeys: (await access.listApiKeys({})).apiKeys.length,
    sessions: (await chat.listSessions({})).sessions.length,
    auditEvents: (await audit.listAuditEvents({ pageSize: 1_000 })).auditEvents.length,
    replies: Number(rows[0]?.replies ?? 0),
  };
}

/** Makes one of each; the audit log has an event for all but the reply. */
async function addOneOfEach(name: string): Promise<string> {
  const made = await patchbay.llms.createLlm(llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier: name }));
  const llmId = made.llm?.llmId ?? "";
  await patchbay.routes.createRoute({ name: `route-${name}`, tiers: [{ targets: [{ llmId }] }] });
  await patchbay.providers.upsertProvider({ name: `provider-${name}`, endpointUrl: `${upstream.url}/v1` });
  await patchbay.access.createAccount({ displayName: name });
  await patchbay.access.createApiKey({ displayName: name, role: ApiKey_Role.VIEWER });
  await patchbay.chat.chat({ llmId, newSession: true, message: "Are you there?" });
  return llmId;
}

async function isUsed(): Promise<boolean> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return /^patchbay_replica_used 1$/m.test(text);
}

const said = (words: string) => server.stdout.split(words).length + server.stderr.split(words).length - 2;

const grown = (before: Record<string, number>, after: Record<string, number>) =>
  Object.keys(after).filter((list) => (after[list] ?? 0) > (before[list] ?? 0));

it("lists are read from a replica that is not too far behind, and else from the primary", {
  timeout: TIMEOUT_MS,
}, async () => {
  await addOneOfEach("one");
  await expect.poll(isUsed, { timeout: 60_000 }).toBe(true);
  await expect.poll(async () => (await counts()).replies, { timeout: 60_000 }).toBe(1);
  const before = await counts();
  const lists = Object.keys(before);

  await standby.administer("select pg_wal_replay_pause()");
  const llmId = await addOneOfEach("two");
  expect(grown(before, await counts()), "a replica that stands still is read from for a while").toEqual([]);
  expect((await patchbay.llms.getLlm({ llmId })).llm?.modelIdentifier, "what was written is read back").toBe("two");
  await expect.poll(isUsed, { timeout: 2 * LAG_MS, interval: 200 }).toBe(false);
  expect(grown(before, await counts()), "all that was written is there once it is too far behind").toEqual(lists);
  await expect.poll(() => said("is not used, and all is read from the primary: it is"), { timeout: 30_000 }).toBe(1);

  await standby.administer("select pg_wal_replay_resume()");
  await expect.poll(isUsed, { timeout: 60_000 }).toBe(true);
  expect(grown(before, await counts())).toEqual(lists);
  await expect.poll(() => said("is read from again"), { timeout: 30_000 }).toBe(1);

  standby.signalAll("SIGSTOP");
  const stopped = counts();
  await expect.poll(isUsed, { timeout: 60_000 }).toBe(false);
  expect(grown(before, await stopped), "whoever waited for it is answered by the primary").toEqual(lists);
  await addOneOfEach("three");
  expect((await counts()).llms, "and at once, while it is away").toBe((before.llms ?? 0) + 2);
  await expect.poll(() => said("all is read from the primary: it does not answer"), { timeout: 30_000 }).toBe(1);
  standby.signalAll("SIGCONT");
  await expect.poll(isUsed, { timeout: 90_000 }).toBe(true);
});
