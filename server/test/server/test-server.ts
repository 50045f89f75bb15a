import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { createPatchbay, type Patchbay, type PatchbayOptions } from "../../../client/llm.ts";
import type { Logger } from "../../base/log.ts";
import { build, type Server } from "../../compose/server.ts";
import { readConfig } from "../../config/config.ts";
import { makeApiKey } from "../../domain/access/api-key-format.ts";
import { addApiKey } from "../../domain/access/api-keys.ts";
import type { Role } from "../../domain/call/permissions.ts";
import { Account } from "../../store/schema/account.entity.ts";
import { makeTemporaryFolder } from "../base/temporary-folder.ts";
import { createDatabase, type TestDatabase } from "../store/databases.ts";

/** A line of the log. */
export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** A whole server on a port and a database of its own. */
export interface TestServer extends Server {
  readonly database: TestDatabase;
  readonly log: readonly LogLine[];
  readonly adminKey: string;
  /** Where its data and its keys are: with these, another server shares them. */
  readonly settings: Record<string, string>;
  /** Another server that shares them, with more settings where they are given, to be stopped before this one. */
  startAnother(settings?: Record<string, string>): Promise<Server>;
  /** A new account with a key of a role. */
  addAccount(role: Role): Promise<{ accountId: string; apiKey: string }>;
  /** Another key of an account. */
  addKey(accountId: string, role: Role): Promise<string>;
  client(apiKey: string, options?: Partial<PatchbayOptions>): Patchbay;
}

/** Starts a server with the settings of a test; `EGRESS_ALLOW` is most often a scripted upstream's URL. */
export async function startServer(settings: Record<string, string> = {}): Promise<TestServer> {
  const database = await createDatabase();
  const folder = makeTemporaryFolder("server");
  const adminKey = makeApiKey().reveal();
  const log: LogLine[] = [];
  const shared = { DATABASE_URL: database.url, KEYRING_FILE: join(folder.path, "keyring") };
  // A scripted upstream hears nothing but what its test does, and on a busy machine calls wait for a connection.
  const quiet = { MODEL_CHECK_HOURS: "0", DATABASE_CONNECT_TIMEOUT_MS: "20000" };
  const start = (said: Record<string, string> = {}) => {
    const config = readConfig({ PORT: "0", BOOTSTRAP_API_KEY: adminKey, ...quiet, ...shared, ...settings, ...said });
    return build(config, memoryLog(log));
  };
  const server = await start();
  const { store, url } = server;
  const addKey = async (accountId: string, role: Role) => {
    const em = store.fork();
    const { key } = addApiKey(em, { accountId, role, displayName: role });
    await em.flush();
    return key.reveal();
  };
  return {
    ...server,
    database,
    log,
    adminKey,
    settings: shared,
    startAnother: start,
    addKey,
    async addAccount(role) {
      const em = store.fork();
      const accountId = randomUUID();
      em.create(Account, { id: accountId, displayName: role, defaultLlm: null });
      await em.flush();
      return { accountId, apiKey: await addKey(accountId, role) };
    },
    client: (apiKey, options) => createPatchbay({ url, apiKey, ...options }),
    async stop() {
      await server.stop();
      await database.drop();
      folder.remove();
    },
  };
}

function memoryLog(lines: LogLine[]): Logger {
  const at = (level: string) => (facts: object, message: string) => {
    lines.push({ level, message, facts: { ...facts } });
  };
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
