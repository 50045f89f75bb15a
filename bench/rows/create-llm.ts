import { randomBytes, randomUUID } from "node:crypto";
import { Client } from "pg";
import { HttpClient } from "../load/http1.ts";
import { closedLoop } from "../load/loops.ts";
import { printResults } from "../measure/print.ts";
import { measure } from "../measure/rounds.ts";
import type { PatchbayServer } from "../stage/patchbay.ts";
import type { Row } from "./row.ts";

const CREATE = "CreateLlm over REST";
const INSERT = "INSERT by pg, prepared";

/** An Llm with credentials, created and on disk, beside the bare INSERT of such a row into the same table. */
export const createLlm: Row = {
  name: "create-llm",
  what: "CreateLlm, durable, p50",
  async run(stage, plan) {
    const patchbay = await stage.patchbay();
    const http = new HttpClient(patchbay.url, 1);
    const database = new Client({ connectionString: await stage.database() });
    await database.connect();
    const insert = await rawInsert(database, patchbay.llmIds.brief);
    const request = createLlmRequest(patchbay);
    try {
      const results = await measure(
        [
          { name: CREATE, pid: patchbay.pid, load: (ms) => closedLoop(() => http.call(request), 1, ms) },
          { name: INSERT, pid: undefined, load: (ms) => closedLoop(insert, 1, ms) },
        ],
        plan,
      );
      printResults("CreateLlm, one after the other", results);
      const figure = results.ratio(CREATE, INSERT, "p50Ms");
      return [{ what: "CreateLlm, durable", against: `${INSERT}, p50`, target: 3, figure, unit: "" }];
    } finally {
      await http.close();
      await database.end();
    }
  },
};

/** A CreateLlm over REST, of another Llm each time. */
export function createLlmRequest({ authorization }: PatchbayServer) {
  let count = 0;
  const body = () => {
    count++;
    return JSON.stringify({
      displayName: `Llm ${count}`,
      providerType: "CUSTOM_OPENAI_COMPATIBLE",
      modelIdentifier: "some-model",
      endpointUrl: `https://llm-${count}.example.com/v1`,
      credentials: { apiKey: { inlineSecret: `sk-bench-${randomUUID()}` } },
      labels: { team: "bench", stage: "test" },
    });
  };
  return {
    name: CREATE,
    method: "POST" as const,
    path: "/v1/llms",
    body,
    headers: { authorization, "content-type": "application/json" },
    expects: { contains: [`"etag":"r1"`] },
  };
}

/** Inserts copies of a row that our server made, each with an id and a connection of its own. */
async function rawInsert(database: Client, llmId: string) {
  const { rows, fields } = await database.query("select * from llm where id = $1", [llmId]);
  const names = fields.map(({ name }) => name).filter((name) => name !== "search"); // A generated column.
  const holes = names.map((_, index) => `$${index + 1}`);
  const text = `insert into llm (${names.join(", ")}) values (${holes.join(", ")})`;
  let count = 0;
  return async () => {
    count++;
    const row = {
      ...rows[0],
      id: randomUUID(),
      connection_digest: randomBytes(32),
      display_name: `Llm ${count}`,
      endpoint_url: `https://llm-${count}.example.com/v1`,
    };
    const startedAt = performance.now();
    await database.query({ name: "insert", text, values: names.map((name) => row[name]) });
    const ms = performance.now() - startedAt;
    return { ms, firstMs: ms };
  };
}
