/** What a request may hold: depth, names of JavaScript's own, sort orders, wildcards, no body, too much of one. D3 to D8. */
import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { ListValueSchema, type Value, ValueSchema } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { startServer, type TestServer } from "../server/test-server.ts";
import { llmRequest } from "../service/llm-requests.ts";
import { problemIn } from "../wire/expect-problem.ts";
import { operations } from "./operations.ts";

let server: TestServer;
let ownerKey: string;
let patchbay: Patchbay;
beforeAll(async () => {
  server = await startServer({ TESTS_PER_MINUTE: "0" });
  ownerKey = (await server.addAccount("OWNER")).apiKey;
  patchbay = server.client(ownerKey);
});
afterAll(() => server.stop());

async function call(method: string, path: string, body?: string | Uint8Array, type = "application/json") {
  return fetch(`${server.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${ownerKey}`, ...(type === "" ? {} : { "content-type": type }) },
    ...(body === undefined ? {} : { body: body as BodyInit }),
  });
}

async function send(...[method, path, body, type]: Parameters<typeof call>) {
  const response = await call(method, path, body, type);
  return { status: response.status, text: await response.text() };
}

/** The status only: some answers never end. */
async function statusOf(...[method, path, body, type]: Parameters<typeof call>): Promise<number> {
  const response = await call(method, path, body, type);
  await response.body?.cancel();
  return response.status;
}

/** An Llm's JSON with something of a caller's, as text, since JSON.stringify knows no `__proto__`. */
const described = (more: string) =>
  `{"displayName":"x","providerType":"VLLM","endpointUrl":"https://${randomUUID()}.example.com","modelIdentifier":"m",${more}}`;

