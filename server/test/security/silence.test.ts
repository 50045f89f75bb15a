/** What a server says to callers and to its log: never a key, whatever is sent to it and whatever fails. B1 to B8. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { startServer, type TestServer } from "../server/test-server.ts";
import { apiKey, llmRequest } from "../service/llm-requests.ts";
import { ScriptedUpstream } from "../upstream/scripted-upstream.ts";
import { problemIn } from "../wire/expect-problem.ts";

const CANARY = "sk-canary-Qx7Lm2";

let upstream: ScriptedUpstream;
let server: TestServer;
let accountId: string;
let ownerKey: string;
let patchbay: Patchbay;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  server = await startServer({ EGRESS_ALLOW: upstream.url, LOG_LEVEL: "trace", UNKNOWN_KEYS_PER_MINUTE: "0" });
  ({ accountId, apiKey: ownerKey } = await server.addAccount("OWNER"));
  patchbay = server.client(ownerKey);
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
});

async function send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${ownerKey}`, "content-type": "application/json", ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, text: await response.text(), headers: response.headers };
}

const logText = () => JSON.stringify(server.log, (_, value) => (value instanceof Error ? `${value.stack}` : value));

const described = (credentials: object) => ({
  ...{ displayName: "x", providerType: "VLLM", endpointUrl: `${upstream.url}/v1`, modelIdentifier: randomUUID() },
  credentials,
});

describe("B1 a stored key", () => {
  it.each([1, 5, 8, 19, 20, 64, 8_192])(
    "B1 of %i characters shows at most its last four, and only from 20 on",
    async (length) => {
      // No two pieces of four characters of it are the same.
      const key = Array.from({ length: Math.ceil(length / 4) }, (_, index) =>
        (index + 0x1000).toString(32).padStart(4, "~"),
      )
        .join("")
        .slice(0, length);
      const { llm } = await patchbay.llms.createLlm(llmRequest({ credentials: apiKey(key) }));
      const read = [
        `/v1/llms/${llm?.llmId}`,
        "/v1/llms?pageSize=1000",
        `/llm-providers/${llm?.llmId}`,
        "/v1/llm-providers/config",
      ];
      const text = (await Promise.all(read.map((path) => send("GET", path)))).map(({ text }) => text).join("\n");
      const allowed = length >= 20 ? key.slice(-4) : undefined;
      const pieces = Array.from({ length: Math.max(0, length - 4) }, (_, start) => key.slice(start, start + 5));
      expect(pieces.filter((piece) => text.includes(piece))).toEqual([]);
      expect(llm?.credentialsHint).toBe(allowed === undefined ? "" : `…${allowed}`);
    },
  );

  it("B1 is masked by the same five characters, however long it is", async () => {
    const ids = await Promise.all(
      ["sk", "sk-0123456789abcdefghij"].map(async (key) => {
        const { llm } = await patchbay.llms.createLlm(llmRequest({ credentials: apiKey(key) }));
        return llm?.llmId;
      }),
    );
    const masks = await Promise.all(ids.map(async (id) => (await send("GET", `/v1/llm-providers/config/${id}`)).text));
    expect(masks.map((text) => /"api_?key":\s*"([^"]*)"/i.exec(text)?.[1])).toEqual(["*****", "*****"]);
  });
});

describe("B2 what everybody may read", () => {
  it.each(["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"])("B2 %s holds no key", async (path) => {
    const { llm } = await patchbay.llms.createLlm(
      llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier: randomUUID(), credentials: apiKey(CANARY) }),
    );
    await patchbay.llms.testLlm({ llmId: llm?.llmId ?? "" });
    const { text, status } = await send("GET", path, undefined, { authorization: "" });
    expect(status).toBe(200);
    for (const secret of [CANARY, ownerKey, server.adminKey]) expect(text).not.toContain(secret);
  });
});

describe("B3 a key in a URL", () => {
  it("B3 of an endpoint is refused, and not repeated", async () => {
    for (const url of [
      `https://a.example.com/v1?key=${CANARY}`,
      `https://${CANARY}@a.example.com/v1`,
      `https://a.example.com/#${CANARY}`,
    ]) {
      const answers = await Promise.all([
        send("POST", "/v1/llms", { ...described({}), credentials: undefined, endpointUrl: url }),
        send("POST", "/v1/llms:testConnection", { providerType: "VLLM", modelIdentifier: "m", endpointUrl: url }),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([400, 400]);
      expect(answers.map(({ text }) => text).join()).not.toContain(CANARY);
    }
    expect(logText()).not.toContain(CANARY);
  });

  it("B3 of a call of ours is no key, and not in the log", async () => {
    const { status, text } = await send("GET", `/v1/llms?api_key=${ownerKey}&key=${ownerKey}`, undefined, {
      authorization: "",
    });
    expect([status, text.includes(ownerKey)]).toEqual([401, false]);
    await send("GET", `/nowhere?api_key=${ownerKey}`);
    expect(logText()).not.toContain(ownerKey);
  });
});

describe("B4 credentials that fit into no header", () => {
  const broken = [
    { name: "a line break", secret: `${CANARY}\r\nx-evil: 1` },
    { name: "a NUL", secret: `${CANARY}\0` },
    { name: "a space", secret: `${CANARY} x` },
    { name: "a letter beyond ASCII", secret: `${CANARY}ü` },
    { name: "a byte order mark inside", secret: `${CANARY}\ufeff${CANARY}` },
    { name: "8,193 characters", secret: CANARY.padEnd(8_193, "x") },
    { name: "nothing", secret: "" },
  ].flatMap(({ name, secret }) => [{ name, credentials: { apiKey: { inlineSecret: secret } }, secret }]);
  const elsewhere = [
    { name: "a line break in the prefix", credentials: { apiKey: { inlineSecret: CANARY, prefix: `${CANARY}\r\n` } } },
    {
      name: "a line break in the header's name",
      credentials: { apiKey: { inlineSecret: CANARY, headerName: `X\r\n` } },
    },
    ...["Host", "HOST", "Content-Length", "transfer-encoding", "Connection", "Accept-Encoding"].map((headerName) => ({
      name: `the header ${headerName}`,
      credentials: { apiKey: { inlineSecret: CANARY, headerName } },
    })),
  ];

  it.each([...broken, ...elsewhere])(
    "B4 with $name are refused by every rpc, and never repeated",
    async ({ credentials }) => {
      const { llm } = await patchbay.llms.createLlm(llmRequest());
      const answers = await Promise.all([
        send("POST", "/v1/llms", described(credentials)),
        send("PATCH", `/v1/llms/${llm?.llmId}`, { credentials }),
        send("POST", "/v1/llms:testConnection", { ...described(credentials), displayName: undefined }),
        send("POST", "/patchbay.v1.LlmService/CreateLlm", described(credentials)),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400]);
      expect(answers.map(({ text }) => text).join()).not.toContain(CANARY);
      expect(logText()).not.toContain(CANARY);
    },
  );
});

describe("B5 a key that opens nothing", () => {
  it("B5 is answered by one text, whatever it is, or by its form alone, which holds nothing of it", async () => {
    const revoked = await server.addKey(accountId, "OWNER");
    const expired = await server.addKey(accountId, "OWNER");
    const idOf = (key: string) => key.split("_")[2]?.slice(0, 16);
    const em = server.store.fork();
    await em.execute("update api_key set revoked_at = now() where id = ?", [idOf(revoked)]);
    await em.execute("update api_key set expires_at = now() - interval '1 hour' where id = ?", [idOf(expired)]);
    const unknown = (await import("../../domain/access/api-key-format.ts")).makeApiKey().reveal();
    const mistyped = (key: string) => `${key.slice(0, -1)}${key.endsWith("0") ? "1" : "0"}`;
    const whole = ["nonsense", unknown, revoked, expired, "a".repeat(5_000)];
    // No server has made one of these, and their last letters alone tell that.
    const broken = ["pb_live_nonsense", mistyped(ownerKey), mistyped(revoked), mistyped(unknown)];
    const keys = [...whole, ...broken];
    const answers = await Promise.all(
      keys.map((key) => send("GET", "/v1/llms", undefined, { authorization: `Bearer ${key}` })),
    );
    const texts = answers.map(({ text, headers }) => text.replaceAll(headers.get("x-request-id") ?? "-", "the id"));
    expect(answers.map(({ status }) => status)).toEqual(keys.map(() => 401));
    const told = new Set(texts.slice(0, whole.length)).union(new Set(texts.slice(whole.length)));
    expect([told.size, new Set(texts.slice(0, whole.length)).size]).toEqual([2, 1]);
    for (const text of told) {
      for (const key of keys) expect(text).not.toContain(key);
      expect(text).not.toMatch(/sha|digest|table|select|[0-9a-f]{64}/i);
    }
    for (const key of keys.slice(1)) expect(logText()).not.toContain(key);
  });
});

describe("B7 an endpoint that repeats the key", () => {
  it("B7 gets it into no answer, no stored test and no line of the log, at the level of trace", async () => {
    const { llm } = await patchbay.llms.createLlm(
      llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier: "echo-key", credentials: apiKey(CANARY) }),
    );
    const llmId = llm?.llmId ?? "";
    const said = [
      await problemIn(patchbay.chat.chat({ llmId, message: "m" })),
      await problemIn(Array.fromAsync(patchbay.chat.streamChat({ llmId, message: "m" }))),
      (await patchbay.llms.testLlm({ llmId })).test,
      (await patchbay.llms.getLlm({ llmId })).llm,
      (await send("GET", `/v1/llms/${llmId}`)).text,
    ];
    const text = JSON.stringify(said, (_, value) => (typeof value === "bigint" ? String(value) : value));
    expect([text.includes("KEY_REFUSED"), text.includes(CANARY), logText().includes(CANARY)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});

describe("B7 an endpoint that repeats the key in a reply", () => {
  it("B7 gets it into nothing that the reply says and in no row of usage", async () => {
    const { llm } = await patchbay.llms.createLlm(
      llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier: "boast-key", credentials: apiKey(CANARY) }),
    );
    const llmId = llm?.llmId ?? "";
    const messages = [{ role: "user", content: "m" }];
    const passed = { model: llmId, messages };
    const translated = { ...passed, max_tokens: 9 };
    const answers = [
      await patchbay.chat.chat({ llmId, message: "m" }),
      await Array.fromAsync(patchbay.chat.streamChat({ llmId, message: "m" })),
      await send("POST", "/v1/chat/completions", passed),
      await send("POST", "/v1/chat/completions", { ...passed, stream: true }),
      await send("POST", "/v1/messages", translated),
      await send("POST", "/v1/messages", { ...translated, stream: true }),
    ];
    const texts = answers.map((said) =>
      JSON.stringify(said, (_, value) => (typeof value === "bigint" ? String(value) : value)),
    );
    expect(texts.map((text) => [text.includes("Hello"), text.includes(CANARY)])).toEqual(
      texts.map(() => [true, false]),
    );
    const rows = await server.store.fork().execute("select model from reply_usage where llm_id = ?", [llmId]);
    expect(rows).toEqual(Array(6).fill({ model: "…" }));
  });
});

describe("B8 what was read is written back", () => {
  it.each(["PUT", "PATCH"])("B8 by %s, and the key still works", async (method) => {
    const { llm } = await patchbay.llms.createLlm(
      llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier: randomUUID(), credentials: apiKey(CANARY) }),
    );
    const path = `/v1/llms/${llm?.llmId}`;
    const read = JSON.parse((await send("GET", path)).text);
    for (const credentials of [undefined, { apiKey: { inlineSecret: "*****" } }]) {
      const { etag: _, ...body } = { ...read, credentials };
      expect((await send(method, path, body)).status).toBe(200);
    }
    await patchbay.chat.chat({ llmId: llm?.llmId ?? "", message: "m" });
    expect(upstream.requests.at(-1)?.headers.authorization).toBe(`Bearer ${CANARY}`);
  });

  it("B8 in the JSON of another API, whose mask it holds", async () => {
    const { llm } = await patchbay.llms.createLlm(
      llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier: randomUUID(), credentials: apiKey(CANARY) }),
    );
    const path = `/v1/llm-providers/config/${llm?.llmId}`;
    const read = (await send("GET", path)).text;
    expect(read).toContain("*****");
    expect((await send("PUT", path, { api_key: "*****", integration_name: "written back" })).status).toBe(200);
    await patchbay.chat.chat({ llmId: llm?.llmId ?? "", message: "m" });
    expect(upstream.requests.at(-1)?.headers.authorization).toBe(`Bearer ${CANARY}`);
  });
});
