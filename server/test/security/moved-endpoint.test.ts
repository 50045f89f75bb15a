/** A stored key goes where it was given for, and nowhere else: A1 and A2. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { ConnectionTest_Outcome } from "../../../gen/patchbay/v1/connection_test_pb.ts";
import { Llm_ProviderType } from "../../../gen/patchbay/v1/llm_pb.ts";
import { startServer, type TestServer } from "../server/test-server.ts";
import { apiKey, llmRequest } from "../service/llm-requests.ts";
import { ScriptedUpstream } from "../upstream/scripted-upstream.ts";
import { problemIn } from "../wire/expect-problem.ts";

const KEY = "sk-stored-0123456789abcdef";
const OTHER_KEY = "sk-given-with-the-move";
const MASK = apiKey("*****");

let home: ScriptedUpstream;
let thief: ScriptedUpstream;
let server: TestServer;
let patchbay: Patchbay;
let ownerKey: string;
let llmId: string;
beforeAll(async () => {
  [home, thief] = await Promise.all([ScriptedUpstream.start(), ScriptedUpstream.start()]);
  const port = new URL(home.url).port;
  // All of it is open: only the rule stands between the key and the thief.
  const allow = [home.url, thief.url, `http://localhost:${port}`, `https://127.0.0.1:${port}`];
  server = await startServer({ EGRESS_ALLOW: allow.join(",") });
  ownerKey = (await server.addAccount("OWNER")).apiKey;
  patchbay = server.client(ownerKey);
  const { llm } = await patchbay.llms.createLlm(
    llmRequest({
      endpointUrl: `${home.url}/v1/account-a`,
      apiPath: "/gateway/chat/completions",
      credentials: apiKey(KEY),
    }),
  );
  llmId = llm?.llmId ?? "";
});
afterAll(async () => {
  await server.stop();
  await Promise.all([home.close(), thief.close()]);
});

const moves = [
  { name: "to another host", change: () => ({ endpointUrl: `${thief.url}/v1/account-a` }) },
  {
    name: "to another host with the key masked",
    change: () => ({ endpointUrl: `${thief.url}/v1`, credentials: MASK }),
  },
  { name: "to another name of the host", change: () => ({ endpointUrl: `${local()}/v1/account-a` }) },
  { name: "to another scheme", change: () => ({ endpointUrl: `${home.url.replace("http", "https")}/v1/account-a` }) },
  { name: "to another account of a shared host", change: () => ({ endpointUrl: `${home.url}/v1/account-b` }) },
  { name: "to the parent of its path", change: () => ({ endpointUrl: `${home.url}/v1` }) },
  { name: "below its path", change: () => ({ endpointUrl: `${home.url}/v1/account-a/sub` }) },
  { name: "to another API path", change: () => ({ apiPath: "/other/chat/completions" }) },
  { name: "by both together", change: () => ({ endpointUrl: `${thief.url}/v1`, apiPath: "/chat/completions" }) },
  { name: "to another header", change: () => ({ credentials: { apiKey: { ...MASK.apiKey, headerName: "X-Leak" } } }) },
  { name: "behind another prefix", change: () => ({ credentials: { apiKey: { ...MASK.apiKey, prefix: "Leak " } } }) },
  {
    name: "to another provider's API",
    change: () => ({ providerType: Llm_ProviderType.ANTHROPIC }),
    refusal: { code: "InvalidArgument", reason: "INVALID_REQUEST" },
  },
];
const local = () => `http://localhost:${new URL(home.url).port}`;

const REFUSAL = { code: "FailedPrecondition", reason: "CREDENTIALS_REQUIRED" };

const ways = [
  { way: "an update", move: (change: object) => patchbay.llms.updateLlm({ llmId, ...change }) },
  { way: "a test with changes", move: (change: object) => patchbay.llms.testConnection({ llmId, ...change }) },
];

describe.each(ways)("A1 $way without the key", ({ move }) => {
  it.each(moves)("A1 moves no Llm $name", async ({ change, refusal = REFUSAL }) => {
    const before = home.requests.length;
    expect(await problemIn(move(change()))).toMatchObject(refusal);
    expect([home.requests.length - before, thief.requests.length]).toEqual([0, 0]);
  });
});

describe("A1 after all that", () => {
  it("A1 the key still works where it was, in the header it was given for", async () => {
    await patchbay.chat.chat({ llmId, message: "hello" });
    expect(home.requests.at(-1)).toMatchObject({
      path: "/v1/account-a/gateway/chat/completions",
      headers: { authorization: `Bearer ${KEY}` },
    });
  });

  it.each([
    {
      name: "another spelling of the same endpoint",
      change: () => ({ endpointUrl: `${home.url}/v1/./x/../account%2da/` }),
    },
    { name: "the same API path", change: () => ({ apiPath: "/gateway/chat/completions", credentials: MASK }) },
  ])("A1 $name is no move", async ({ change }) => {
    const { test } = await patchbay.llms.testConnection({ llmId, ...change() });
    expect(test?.outcome).toBe(ConnectionTest_Outcome.OK);
    await patchbay.llms.updateLlm({ llmId, ...change() });
  });

  it("A1 a test of a move with a key of its own sends that one only", async () => {
    const endpointUrl = `${thief.url}/v1`;
    await patchbay.llms.testConnection({ llmId, endpointUrl, credentials: apiKey(OTHER_KEY) });
    const told = thief.requests.splice(0).map(({ headers }) => headers.authorization);
    expect([...new Set(told)]).toEqual([`Bearer ${OTHER_KEY}`]);
  });

  it.each([
    { method: "PUT", path: "/v1/llm-providers/config", name: "base_url" },
    { method: "PATCH", path: "/llm-providers", name: "baseUrl" },
  ])("A1 the REST face at $path moves none either", async ({ method, path, name }) => {
    const { status, text } = await send(method, `${path}/${llmId}`, { [name]: `${thief.url}/v1` });
    expect([status, text]).toEqual([400, expect.stringContaining("stored credentials never follow a moved endpoint")]);
    expect(thief.requests).toEqual([]);
  });
});

/** Every name under which somebody's gateway took an address from a chat. */
const ADDRESSES = [
  "base_url",
  "baseUrl",
  "baseURL",
  "api_base",
  "apiBase",
  "endpointUrl",
  "endpoint_url",
  "url",
  "host",
];
const NESTS = [
  "configuration",
  "clientConfig",
  "client_config",
  "extra_body",
  "extraBody",
  "samplingParams",
  "headers",
];

