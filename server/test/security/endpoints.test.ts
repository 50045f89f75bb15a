/** Where an owner may point this server, asked for by rpcs as an owner does: A4 to A7, A10 to A12. */
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { ConnectionTest_Outcome } from "../../../gen/patchbay/v1/connection_test_pb.ts";
import { Llm_ProviderType } from "../../../gen/patchbay/v1/llm_pb.ts";
import { startServer, type TestServer } from "../server/test-server.ts";
import { apiKey, llmRequest } from "../service/llm-requests.ts";
import { sends } from "../upstream/behaviours.ts";
import { ScriptedUpstream } from "../upstream/scripted-upstream.ts";
import { problemIn } from "../wire/expect-problem.ts";
import { listenOnLoopback } from "./listen-on-loopback.ts";
import { type Opening, watchSockets } from "./sockets.ts";

const { BLOCKED, BAD_REPLY, UNREACHABLE, OK } = ConnectionTest_Outcome;

/** As it is after a fresh install: nobody opened anything. */
let fresh: TestServer;
let patchbay: Patchbay;
/** Whoever is reached by mistake. */
let victim: Awaited<ReturnType<typeof listenOnLoopback>>;
let visits = 0;
const opened: Opening[] = [];
const stopWatching = watchSockets((opening) => opening.opener === "egress" && opened.push(opening));
beforeAll(async () => {
  victim = await listenOnLoopback(createServer(() => visits++));
  fresh = await startServer({ TESTS_PER_MINUTE: "0" });
  patchbay = fresh.client((await fresh.addAccount("OWNER")).apiKey);
});
afterAll(async () => {
  stopWatching();
  await fresh.stop();
  await victim.close();
});

/** What becomes of an endpoint when it is registered and when it is tested. */
async function attempt(endpointUrl: string) {
  const said = { endpointUrl, credentials: apiKey("sk-endpoint-canary") };
  const problem = await problemIn(patchbay.llms.createLlm(llmRequest(said)));
  const tested = await patchbay.llms
    .testConnection({ ...said, providerType: Llm_ProviderType.OPENAI, modelIdentifier: "m" })
    .then(({ test }) => test?.outcome)
    .catch(() => BLOCKED); // A text that is no URL at all is refused, not tested.
  return { reason: problem.reason, tested, message: problem.message };
}

/** Spellings of this machine; every one that Linux takes for it is a way in elsewhere. */
const LOOPBACK = [
  ...["127.0.0.1", "127.1", "127.0.0.2", "2130706433", "0x7f000001", "0177.0.0.1", "0", "0.0.0.0", "[::1]", "[::]"],
  ...["①②⑦.⓪.⓪.①", "127。0。0。1", "127.0.0.1.", "%31%32%37.0.0.1", "[::127.0.0.1]", "[0:0:0:0:0:0:0:1]"],
];
const MAPPED = ["[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::ffff:0:127.0.0.1]"];
const EMBEDDED = [
  ...["[64:ff9b::127.0.0.1]", "[64:ff9b::a00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2002:a00:1::1]"],
  ...["[2001:0:4136:e378:8000:63bf:80ff:fffe]", "[::7f00:1]", "[::a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]"],
];
const NAMES = ["localhost", "LOCALHOST.", "a.localhost", "ollama", "host.docker.internal", "metadata.google.internal"];

describe.each([
  { id: "A4", hosts: [...NAMES, ...LOOPBACK.slice(0, 1)] },
  { id: "A6", hosts: MAPPED },
  { id: "A7", hosts: LOOPBACK },
  { id: "A10", hosts: EMBEDDED },
])("$id on a fresh install", ({ id, hosts }) => {
  it.each(hosts)(`${id} %s is closed, with and without TLS, and nobody is called`, async (host) => {
    for (const url of [`https://${host}:${victim.port}/v1`, `http://${host}:${victim.port}/v1`]) {
      const { reason, tested } = await attempt(url);
      expect([url, reason, tested]).toEqual([url, "ENDPOINT_NOT_ALLOWED", BLOCKED]);
    }
    expect([visits, opened]).toEqual([0, []]);
  });
});

describe("A4 whoever runs Ollama beside it", () => {
  it("A4 reads which setting opens it, and with that setting it works", async () => {
    const ollama = await ScriptedUpstream.start();
    const { message } = await attempt(`${ollama.url}/v1`);
    const [, setting = "", value = ""] = /setting \w+\).* (\w+)=(\S+)/.exec(message) ?? [];
    expect([setting, value]).toEqual(["EGRESS_ALLOW", ollama.url]);
    const server = await startServer({ [setting]: value });
    const { llms } = server.client((await server.addAccount("OWNER")).apiKey);
    const { llm } = await llms.createLlm(llmRequest({ endpointUrl: `${ollama.url}/v1` }));
    expect((await llms.testLlm({ llmId: llm?.llmId ?? "" })).test?.outcome).toBe(OK);
    await server.stop();
    await ollama.close();
    opened.length = 0;
  });
});

