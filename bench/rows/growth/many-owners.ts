import { hash } from "node:crypto";
import { Client } from "pg";
import { makeApiKey } from "../../../server/domain/access/api-key-format.ts";
import { HttpClient } from "../../load/http1.ts";
import { type Call, closedLoop } from "../../load/loops.ts";
import { residentMb } from "../../measure/cpu.ts";
import { printResults } from "../../measure/print.ts";
import { measure } from "../../measure/rounds.ts";
import { figureOf } from "../../measure/stats.ts";
import type { PatchbayServer } from "../../stage/patchbay.ts";
import { chatRest } from "../requests.ts";
import type { Row } from "../row.ts";

const OWNERS = 10_000;
const IN_FLIGHT = 64;
const [ONE, MANY] = ["chats of one owner", "chats of all owners in turn"];

/** Chats of ten thousand owners in turn, none of whom shares a connection with another. */
export const manyOwners: Row = {
  name: "owners",
  what: "chats of 10,000 owners in turn",
  isGrowth: true,
  async run(stage, plan) {
    const databaseUrl = await stage.createDatabase("owners");
    const patchbay = await (await stage.startPatchbay({ database: databaseUrl })).furnish();
    const database = new Client({ connectionString: databaseUrl });
    await database.connect();
    const http = new HttpClient(patchbay.url, IN_FLIGHT);
    try {
      const chats = await seedOwners(database, patchbay, Math.round(OWNERS * plan.scale));
      let next = 0;
      const calls: Record<string, Call> = {
        [ONE]: () => http.call(chatRest(ONE, "brief", false, patchbay)),
        [MANY]: () => http.call(chatRest(MANY, "brief", false, chats[next++ % chats.length] as Chat)),
      };
      const results = await measure(
        Object.entries(calls).map(([name, call]) => ({
          name,
          pid: patchbay.pid,
          load: (ms: number) => closedLoop(call, IN_FLIGHT, ms),
        })),
        plan,
      );
      printResults(`chats of ${chats.length} owners in turn, ${IN_FLIGHT} in flight`, results);
      const figure = results.ratio(MANY, ONE, "cpuUs");
      const memory = figureOf([residentMb(patchbay.pid)]);
      return [
        { what: MANY, against: `${ONE}, CPU`, target: 1.5, figure, unit: "" },
        { what: `${MANY}, memory`, against: "resident", target: 300, figure: memory, unit: " MB" },
      ];
    } finally {
      await http.close();
      await database.end();
    }
  },
};

type Chat = Pick<PatchbayServer, "authorization" | "llmIds">;

/** Accounts, each with an API key and a copy of one Llm without credentials, which would open for its owner only. */
async function seedOwners(database: Client, { client, llmIds }: PatchbayServer, count: number): Promise<Chat[]> {
  const { llm } = await client.llms.getLlm({ llmId: llmIds.brief });
  const created = await client.llms.createLlm({
    displayName: "without credentials",
    providerType: llm?.providerType ?? 0,
    endpointUrl: llm?.endpointUrl ?? "",
    // Another connection than the one with credentials.
    apiPath: "/chat/completions/",
    modelIdentifier: llm?.modelIdentifier ?? "",
  });
  const keys = Array.from({ length: count }, () => makeApiKey().reveal());
  const digests = keys.map((key) => hash("sha256", key, "buffer"));
  await database.query(
    `with owner as (
       insert into account (id, display_name, created_at)
       select gen_random_uuid(), 'owner ' || n, now() from generate_series(1, $3::int) n returning id
     ), numbered as (select id, row_number() over () as n from owner)
     insert into api_key (id, account_id, display_name, role, scopes, digest, created_at)
     select ($1::text[])[n], id, 'bench', 'OWNER', '{}', ($2::bytea[])[n], now() from numbered`,
    [keys.map((key) => key.split("_")[2]?.slice(0, 16)), digests, count],
  );
  const { fields } = await database.query("select * from llm limit 0");
  const names = fields.map(({ name }) => name).filter((name) => name !== "search"); // A generated column.
  const copied: Record<string, string> = { id: "gen_random_uuid()", owner_id: "key.account_id" };
  const { rows } = await database.query<{ id: string; key: string }>(
    `with key as (select id, account_id from api_key where display_name = 'bench'), copy as (
       insert into llm (${names.join(", ")})
       select ${names.map((name) => copied[name] ?? `t.${name}`).join(", ")} from key, llm t where t.id = $1
       returning id, owner_id
     ) select copy.id, key.id as key from copy join key on key.account_id = copy.owner_id`,
    [created.llm?.llmId],
  );
  await database.query("truncate llm_model_check");
  await database.query("vacuum analyze");
  const byId = new Map(keys.map((key) => [key.split("_")[2]?.slice(0, 16), key]));
  return rows.map(({ id, key }) => ({
    authorization: `Bearer ${byId.get(key)}`,
    llmIds: { ...llmIds, brief: id },
  }));
}
