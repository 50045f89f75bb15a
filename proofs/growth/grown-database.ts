import { join } from "node:path";
import { createPatchbay, type Patchbay } from "../../client/llm.ts";
import { makeApiKey } from "../../server/domain/access/api-key-format.ts";
import { makePartitions } from "../../server/store/partitions/partitions.ts";
import { Store } from "../../server/store/store.ts";
import { ServerProcess } from "../../server/test/server/server-process.ts";
import { llmRequest } from "../../server/test/service/llm-requests.ts";
import type { ScriptedUpstream } from "../../server/test/upstream/scripted-upstream.ts";
import type { OwnPostgres } from "../torture/own-postgres.ts";
import { type Stretch, seedReplies, seedSums } from "./seed.ts";

const MONTHS = 12;

interface Growth {
  readonly folder: string;
  readonly upstream: ScriptedUpstream;
  /** In the last twelve months and this one, in equal parts. */
  readonly rows: number;
  /** Of them, in the month before those. */
  readonly monthRows: number;
}

/** A database with so much usage, and a server on it. */
export class GrownDatabase {
  readonly url: string;
  readonly server: ServerProcess;
  readonly patchbay: Patchbay;
  readonly llmId: string;

  private constructor(url: string, server: ServerProcess, patchbay: Patchbay, llmId: string) {
    this.url = url;
    this.server = server;
    this.patchbay = patchbay;
    this.llmId = llmId;
  }

  static async create(postgres: OwnPostgres, name: string, growth: Growth): Promise<GrownDatabase> {
    await postgres.administer(`create database ${name}`);
    const url = `postgres://postgres:${postgres.password}@127.0.0.1:${postgres.port}/${name}`;
    await fill(postgres, name, url, growth);
    const apiKey = makeApiKey().reveal();
    const server = new ServerProcess({
      DATABASE_URL: url,
      KEYRING_FILE: join(growth.folder, `keyring-${name}`),
      BOOTSTRAP_API_KEY: apiKey,
      EGRESS_ALLOW: growth.upstream.url,
      USAGE_RETENTION_DAYS: "0",
      SHUTDOWN_GRACE_SECONDS: "0",
    });
    const patchbay = createPatchbay({ url: await server.url(), apiKey });
    const asked = llmRequest({ endpointUrl: `${growth.upstream.url}/v1`, modelIdentifier: "grown" });
    const { llm } = await patchbay.llms.createLlm(asked);
    return new GrownDatabase(url, server, patchbay, llm?.llmId ?? "");
  }

  async close(): Promise<void> {
    await this.server.end("SIGKILL");
  }
}

/** The first of a month, in UTC, so many before this one. */
export function monthsAgo(count: number): Date {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - count, 1));
}

async function fill(postgres: OwnPostgres, name: string, url: string, { rows, monthRows }: Growth): Promise<void> {
  const store = await Store.open({ url }, console.error);
  for (let month = MONTHS + 1; month > 0; month--) await makePartitions(store.fork(), monthsAgo(month));
  await store.close();
  const stretches: Stretch[] = [];
  if (monthRows > 0) stretches.push({ from: monthsAgo(MONTHS + 1), to: monthsAgo(MONTHS), rows: monthRows });
  const rest = rows - monthRows;
  if (rest > 0) stretches.push({ from: monthsAgo(MONTHS), to: new Date(), rows: rest });
  const database = await postgres.connect(name);
  try {
    for (const stretch of stretches) await seedReplies(database, stretch);
    if (rows > 0) await seedSums(database, monthsAgo(MONTHS), new Date());
    await database.query("vacuum analyze reply_usage");
    await database.query("vacuum analyze daily_usage");
    await database.query("checkpoint");
  } finally {
    await database.end();
  }
}