describe("D3 what is nested without end", () => {
  const deep = (depth: number) => `"clientConfig":{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;

  it.each(["/v1/llms", "/patchbay.v1.LlmService/CreateLlm"])("D3 is refused as JSON, and no bug: %s", async (path) => {
    const answers = await Promise.all([101, 1_000, 100_000].map((depth) => send("POST", path, described(deep(depth)))));
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400]);
    expect((await send("POST", path, described(deep(20)))).status).toBe(200);
  });

  it("D3 is refused in binary, and no bug", async () => {
    let value: Value = create(ValueSchema, { kind: { case: "boolValue", value: true } });
    for (let depth = 0; depth < 60; depth++) {
      value = create(ValueSchema, { kind: { case: "listValue", value: create(ListValueSchema, { values: [value] }) } });
    }
    // Field 16 of CreateLlmRequest, a Struct with one field "a".
    const wrap = (field: number, bytes: Uint8Array) =>
      Buffer.concat([varint((field << 3) | 2), varint(bytes.length), bytes]);
    const entry = Buffer.concat([wrap(1, Buffer.from("a")), wrap(2, toBinary(ValueSchema, value))]);
    const body = wrap(16, wrap(1, entry));
    const { status, text } = await send("POST", "/patchbay.v1.LlmService/CreateLlm", body, "application/proto");
    expect([status, JSON.parse(text).code]).toEqual([400, "invalid_argument"]);
    expect(text).not.toContain("internal error");
  });
});

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 128) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 127) | 128);
  }
}

describe("D4 names that are JavaScript's own", () => {
  const names = ["__proto__", "constructor", "prototype"];
  const places = names.flatMap((name) => [
    { name, place: "labels", json: `"labels":{"${name}":"x"}` },
    { name, place: "clientConfig", json: `"clientConfig":{"${name}":{"polluted":true}}` },
    {
      name,
      place: "clientConfig, escaped",
      json: `"clientConfig":{"\\u005f${name.slice(1)}":{"polluted":true}}`.replace(
        "\\u005f",
        name.startsWith("_") ? "\\u005f" : name.charAt(0),
      ),
    },
    { name, place: "clientConfig, deep inside", json: `"clientConfig":{"a":[{"b":{"${name}":{"polluted":true}}}]}` },
  ]);

  it.each(places)("D4 are refused: $name in $place", async ({ json }) => {
    const { llm } = await patchbay.llms.createLlm(llmRequest());
    const answers = await Promise.all([
      send("POST", "/v1/llms", described(json)),
      send("POST", "/patchbay.v1.LlmService/CreateLlm", described(json)),
      send("PATCH", `/v1/llms/${llm?.llmId}`, `{${json}}`),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400]);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it.each(names)("D4 are refused in the configuration of another API: %s", async (name) => {
    const body = `{"name":"x","provider":"openai","configuration":{"a":{"${name}":{"polluted":true}}}}`;
    expect((await send("POST", "/llm-providers", body)).status).toBe(400);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it("D4 are no names when they only begin so", async () => {
    const clientConfig = { __proto: 1, constructors: [{ "prototype-1": "x" }] };
    const { llm } = await patchbay.llms.createLlm(llmRequest({ clientConfig, labels: { proto: "x" } }));
    expect((await patchbay.llms.getLlm({ llmId: llm?.llmId ?? "" })).llm?.clientConfig).toEqual(clientConfig);
  });
});

describe("D5 an order that is none of ours", () => {
  const orders = ["asc; select pg_sleep(5)", "DESC NULLS LAST", "1", "created_at desc, (select pg_sleep(5))", "'"];

  it.each(orders)("D5 is refused at once: %s", async (order) => {
    const startedAt = performance.now();
    const text = encodeURIComponent(order);
    const answers = await Promise.all([
      send("GET", `/v1/llms?direction=${text}x`),
      send("GET", `/v1/llms?orderBy=${text}x`),
      send("POST", "/patchbay.v1.LlmService/ListLlms", JSON.stringify({ direction: order })),
      send("POST", "/patchbay.v1.LlmService/ListLlms", JSON.stringify({ orderBy: { __raw: true, sql: order } })),
    ]);
    expect(answers.map(({ status }) => status)).toEqual(
      [400, 400, 400, 400].map((status, index) => (order === "1" && index === 2 ? answers[2]?.status : status)),
    );
    expect(performance.now() - startedAt).toBeLessThan(4_000);
  });

  it.each(["label.a;select", "labels[__raw]", "labels[a' or '1'='1]"])(
    "D5 a filter is text, whatever it says: %s",
    async (name) => {
      const { status, text } = await send("GET", `/v1/llms?${encodeURIComponent(name)}=true`);
      expect([200, 400]).toContain(status);
      expect(status === 200 ? JSON.parse(text).llms : []).toEqual([]);
    },
  );
});

describe("D6 a search for what the database takes for a wildcard", () => {
  it.each(["%", "_", "\\", "%%", "a%c", "a_c", "\\%", "'", "';--"])(
    "D6 finds it as it is written, and nothing else: %s",
    async (search) => {
      const marker = randomUUID();
      const said = { description: marker };
      const { llm } = await patchbay.llms.createLlm(llmRequest({ ...said, displayName: `${marker} abc ${search} x` }));
      await patchbay.llms.createLlm(llmRequest({ ...said, displayName: `${marker} abc axc x` }));
      const found = await patchbay.llms.listLlms({ search: `abc ${search} x`, pageSize: 1_000 });
      expect(found.llms.filter(({ description }) => description === marker).map(({ llmId }) => llmId)).toEqual([
        llm?.llmId,
      ]);
    },
  );

  it("D6 is not longer than 100 characters", async () => {
    expect(await problemIn(patchbay.llms.listLlms({ search: "%".repeat(101) }))).toMatchObject({
      code: "InvalidArgument",
    });
  });
});

describe("D7 a request with no body or a wrong one", () => {
  const bodies = [
    undefined,
    "",
    "null",
    "true",
    "0",
    '"x"',
    "[]",
    "{}",
    "{",
    "\0",
    '{"":{}}',
    '{"llmId":{}}',
    '{"message":[]}',
  ];
  const types = ["application/json", "", "text/plain"];

  it.each(operations(randomUUID()))("D7 is answered, and the server lives: $method $path", async ({ method, path }) => {
    const canHave = method !== "GET" && method !== "HEAD";
    const sent = bodies.filter((body) => canHave || body === undefined);
    const statuses = await Promise.all(sent.flatMap((body) => types.map((type) => statusOf(method, path, body, type))));
    expect(statuses.filter((status) => status >= 500)).toEqual([]);
    expect((await send("GET", "/readyz")).status).toBe(200);
    expect(server.log.filter(({ level }) => level === "error")).toEqual([]);
  });
});

describe("D8 a large body of nobody", () => {
  it.each(["/v1/llms", "/v1/llms:chat", "/patchbay.v1.ChatService/Chat", "/llm-providers"])(
    "D8 is refused before it is sent: %s",
    async (path) => {
      const { hostname, port } = new URL(server.url);
      const socket = connect(Number(port), hostname);
      const head = `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 15000000\r\n\r\n{`;
      socket.write(head);
      const answer = await new Promise<string>((resolve, reject) => {
        socket.once("data", (data) => resolve(data.toString("latin1")));
        socket.once("error", reject);
      });
      socket.destroy();
      expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    },
  );
});
