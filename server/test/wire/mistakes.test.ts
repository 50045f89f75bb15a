import { execFile } from "node:child_process";
import { connect } from "node:net";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, type TestServer } from "../server/test-server.ts";

/** What newcomers get wrong, as curl sends it, and the sentence that each of them reads. */

let server: TestServer;
let llmId: string;
beforeAll(async () => {
  server = await startServer();
  const { body } = await call("POST", "/v1/llms", JSON.stringify({ ...LLM, endpointUrl: "patchbay:demo" }));
  llmId = body.llm?.llmId ?? "";
});
afterAll(() => server.stop());

const LLM = { displayName: "One", modelIdentifier: "demo", providerType: "CUSTOM_OPENAI_COMPATIBLE" };
const OPENAI = { displayName: "One", modelIdentifier: "gpt-4o", providerType: "OPENAI" };

interface ErrorBody {
  readonly llm?: { readonly llmId: string };
  readonly error?: {
    readonly message: string;
    readonly details: readonly { readonly "@type": string; readonly requestId?: string }[];
  };
}

async function call(method: string, path: string, text?: string, headers: Record<string, string> = {}) {
  const type = text === undefined ? {} : { "content-type": "application/json" };
  const response = await fetch(server.url + path, {
    method,
    headers: { authorization: `Bearer ${server.adminKey}`, ...type, ...headers },
    ...(text === undefined ? {} : { body: text }),
  });
  return { status: response.status, body: (await response.json()) as ErrorBody };
}

function requestIdOf({ error }: ErrorBody): string | undefined {
  return error?.details.find((detail) => detail["@type"].endsWith("google.rpc.RequestInfo"))?.requestId;
}

