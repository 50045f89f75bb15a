/** What leaves a server, seen over a whole run of one in a process of its own: by which sockets, to whom, and with what. */
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import { createServer as createTrap } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPatchbay, type Patchbay } from "../../../client/llm.ts";
import { ConnectionTest_Outcome } from "../../../gen/patchbay/v1/connection_test_pb.ts";
import { Llm_ProviderType } from "../../../gen/patchbay/v1/llm_pb.ts";
import { makeApiKey } from "../../domain/access/api-key-format.ts";
import { makeTemporaryFolder } from "../base/temporary-folder.ts";
import { ServerProcess } from "../server/server-process.ts";
import { apiKey, llmRequest } from "../service/llm-requests.ts";
import { createDatabase } from "../store/databases.ts";
import { ScriptedUpstream } from "../upstream/scripted-upstream.ts";
import { makeCertificate } from "../wire/certificate.ts";
import { startCollector } from "../wire/collector.ts";
import { problemIn } from "../wire/expect-problem.ts";
import { listenOnLoopback } from "./listen-on-loopback.ts";
import type { Opening } from "./sockets.ts";

const CANARY = "canary-of-our-own-environment";

/** What SDKs, cloud libraries and Node itself would take from the environment, and we must not. */
const KEYS = [
  ...["OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY", "AZURE_OPENAI_API_KEY"],
  ...["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "OPENROUTER_API_KEY", "DASHSCOPE_API_KEY", "LITELLM_API_KEY"],
  ...["LITELLM_MASTER_KEY", "OLLAMA_API_KEY", "VLLM_API_KEY", "LLAMA_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY"],
  ...["MISTRAL_API_KEY", "XAI_API_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "API_KEY"],
];
const BASES = ["OPENAI_BASE_URL", "OPENAI_API_BASE", "ANTHROPIC_BASE_URL", "OLLAMA_HOST", "LITELLM_PROXY_API_BASE"];
const PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];

const PROVIDERS = Object.values(Llm_ProviderType).filter((type) => type !== Llm_ProviderType.PROVIDER_TYPE_UNSPECIFIED);

let upstream: ScriptedUpstream;
let collector: Awaited<ReturnType<typeof startCollector>>;
let openings: readonly Opening[];
let server: ServerProcess;
let trapped = 0;
let overTls = 0;
let tlsPort: number;
const ownKeys = new Set<string>();
const bootstrapKey = makeApiKey().reveal();
const cleanups: (() => unknown)[] = [];

beforeAll(async () => {
  const folder = makeTemporaryFolder("outbound");
  cleanups.push(() => folder.remove());
  const database = await createDatabase();
  cleanups.push(() => database.drop());
  upstream = await ScriptedUpstream.start();
  cleanups.push(() => upstream.close());
  collector = await startCollector();
  cleanups.push(() => collector.close());
  const trap = await listenOnLoopback(createTrap((socket) => socket.on("error", () => {}) && trapped++));
  cleanups.push(trap.close);
  const tls = makeCertificate();
  const authority = join(folder.path, "authority.pem");
  writeFileSync(authority, tls.cert);
  const secure = await listenOnLoopback(
    createServer(tls, (_, response) => {
      overTls++;
      response.writeHead(401, { "content-type": "application/json" }).end("{}");
    }),
  );
  cleanups.push(secure.close);
  tlsPort = secure.port;
  const record = join(folder.path, "sockets");
  server = new ServerProcess({
    ...Object.fromEntries(KEYS.map((name) => [name, CANARY])),
    ...Object.fromEntries([...BASES, ...PROXIES].map((name) => [name, `http://127.0.0.1:${trap.port}`])),
    NODE_USE_ENV_PROXY: "1",
    NODE_EXTRA_CA_CERTS: authority,
    NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, "socket-recorder.ts"))}`,
    SOCKET_RECORD: record,
    DATABASE_URL: database.url,
    KEYRING_FILE: join(folder.path, "keyring"),
    BOOTSTRAP_API_KEY: bootstrapKey,
    EGRESS_ALLOW: `${upstream.url},https://localhost:${tlsPort},http://127.0.0.1:1`,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: `x-collector-token=${CANARY}`,
  });
  cleanups.push(() => server.end("SIGKILL"));
  const patchbay = createPatchbay({ url: await server.url(), apiKey: bootstrapKey });
  for (const type of PROVIDERS) {
    for (const key of [`sk-own-${type}`, undefined]) await useProvider(patchbay, type, key);
  }
  await useOthers(patchbay);
  await server.end("SIGTERM");
  openings = readFileSync(record, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}, 120_000);
