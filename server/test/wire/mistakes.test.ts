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
        "unknown field `apiKey`, did you mean `credentials.apiKey.inlineSecret`?",
    },
    {
      name: "the words of LiteLLM, in the spelling of their writer",
      body: { display_name: "x", model_name: "gpt", api_base: "https://a.example", max_tokens: 5, litellm_params: {} },
      says:
        "unknown field `model_name`, did you mean `model_identifier`?; unknown field `api_base`, did you mean " +
        "`endpoint_url`?; unknown field `max_tokens`, did you mean `default_sampling_params.max_tokens`?; unknown field " +
        "`litellm_params`: give its fields at the top",
    },
    {
      name: "nothing at all, of all that is missing at once",
      body: {},
      says:
        "displayName: must not be missing or empty; modelIdentifier: must not be missing or empty; " +
        "providerType: is required without a providerId: one of OPENAI,",
    },
    {
      name: "empty fields, in the spelling of their writer",
      body: { display_name: "", model_identifier: "", provider_type: "OPENAI" },
      says: "display_name: must not be missing or empty; model_identifier: must not be missing or empty",
    },
    {
      name: "an alias with capitals and spaces",
      body: { ...OPENAI, alias: "My GPT" },
      says: "alias: must be lower-case letters, digits, dots, underscores, hyphens and slashes, and begin with a letter or digit, such as claude-team",
    },
    {
      name: "both names of the endpoint",
      body: { ...LLM, endpointUrl: "patchbay:demo", baseUrl: "patchbay:demo" },
      says: "baseUrl: excludes `endpointUrl`",
    },
    {
      name: "a model by a variable that no shell replaced",
      body: { ...OPENAI, modelIdentifier: "$MODEL" },
      says: "modelIdentifier: is a variable or a placeholder that nothing has replaced by the name of a model",
    },
    {
      name: "a model with a line break behind it",
      body: { ...OPENAI, modelIdentifier: "gpt-4o\n" },
      says: "modelIdentifier: must have no white space around it",
    },
    {
      name: "an address without its scheme",
      body: { ...LLM, endpointUrl: "llm.example/v1" },
      says: "endpointUrl: must be an http or https URL such as https://api.openai.com/v1; it has no http:// or https://",
    },
    {
      name: "all of it one too deep",
      body: { llm: OPENAI },
      says: "unknown field `llm`: give its fields at the top",
    },
    {
      name: "a modality by another word",
      body: { ...OPENAI, supportedModalities: ["text", "vision"] },
      says: "each value must be one of TEXT, IMAGE, AUDIO, VIDEO; did you mean IMAGE?",
    },
    {
      name: "a capability by another word",
      body: { ...OPENAI, capabilities: { tools: true } },
      says: "unknown field `capabilities.tools`, did you mean `supportsFunctionCalling`?",
    },
    { name: "a model for its vendor", body: { ...OPENAI, providerType: "claude-4" }, says: "did you mean ANTHROPIC?" },
    {
      name: "one where a list belongs",
      body: { ...OPENAI, supportedModalities: "TEXT" },
      says: "supportedModalities: must be an array, [ and ] around its items, also around one",
    },
    {
      name: "a misspelt provider type",
      body: { ...OPENAI, providerType: "OPENIA" },
      says: "ANTHROPIC; did you mean OPENAI?",
    },
    {
      name: "a vendor that speaks as OpenAI does",
      body: { ...OPENAI, providerType: "GEMINI" },
      says: "did you mean CUSTOM_OPENAI_COMPATIBLE?",
    },
    {
      name: "a price over the bound",
      body: { ...OPENAI, price: { input: 2_500_000 } },
      says: "from 0 to 999999.999999, with at most 6 decimals",
    },
    {
      name: "a price finer than there is",
      body: { ...OPENAI, price: { output: "0.0000001" } },
      says: "from 0 to 999999.999999, with at most 6 decimals",
    },
    {
      name: "prices for a token, as LiteLLM has them",
      body: { ...OPENAI, price: { input_cost_per_token: 0.0000025 } },
      says: "give `input` and `output`, in dollars for a million tokens: a million times as much",
    },
    { name: "short words of prices", body: { ...OPENAI, price: { in: 1 } }, says: "did you mean `input`?" },
    {
      name: "a time with its unit",
      body: { ...OPENAI, patience: { wholeSeconds: "5m" } },
      says: "patience.wholeSeconds: must be a whole number of seconds, without a unit: 300 for 5m",
    },
    {
      name: "a number with its multiple",
      body: { ...OPENAI, maxContextLength: "128k" },
      says: "maxContextLength: must be a whole number, in digits alone: 128000 for 128k",
    },
    {
      name: "headers of one's own",
      body: { ...OPENAI, headers: { "x-team": "a" } },
      says: "unknown field `headers`: `clientConfig.headers` takes those that the API knows; another is not sent",
    },
    {
      name: "a rate for the Llm",
      body: { ...OPENAI, rpm: 60 },
      says: "unknown field `rpm`: rates are limits of API keys and accounts: POST /v1/apiKeys with `limits.requestsPerMinute`",
    },
    {
      name: "a weight among others",
      body: { ...OPENAI, weight: 3 },
      says: "unknown field `weight`: several Llms share calls by a route: POST /v1/routes",
    },
    {
      name: "a parameter further in, misspelt",
      body: { ...OPENAI, temprature: 1 },
      says: "unknown field `temprature`, did you mean `defaultSamplingParams.temperature`?",
    },
    { name: "the default, too early", body: { ...OPENAI, isDefault: true }, says: ":setDefault makes it the default" },
    {
      name: "prices in OpenAI's words",
      body: { ...OPENAI, price: { prompt: 1, completion: 2 } },
      says: "unknown field `price.prompt`, did you mean `input`?; unknown field `price.completion`, did you mean `output`?",
    },
    {
      name: "a label whose name is too long",
      body: { ...OPENAI, labels: { ["k".repeat(64)]: "" } },
      says: "its name must be at most 63 characters",
    },
    { name: "an id that is no UUID", body: { ...OPENAI, llmId: "gpt" }, says: "llmId: must be a UUID, such as" },
    {
      name: "credentials without a key",
      body: { ...OPENAI, credentials: { apiKey: {} } },
      says: "credentials.apiKey: must have `inlineSecret` or `secretRef`",
    },
    {
      name: "a temperature out of bounds",
      body: { ...OPENAI, defaultSamplingParams: { temperature: 3 } },
      says: "defaultSamplingParams.temperature: must be from 0 to 2",
    },
    {
      name: "a key that is no object",
      body: { ...OPENAI, credentials: { apiKey: "sk-secret" } },
      says: "credentials.apiKey: must be an object with `inlineSecret`, `secretRef`, `headerName`, `prefix`",
    },
    {
      name: "a key that was copied with an ellipsis",
      body: { ...OPENAI, credentials: { apiKey: { inlineSecret: "sk-…" } } },
      says: "credentials.apiKey.inlineSecret: is cut short by dots; copy the whole key",
    },
    {
      name: "a variable that no shell replaced",
      body: { ...OPENAI, credentials: { apiKey: { inlineSecret: "$OPENAI_API_KEY" } } },
      says: "credentials.apiKey.inlineSecret: is a variable that nothing has replaced by its value",
    },
    {
      name: "another scheme than Bearer before the key",
      body: { ...OPENAI, credentials: { apiKey: { inlineSecret: "Token sk-secret" } } },
      says: "credentials.apiKey.inlineSecret: begins with the scheme of a header: give that as `prefix`",
    },
    {
      name: "a scheme without its space",
      body: { ...OPENAI, credentials: { apiKey: { inlineSecret: "sk-0123456789", prefix: "Bearer" } } },
      says: 'credentials.apiKey.prefix: has no space at its end, and the key follows at once: give "Bearer "',
    },
    {
      name: "the whole URL of a call",
      body: { ...LLM, endpointUrl: "https://llm.example/v1/chat/completions" },
      says:
        "endpointUrl: ends with /chat/completions, which is the path of a call: give https://llm.example/v1, and chats " +
        "go to https://llm.example/v1/chat/completions",
    },
    {
      name: "a provider type that there is not",
      body: { ...OPENAI, providerType: "open ai" },
      says: "providerType: must be one of OPENAI, LITELLM_PROXY, OPEN_ROUTER",
    },
    {
      name: "no name and no model",
      body: { providerType: "OPENAI", displayName: "" },
      says: "displayName: must not be missing or empty; modelIdentifier: must not be missing or empty",
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
    expect(answer.error?.message).not.toMatch(/sk-secret|_UNSPECIFIED|\^\[|regex|oneof/);
    const spelling = JSON.stringify(body).includes("display_name") ? /modelIdentifier/ : /model_identifier/;
    expect(answer.error?.message).not.toMatch(spelling);
    expect(status).toBe(400);
    expect(requestIdOf(answer)).toMatch(/^[0-9a-f-]{36}$/);
  });

  it.each([
    { name: "a change", method: "PATCH", path: (): string => `/v1/llms/${llmId}`, body: {} },
    {
      name: "a change that is rehearsed",
      method: "PATCH",
      path: (): string => `/v1/llms/${llmId}`,
      body: { validateOnly: true },
    },
    { name: "a test", method: "POST", path: (): string => "/v1/llms:testConnection", body: OPENAI },
    {
      name: "a new Provider",
      method: "PUT",
      path: (): string => "/v1/providers/whole",
      body: { providerType: "OPENAI" },
    },
  ])("is told in $name: the whole URL of a call", async ({ method, path, body }) => {
    const text = JSON.stringify({ ...body, displayName: undefined, endpointUrl: "https://llm.example/v1/responses" });
    const { body: answer } = await call(method, path(), text);
    expect(answer.error?.message).toContain("endpointUrl: ends with /responses, which is the path of a call");
  });

  it("is told where the JSON breaks", async () => {
    const { status, body } = await call("POST", "/v1/llms", '{\n  "displayName": "x",\n}');
    expect(body.error?.message).toBe(
      "the body is not JSON in UTF-8: a comma stands before the closing } (line 3, column 1)",
    );
    expect([status, requestIdOf(body)]).toEqual([400, expect.any(String)]);
  });

  it.each(["baseUrl", "base_url"])("is none: the endpoint as %s, on creation and change", async (name) => {
    const body = { ...OPENAI, [name]: "https://gateway.example/v1", validateOnly: true };
    const made = await call("POST", "/v1/llms", JSON.stringify(body));
    expect(made.body).toMatchObject({ llm: { endpointUrl: "https://gateway.example/v1" } });
    const change = JSON.stringify({ [name]: "patchbay:demo", validateOnly: true });
    expect((await call("PATCH", `/v1/llms/${llmId}`, change)).body).toMatchObject({ endpointUrl: "patchbay:demo" });
  });

  it("is told the next step: a duplicate, a name that is taken, and credentials that are not there", async () => {
    const again = await call("POST", "/v1/llms", JSON.stringify({ ...LLM, endpointUrl: "patchbay:demo" }));
    expect([again.status, again.body.error?.message]).toEqual([
      409,
      `the owner has an Llm with the same connection: ${llmId}; use that one, change it with PATCH /v1/llms/${llmId}, ` +
        "or give this one another endpoint, model or key",
    ]);
    const test = await call("POST", `/v1/llms/${llmId}:test`, '{"slot": "PENDING"}');
    expect(test.body.error?.message).toContain(`add them with POST /v1/llms/${llmId}:addPendingCredentials`);
    const named = JSON.stringify({ ...LLM, modelIdentifier: "other", endpointUrl: "patchbay:demo", alias: "mine" });
    await call("POST", "/v1/llms", named);
    const taken = await call("PATCH", `/v1/llms/${llmId}`, '{"alias": "mine"}');
    expect(taken.body.error?.message).toBe(
      "the owner has another Llm with the alias mine; choose another name, or give that one another first",
    );
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

describe("a mistake in a change", () => {
  it.each([
    {
      name: "what another call changes",
      body: { isDefault: true },
      says: "`isDefault` is the server's to say, and no change sets it: POST /v1/llms/NAME:setDefault makes an Llm the default",
    },
    {
      name: "a state, in the spelling of its writer",
      body: { status: "DISABLED", display_name: "One" },
      says: "`status` is the server's to say, and no change sets it: `disabled` switches an Llm off",
    },
    { name: "the time at which it was made", body: { createdAt: 5 }, says: "`createdAt` is the server's to say" },
    { name: "what nothing has", body: { checkedAt: 5 }, says: "unknown field `checkedAt`" },
  ])("is told: $name", async ({ body, says }) => {
    const { status, body: answer } = await call("PATCH", `/v1/llms/${llmId}`, JSON.stringify(body));
    expect(answer.error?.message).toContain(says);
    expect(status).toBe(400);
  });

  it("is none: all that was read, with a change", async () => {
    const read = (await call("GET", `/v1/llms/${llmId}`)).body as object;
    const { status, body } = await call(
      "PATCH",
      `/v1/llms/${llmId}`,
      JSON.stringify({ ...read, description: "other" }),
    );
    expect([status, body]).toEqual([200, expect.objectContaining({ description: "other" })]);
    const { llmId: _, ...rest } = { llmId: "", ...body };
    expect((await call("PUT", `/v1/llms/${llmId}`, JSON.stringify(rest))).status).toBe(200);
  });
});

describe("a mistake with money", () => {
  it.each([
    {
      name: "dollars as a text for pico-dollars",
      budget: { amount: "25.00", period: "DAY" },
      says: 'amount: must be an integer of pico-dollars; for dollars give amountUsd: "25.00" instead',
    },
    {
      name: "dollars with their sign for pico-dollars",
      budget: { amount: "$25", period: "DAY" },
      says: 'for dollars give amountUsd: "25" instead',
    },
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
    {
      name: "nothing",
      budget: {},
      says: "period: must be one of DAY, MONTH, TOTAL; amountUsd: must be given",
    },
    {
      name: "the words of LiteLLM",
      budget: { max_budget: 25, budget_duration: "month" },
      says: "unknown field `max_budget`, did you mean `amount_usd`?; unknown field `budget_duration`, did you mean `period`?",
    },
    {
      name: "a period that is nearly one",
      budget: { amountUsd: "25", period: "MONTHLY" },
      says: "period: must be one of DAY, MONTH, TOTAL; did you mean MONTH?",
    },
    { name: "a comma", budget: { amountUsd: "1,000", period: "DAY" }, says: "with at most 12 decimals and no commas" },
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
    expect(JSON.stringify(body)).toContain('"leftUsd":"0.009"');
  });
});

describe("a mistake in a chat", () => {
  it.each([
    { name: "nothing", body: {}, says: "messages: must be given, or else `message`" },
    {
      name: "a parameter, misspelt, and what goes with a call elsewhere",
      body: { message: "Hi", temprature: 1, timeout: 60, metadata: { run: "7" } },
      says:
        "unknown field `temprature`, did you mean `samplingParams.temperature`?; unknown field `timeout`: `patience` of the " +
        "Llm says how long it is waited for, and a call may have a deadline of its own; unknown field `metadata`: usage is " +
        "told by the `labels` of the Llm",
    },
    { name: "a prompt", body: { prompt: "Hi" }, says: "unknown field `prompt`, did you mean `message`?" },
    {
      name: "what OpenAI takes",
      body: { message: "Hi", stream: true, model: "demo", max_tokens: 5, temperature: 1, stop: ["x"] },
      says:
        "unknown field `stream`: to stream, POST to …:streamChat instead; unknown field `model`: the Llm is the one in the " +
        "path, or `llm_id`; unknown field `max_tokens`, did you mean `sampling_params.max_tokens`?; unknown field " +
        "`temperature`, did you mean `sampling_params.temperature`?; unknown field `stop`, did you mean " +
        "`sampling_params.stop_sequences`?",
    },
    {
      name: "bounds, in the spelling of their writer",
      body: { message: "Hi", sampling_params: { max_tokens: 0, top_p: 2 } },
      says: "sampling_params.max_tokens: must be 1 or more; sampling_params.top_p: must be from 0 to 1",
    },
    {
      name: "tools as OpenAI has them",
      body: { message: "Hi", tools: [{ type: "function", function: { name: "f" } }] },
      says: "unknown field `tools[0].function`: leave it out: `name`, `description` and `parameters` stand in the tool itself",
    },
    {
      name: "both forms of a conversation",
      body: { message: "Hi", messages: [{ role: "user", content: "Hi" }] },
      says: "messages: excludes `message`, give only one of them",
    },
    {
      name: "the text of a message by another word",
      body: { messages: [{ role: "user", text: "Hi" }] },
      says: "unknown field `messages[0].text`, did you mean `content`?",
    },
    {
      name: "parts where the text belongs",
      body: { messages: [{ role: "user", content: [{ type: "text", text: "Hi" }] }] },
      says: 'messages[0].content: must be a string; parts are given as `parts`, such as [{"text": "Hello"}]',
    },
    {
      name: "an image beside the text",
      body: { message: "Hi", images: ["x"] },
      says: "unknown field `images`: give `messages`, with `parts` such as",
    },
    {
      name: "a message that is an object",
      body: { message: { role: "user", content: "Hi" } },
      says: "message: must be a string; a conversation is given as `messages`",
    },
    {
      name: "a role of others",
      body: { messages: [{ role: "human", content: "Hi" }] },
      says: "SYSTEM, USER, ASSISTANT, TOOL",
    },
  ])("is told: $name", async ({ body, says }) => {
    const answer = await call("POST", `/v1/llms/${llmId}:chat`, JSON.stringify(body));
    expect(answer.body.error?.message).toContain(says);
    expect(answer.status).toBe(400);
    const violations = JSON.stringify(answer.body.error?.details);
    expect(violations).toContain('"field":"');
    expect(violations).not.toContain('"field":""');
  });

  it("is told in the letters that were written, and how to go on: a name that nothing has", async () => {
    const { body } = await call("POST", "/v1/llms/MyGPT:chat", '{"message": "Hi"}');
    expect(body.error?.message).toBe('no Llm goes by the name "MyGPT"; GET /v1/models lists the names there are');
    const unset = await call("POST", "/v1/llms:chat", '{"message": "Hi"}');
    expect(unset.body.error?.message).toContain("set it once with POST /v1/llms/NAME:setDefault");
  });
});

describe("a mistake with a key or a list", () => {
  it.each([
    {
      path: "/v1/apiKeys",
      body: { displayName: "x", role: "MEMBER", importedSecret: "short" },
      says: "importedSecret: must have 20 to 256 characters, all of them printable and ASCII, and no spaces",
    },
    {
      path: "/v1/apiKeys",
      body: { displayName: "x", role: "MEMBER", expiresAt: "2027-01-01" },
      says: "expiresAt: must be a time in milliseconds since 1970-01-01 UTC, such as 1798761600000 for 2027-01-01",
    },
    {
      path: "/v1/apiKeys",
      body: { displayName: "x", role: "MEMBER", expiresAt: 1798761600 },
      says: "expiresAt: looks like seconds, and is in milliseconds: give 1798761600000",
    },
    { path: "/v1/llms?pageSize=1k", body: undefined, says: "must be a whole number, in digits alone: 1000 for 1k" },
    {
      path: "/v1/apiKeys",
      body: { displayName: "x", role: "MEMBER", limits: { rpm: 3 } },
      says: "unknown field `limits.rpm`, did you mean `requestsPerMinute`?",
    },
    {
      path: "/v1/routes",
      body: { name: "My Route" },
      says: "such as claude-team or openai/gpt-4o; tiers: must have at least 1 item",
    },
    { path: "/v1/llms?limit=5", body: undefined, says: "unknown parameter `limit`, did you mean `pageSize`?" },
    {
      path: "/v1/usage?startDay=2026-12-02&endDay=2026-12-01",
      body: undefined,
      says: "endDay: must not be before startDay",
    },
    { path: "/v1/llms?page_size=-1", body: undefined, says: "page_size: must be 0 or more" },
    { path: "/v1/llms?status=activ", body: undefined, says: "did you mean ACTIVE" },
    { path: "/v1/apiKeys/alice", body: undefined, says: "as GET /v1/apiKeys lists them" },
  ])("is told at $path: $says", async ({ path, body, says }) => {
    const answer = body ? await call("POST", path, JSON.stringify(body)) : await call("GET", path);
    expect(answer.body.error?.message).toContain(says);
    expect(answer.body.error?.message).not.toMatch(/regex|\^\[/);
    expect(answer.status).toBe(400);
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
      says: "did you mean GET /v1/llms?",
    },
    {
      name: "a path that is near nothing",
      method: "GET",
      path: (): string => "/nowhere/near",
      status: 404,
      says: "/docs has all",
    },
    {
      name: "a verb behind a slash",
      method: "POST",
      path: (): string => "/v1/llms/demo/chat",
      status: 404,
      says: "did you mean POST /v1/llms/{llm_id}:chat?",
    },
    {
      name: "all of them deleted",
      method: "DELETE",
      path: (): string => "/v1/llms",
      status: 405,
      says: "they are deleted one by one, by DELETE and the path with an id",
    },
    {
      name: "a verb that is a method",
      method: "POST",
      path: (): string => "/v1/llms/demo:delete",
      status: 405,
      says: "DELETE deletes it, at the path without the verb",
    },
    {
      name: "the path of another gateway",
      method: "POST",
      path: (): string => "/key/generate",
      status: 404,
      says: "POST /v1/apiKeys makes an API key",
    },
    {
      name: "a misspelt verb",
      method: "POST",
      path: (): string => "/v1/llms/demo:tset",
      status: 405,
      says: "did you mean POST /v1/llms/{llm_id}:test?",
    },
    {
      name: "a key without Bearer",
      method: "GET",
      path: (): string => "/v1/llms",
      headers: { authorization: "pb_live_x" },
      status: 401,
      says: "write Bearer and the key",
    },
    {
      name: "a key whose variable is empty",
      method: "GET",
      path: (): string => "/v1/llms",
      headers: { authorization: "Bearer " },
      status: 401,
      says: "is a variable of your shell empty?",
    },
    {
      name: "a variable between single quotes",
      method: "POST",
      path: (): string => "/v1/llms",
      text: '{"displayName": $NAME}',
      status: 400,
      says: "between single quotes the shell fills in no variable",
    },
    {
      name: "a comma that is missing",
      method: "POST",
      path: (): string => "/v1/llms",
      text: '{"displayName": "x" "alias": "y"}',
      status: 400,
      says: "the body is not JSON in UTF-8: a comma is missing before it (line 1, column 21)",
    },
    {
      name: "JSON that was made JSON twice",
      method: "POST",
      path: (): string => "/v1/llms",
      text: JSON.stringify("{}"),
      status: 400,
      says: "body: must be an object, and is a text with JSON in it: it was made JSON twice",
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

  it("is told to callers of Connect in their spelling, too", async () => {
    const text = JSON.stringify({ display_name: "", provider_type: "OPENAI" });
    const { body } = await call("POST", "/patchbay.v1.LlmService/CreateLlm", text);
    expect((body as { message?: string }).message).toBe(
      "display_name: must not be missing or empty; model_identifier: must not be missing or empty",
    );
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

describe("a mistake in a call of an API that programs speak already", () => {
  it.each([
    { name: "no messages", text: '{"model": "demo"}', says: "missing_required_parameter): look at its messages" },
    {
      name: "none in their list",
      text: '{"model": "demo", "messages": []}',
      says: "empty_array): look at its messages",
    },
    {
      name: "a role of others",
      text: '{"model": "demo", "messages": [{"role": "human", "content": "Hi"}]}',
      says: "invalid_value): look at its messages[0].role",
    },
    {
      name: "a message of nothing",
      text: '{"model": "demo", "messages": [{"role": "user"}]}',
      says: "missing_required_parameter): look at its messages[0].content",
    },
    {
      name: "broken JSON",
      text: '{"model": "demo",}',
      says: "a comma stands before the closing } (line 1, column 18)",
    },
    { name: "a list", text: "[]", says: "the body must be a JSON object" },
  ])("is told by the demo endpoint as by a vendor's: $name", async ({ text, says }) => {
    const { status, body } = await call("POST", "/v1/chat/completions", text);
    expect(body.error?.message).toContain(says);
    expect(status).toBe(400);
  });

  it.each([
    { api: "OpenAI's", path: "/v1/chat/completions", headers: {}, body: { error: { request_id: expect.any(String) } } },
    { api: "OpenAI's", path: "/v1/responses", headers: {}, body: { error: { request_id: expect.any(String) } } },
    {
      api: "Anthropic's",
      path: "/v1/messages",
      headers: { "anthropic-version": "2023-06-01" },
      body: { request_id: expect.any(String) },
    },
  ])("is told with the id that the log has, in $api body: $path", async ({ path, headers, body }) => {
    expect(await call("POST", path, '{"model": "nobody", "messages": [], "input": []}', headers)).toMatchObject({
      status: 404,
      body,
    });
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

  it("ends with a new line for curl, that of a face and an error too", async () => {
    const chat = [
      "-H",
      "content-type: application/json",
      "-d",
      '{"model": "demo", "messages": [{"role": "user", "content": "Hi"}]}',
    ];
    expect(await run(`${server.url}/v1/llms/${llmId}`)).toMatch(/\}\n$/);
    expect(await run(`${server.url}/v1/llms/x`)).toMatch(/\}\n$/);
    expect(await run(`${server.url}/v1/chat/completions`, ...chat)).toMatch(/\}\n$/);
    expect(await run("-A", "program", `${server.url}/v1/llms/${llmId}`)).toMatch(/\}$/);
  });

  it("at the root tells programs where things are, and browsers get a page", async () => {
    const root = async (accept: string) => (await fetch(`${server.url}/`, { headers: { accept } })).text();
    expect(JSON.parse(await root("application/json"))).toMatchObject({ name: "patchbay", docs: "docs" });
    expect(await root("text/html")).toMatch(/^<!doctype html>/i);
  });
});