describe("A5 a URL that two parsers read differently", () => {
  it.each([
    { url: "https://api.openai.com\\@127.0.0.1/v1" },
    { url: "https://api.openai.com@127.0.0.1/v1" },
    { url: "https://127.0.0.1\\.api.openai.com/v1" },
    { url: "https:api.openai.com/v1" },
    { url: "https:\\\\api.openai.com\\v1" },
    { url: "https://api.openai.com#@127.0.0.1/v1" },
    { url: "https://api.openai.com?@127.0.0.1/v1" },
    { url: "https://127.0.0.1#.api.openai.com/v1" },
    { url: "https://127.0.0.1;.api.openai.com/v1" },
    { url: "https:\\\\127.0.0.1\\v1" },
    { url: "https:127.0.0.1/v1" },
    { url: "https:///127.0.0.1/v1" },
    { url: "https://[::1]@api.openai.com/v1" },
    { url: "ht\ntps://127.0.0.1/v1" },
    { url: "https://127.0.0.1\t/v1" },
  ])("A5 is not taken: $url", async ({ url }) => {
    const { reason, tested } = await attempt(url);
    expect(["ENDPOINT_NOT_ALLOWED", "INVALID_REQUEST"]).toContain(reason);
    expect(tested).toBe(BLOCKED);
    expect([visits, opened]).toEqual([0, []]);
  });
});

describe("where something is open", () => {
  let server: TestServer;
  let upstream: ScriptedUpstream;
  let thief: ScriptedUpstream;
  let ownerKey: string;
  let owner: Patchbay;
  beforeAll(async () => {
    [upstream, thief] = await Promise.all([ScriptedUpstream.start(), ScriptedUpstream.start()]);
    server = await startServer({ EGRESS_ALLOW: `${upstream.url},${thief.url},http://127.0.0.1:1` });
    ownerKey = (await server.addAccount("OWNER")).apiKey;
    owner = server.client(ownerKey);
  });
  afterAll(async () => {
    await server.stop();
    await Promise.all([upstream.close(), thief.close()]);
  });

  async function createLlm(model: string) {
    const said = {
      endpointUrl: `${upstream.url}/v1`,
      modelIdentifier: model,
      credentials: apiKey("sk-endpoint-canary"),
    };
    return (await owner.llms.createLlm(llmRequest(said))).llm?.llmId ?? "";
  }

  it.each([301, 302, 303, 307, 308])("A12 no redirect is followed, by whichever rpc: %i", async (status) => {
    const model = `redirects-${status}`;
    upstream.setModel(model, sends("", { location: `${thief.url}/v1/chat/completions` }, status));
    const llmId = await createLlm(model);
    const problems = [
      await problemIn(owner.chat.chat({ llmId, message: "m" })),
      await problemIn(Array.fromAsync(owner.chat.streamChat({ llmId, message: "m" }))),
    ];
    expect(problems.map(({ reason }) => reason)).toEqual(["UPSTREAM_BAD_REPLY", "UPSTREAM_BAD_REPLY"]);
    const { test } = await owner.llms.testLlm({ llmId });
    expect([test?.outcome, test?.message]).toEqual([BAD_REPLY, expect.not.stringContaining(thief.url)]);
    expect(thief.requests).toEqual([]);
  });

  it("A11 nothing that a caller's request says of hosts reaches an endpoint", async () => {
    const llmId = await createLlm("forged-host");
    const canary = "forged.example";
    const headers = {
      authorization: `Bearer ${ownerKey}`,
      "content-type": "application/json",
      ...{ forwarded: `host=${canary}`, "x-forwarded-host": canary, "x-original-url": `https://${canary}/` },
      ...{ origin: `https://${canary}`, referer: `https://${canary}/`, cookie: `session=${canary}`, via: canary },
    };
    const body = '{"message":"hello"}';
    const response = await fetch(`${server.url}/v1/llms/${llmId}:chat`, { method: "POST", headers, body });
    expect(response.status).toBe(200);
    const [call] = upstream.requests.slice(-1);
    expect(call?.headers.host).toBe(new URL(upstream.url).host);
    expect(JSON.stringify([call?.headers, call?.text])).not.toContain(canary);
    expect(JSON.stringify(call?.headers)).not.toContain(ownerKey);
  });

  it("a prober learns from a closed port that is opened and from a name that leads nowhere the same, but for the setting", async () => {
    const endpoints = ["http://127.0.0.1:1/v1", "https://nothing.patchbay-prober.example/v1"];
    const tests = await Promise.all(
      endpoints.map((endpointUrl) =>
        owner.llms.testConnection({ endpointUrl, providerType: Llm_ProviderType.VLLM, modelIdentifier: "m" }),
      ),
    );
    const setting = ", or its address is not open to this server (setting EGRESS_ALLOW)";
    const tellingNoSetting = (_: string, value: unknown) =>
      typeof value === "bigint" ? 0 : typeof value === "string" ? value.replace(setting, "") : value;
    const told = tests.map(({ test }) => JSON.parse(JSON.stringify(test, tellingNoSetting)));
    expect(tests.map(({ test }) => test?.message.includes(setting))).toEqual([false, true]);
    expect(told[0]?.outcome).toBe(UNREACHABLE);
    expect(told[1]).toEqual(told[0]);
    expect(told[0]).toMatchObject({ latencyMs: 0, model: "" });
    expect(told[0]?.message).not.toMatch(/\d+\.\d+\.\d+\.\d+|ECONN|ENOTFOUND/);
  });
});