afterAll(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup();
});

/** Registers an Llm and does with it all that reaches an endpoint. */
async function useProvider({ llms, chat, pings }: Patchbay, providerType: Llm_ProviderType, key: string | undefined) {
  if (key !== undefined) ownKeys.add(key);
  const request = llmRequest({
    providerType,
    endpointUrl: `${upstream.url}/v1`,
    ...(key === undefined ? {} : { credentials: apiKey(key) }),
  });
  const { llm } = await llms.createLlm(request);
  const llmId = llm?.llmId ?? "";
  expect((await llms.testLlm({ llmId })).test?.outcome).toBe(ConnectionTest_Outcome.OK);
  expect((await llms.testConnection({ llmId })).test?.outcome).toBe(ConnectionTest_Outcome.OK);
  await chat.chat({ llmId, message: "hello" });
  await Array.fromAsync(chat.streamChat({ llmId, message: "hello" }));
  await pings.pingOnce({ llmId });
  await llms.updateLlm({ llmId, description: "changed" });
  await llms.deleteLlm({ llmId });
}

/** Over TLS, to a closed port, and to what the policy closes. */
async function useOthers({ llms, chat }: Patchbay) {
  const { KEY_REFUSED, UNREACHABLE, BLOCKED } = ConnectionTest_Outcome;
  const outcomes: unknown[] = [];
  const endpoints = [`https://localhost:${tlsPort}/v1`, "http://127.0.0.1:1/v1", "https://127.0.0.1/v1"];
  for (const endpointUrl of endpoints) {
    const { test } = await llms.testConnection({
      ...{ providerType: Llm_ProviderType.OPENAI, modelIdentifier: "m", endpointUrl },
      credentials: apiKey("sk-own-elsewhere"),
    });
    outcomes.push(test?.outcome);
  }
  expect(outcomes).toEqual([KEY_REFUSED, UNREACHABLE, BLOCKED]);

  const closed = await llms.createLlm(llmRequest({ endpointUrl: "http://127.0.0.1:1/v1" }));
  expect((await problemIn(chat.chat({ llmId: closed.llm?.llmId ?? "", message: "m" }))).reason).toBe(
    "UPSTREAM_UNREACHABLE",
  );
}

describe("a server that is used from its start to its end", () => {
  it("A8 opens no socket but by the egress layer and by pg, and starts no process", () => {
    expect(openings.map(({ opener }) => opener).filter((opener) => opener !== "egress" && opener !== "pg")).toEqual([]);
    expect(new Set(openings.map(({ opener }) => opener))).toEqual(new Set(["egress", "pg"]));
  });

  it("A2 reaches nobody but the endpoints that were registered, and the operator's collector", () => {
    const reached = openings.filter(({ opener, to }) => opener === "egress" && to !== "").map(({ to }) => to);
    const ports = [upstream.url, collector.url].map((url) => Number(new URL(url).port));
    expect(new Set(reached.map((to) => Number(to.split(":").at(-1))))).toEqual(new Set([...ports, tlsPort]));
    expect(overTls).toBe(1);
  });

  it("knows no proxy, whatever the environment says", () => expect(trapped).toBe(0));

  it("A3 tells endpoints no key of its own: nothing of the environment is on the wire", () => {
    const calls = upstream.requests.map(({ path, headers, text }) => JSON.stringify([path, headers, text]));
    expect(calls.length).toBeGreaterThanOrEqual(PROVIDERS.length * 2 * 5);
    expect(calls.filter((call) => call.includes(CANARY) || call.includes(bootstrapKey))).toEqual([]);
  });

  it("A3 tells endpoints the key of the Llm, and none where it has none", () => {
    const keys = upstream.requests.map(
      ({ headers }) => headers["x-api-key"] ?? headers.authorization?.replace("Bearer ", ""),
    );
    expect(new Set(keys)).toEqual(new Set([...ownKeys, undefined]));
    const half = keys.filter((key) => key === undefined).length;
    expect(half).toBe(keys.length / 2);
  });
});