describe("a mistake in a new Llm", () => {
  it.each([
    {
      name: "names of other APIs, all at once",
      body: { name: "x", model: "gpt-4o", apiKey: "sk-secret" },
      says:
        "unknown field `name`, did you mean `displayName`?; unknown field `model`, did you mean `modelIdentifier`?; " +
        "unknown field `apiKey`, did you mean `credentials.apiKey`?",
    },
    {
      name: "a key that is no object",
      body: { ...OPENAI, credentials: { apiKey: "sk-secret" } },
      says: "credentials.apiKey: must be an object with `inlineSecret`, `secretRef`, `headerName`, `prefix`",
    },
    {
      name: "a key that was copied with an ellipsis",
      body: { ...OPENAI, credentials: { apiKey: { inlineSecret: "sk-…" } } },
      says: "credentials.apiKey.inlineSecret: has characters that no header can carry",
    },
    {
      name: "a provider type that there is not",
      body: { ...OPENAI, providerType: "open ai" },
      says: "providerType: must be one of OPENAI, LITELLM_PROXY, OPEN_ROUTER",
    },
    {
      name: "no name and no model",
      body: { providerType: "OPENAI", displayName: "" },
      says: "displayName: must be at least 1 character; modelIdentifier: must be at least 1 character",
    },
    {
      name: "an http URL of a vendor",
      body: { ...OPENAI, endpointUrl: "http://api.openai.com/v1" },
      says: "endpointUrl: write https://",
    },
    {
      name: "Ollama, whose address everybody has, before the operator opened it",
      body: { ...OPENAI, providerType: "OLLAMA", modelIdentifier: "llama3.2" },
      says: "starting the server with EGRESS_ALLOW=http://localhost:11434",
    },
    {
      name: "an endpoint inside the server that there is not",
      body: { ...LLM, endpointUrl: "patchbay:dmeo" },
      says: "endpointUrl: must be patchbay:demo for the demo endpoint",
    },
  ])("is told: $name", async ({ body, says }) => {
    const { status, body: answer } = await call("POST", "/v1/llms", JSON.stringify(body));
    expect(answer.error?.message).toContain(says);
    expect(answer.error?.message).not.toMatch(/sk-secret|_UNSPECIFIED|model_identifier|\^\[/);
    expect(status).toBe(400);
    expect(requestIdOf(answer)).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("is told where the JSON breaks", async () => {
    const { status, body } = await call("POST", "/v1/llms", '{\n  "displayName": "x",\n}');
    expect(body.error?.message).toBe(
      "the body is not JSON in UTF-8: a comma stands before the closing } (line 3, column 1)",
    );
    expect([status, requestIdOf(body)]).toEqual([400, expect.any(String)]);
  });

  it.each(["openai", "OpenAI", "open_router", "open-router"])(
    "is none: a provider type as %s",
    async (providerType) => {
      const { status } = await call(
        "POST",
        "/v1/llms?",
        JSON.stringify({ ...OPENAI, providerType, validateOnly: true }),
      );
      expect(status).toBe(200);
    },
  );
});

describe("a mistake with money", () => {
  it.each([
    {
      name: "dollars for pico-dollars",
      budget: { amount: 25, period: "MONTH" },
      says: 'amount: is in pico-dollars: 25 of them are $0.000000000025; for 25 dollars give amountUsd: "25" instead',
    },
    {
      name: "pico-dollars for dollars",
      budget: { amountUsd: "25000000000000", period: "MONTH" },
      says: "$25000000000000 is more than $9223372.036854775807, the most that there can be; as pico-dollars, which go into amount, it is $25",
    },
    {
      name: "two amounts that do not agree",
      budget: { amountUsd: "25", amount: "1000000", period: "MONTH" },
      says: "amountUsd: is $25, and amount is $0.000001: give one of them",
    },
    { name: "a currency sign", budget: { amountUsd: "$25", period: "DAY" }, says: 'such as "25" or "0.50"' },
    {
      name: "no amount",
      budget: { period: "MONTH", mode: "REFUSE" },
      says: 'amountUsd: must be given, such as "25"; for a budget that lets nothing be spent, "0"',
    },
    { name: "no period", budget: { amountUsd: "25" }, says: "period: must be one of DAY, MONTH, TOTAL" },
  ])("is told with both figures: $name", async ({ budget, says }) => {
    const { status, body } = await call("POST", "/v1/budgets", JSON.stringify(budget));
    expect(body.error?.message).toContain(says);
    expect(status).toBe(400);
  });

  it("is told when a budget is used up: amount, spent, left, and when it begins anew", async () => {
    const { accountId, apiKey } = await server.addAccount("OWNER");
    const headers = { authorization: `Bearer ${apiKey}` };
    const asked = { ...LLM, endpointUrl: "patchbay:demo", price: { input: 0, output: "1000" } };
    const made = (await call("POST", "/v1/llms", JSON.stringify(asked), headers)).body.llm?.llmId;
    const budget = await call("POST", "/v1/budgets", '{"amountUsd": "0.02", "period": "day"}', headers);
    expect(budget.body).toMatchObject({ ownerId: accountId, amount: "20000000000", amountUsd: "0.02", spentUsd: "0" });
    const chat = () =>
      call("POST", `/v1/llms/${made}:chat`, '{"message": "Hi", "samplingParams": {"maxTokens": 15}}', headers);
    expect((await chat()).body).toMatchObject({ cost: "11000000000", costUsd: "0.011" });
    const { status, body } = await chat();
    expect(body.error?.message).toMatch(
      /may cost \$0\.015, and budget \S+ of \$0\.02 has \$0\.009 left: \$0\.011 are spent, .* it begins anew at 20/,
    );
    expect(status).toBe(429);
  });
});

describe("a mistake in a request", () => {
  it.each([
    {
      name: "the method of another verb",
      method: "GET",
      path: (): string => `/v1/llms/${llmId}:chat`,
      status: 405,
      says: "this path has no GET; it has OPTIONS, POST",
    },
    {
      name: "a variable of the shell that is empty",
      method: "POST",
      path: (): string => "/v1/llms/:chat",
      text: '{"message": "Hello"}',
      status: 404,
      says: "its path has nothing where an id belongs; is a variable of your shell empty?",
    },
    {
      name: "a path that there is not",
      method: "GET",
      path: (): string => "/v1/llm",
      status: 404,
      says: "/docs has all",
    },
    {
      name: "curl's own content type",
      method: "POST",
      path: (): string => "/v1/llms",
      text: "{}",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      status: 415,
      says: "with curl: -H 'content-type: application/json'",
    },
  ])("is told, with the id that the log has: $name", async ({ method, path, text, headers, status, says }) => {
    const { status: found, body } = await call(method, path(), text, headers);
    expect(body.error?.message).toContain(says);
    expect(found).toBe(status);
    expect(requestIdOf(body)).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("is told also where there is no request yet: what is no HTTP", async () => {
    const socket = connect(server.port, "127.0.0.1");
    socket.write("GET /v1/llms HTTP/1.1\r\nno header\r\n\r\n");
    let answer = "";
    for await (const piece of socket) answer += piece;
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    const body = JSON.parse(answer.slice(answer.indexOf("\r\n\r\n"))) as ErrorBody;
    expect(body.error?.message).toContain("the request is not HTTP/1.1");
    expect(requestIdOf(body)).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("is told to callers of Connect with JSON in the same words", async () => {
    const text = JSON.stringify({ name: "x", model: "y" });
    const { status, body } = await call("POST", "/patchbay.v1.LlmService/CreateLlm", text);
    expect([status, (body as { message?: string }).message]).toEqual([
      400,
      "unknown field `name`, did you mean `displayName`?; unknown field `model`, did you mean `modelIdentifier`?",
    ]);
  });
});

describe("an answer", () => {
  const run = async (...words: string[]) => {
    const key = ["-H", `authorization: Bearer ${server.adminKey}`];
    return (await promisify(execFile)("curl", ["-s", ...key, ...words])).stdout;
  };

  it("is indented for curl, and for those who ask for it", async () => {
    expect(await run(`${server.url}/v1/llms/${llmId}`)).toContain('\n  "displayName": "One",\n');
    expect(await run(`${server.url}/v1/llms/${llmId}?pretty=false`)).not.toContain("\n  ");
    expect(await run("-A", "program", `${server.url}/v1/llms/${llmId}`)).not.toContain("\n  ");
    expect(await run("-A", "program", `${server.url}/v1/llms/${llmId}?pretty`)).toContain(
      '\n  "displayName": "One",\n',
    );
    expect(await run(`${server.url}/v1/llms/x`)).toContain('\n    "message": ');
  });

  it("at the root tells programs where things are, and browsers get a page", async () => {
    const root = async (accept: string) => (await fetch(`${server.url}/`, { headers: { accept } })).text();
    expect(JSON.parse(await root("application/json"))).toMatchObject({ name: "patchbay", docs: "docs" });
    expect(await root("text/html")).toMatch(/^<!doctype html>/i);
  });
});