describe("A2 a chat that says where to go", () => {
  const chats = ["chat", "streamChat"].map((verb) => `/v1/llms/${"{id}"}:${verb}`);
  const bodies = [
    ...ADDRESSES.map((name) => ({ name, body: () => ({ [name]: thief.url }) })),
    ...NESTS.flatMap((nest) =>
      ["base_url", "baseURL", "api_base"].map((name) => ({
        name: `${nest}.${name}`,
        body: () => ({ [nest]: { [name]: thief.url } }),
      })),
    ),
  ];

  it.each(bodies)("A2 by $name is refused, and nobody is called", async ({ body }) => {
    const before = home.requests.length;
    for (const path of chats) {
      const { status, text } = await send("POST", path.replace("{id}", llmId), { message: "hello", ...body() });
      expect([status, JSON.parse(text).error.status]).toEqual([400, "INVALID_ARGUMENT"]);
    }
    expect([home.requests.length - before, thief.requests.length]).toEqual([0, 0]);
  });

  it("A2 by a query or by headers goes to the stored endpoint all the same", async () => {
    const said = {
      "x-base-url": thief.url,
      "x-portkey-custom-host": thief.url,
      "x-forwarded-host": new URL(thief.url).host,
    };
    const before = home.requests.length;
    const { status } = await send("POST", `/v1/llms/${llmId}:chat`, { message: "hello" }, said);
    expect(status).toBe(200);
    expect([home.requests.length - before, thief.requests.length]).toEqual([1, 0]);
    expect((await send("POST", `/v1/llms/${llmId}:chat?base_url=${thief.url}`, { message: "hello" })).status).toBe(400);
  });

  it.each(ADDRESSES.flatMap((name) => [{ [name]: "x" }, { extra_body: { [name]: "x" } }, { a: [{ [name]: "x" }] }]))(
    "A2 by what would be stored with the Llm is refused: %o",
    async (clientConfig) => {
      const problem = await problemIn(patchbay.llms.updateLlm({ llmId, clientConfig: clientConfig as never }));
      expect([problem.code, problem.message]).toEqual(["InvalidArgument", expect.stringContaining("clientConfig")]);
    },
  );

  it("A2 by a picture's address does not send us there", async () => {
    const image = { image: { url: `${thief.url}/picture.png` } };
    await send("POST", `/v1/llms/${llmId}:chat`, { messages: [{ role: "USER", parts: [image] }] });
    expect(thief.requests).toEqual([]);
  });
});

async function send(method: string, path: string, body: object, headers: Record<string, string> = {}) {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${ownerKey}`, "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  return { status: response.status, text: await response.text() };
}
