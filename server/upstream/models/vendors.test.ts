import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Secret } from "../../base/secret.ts";
import { type Behaviour, behaviours, refuses, sends } from "../../test/upstream/behaviours.ts";
import { servesModels } from "../../test/upstream/models.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import type { Vendor } from "../calls/list.ts";
import { parseAllowRules } from "../egress/allow-rule.ts";
import { Egress } from "../egress/egress.ts";
import { Upstreams } from "../upstreams.ts";
import { UpstreamFailure } from "./failure.ts";
import type { ProviderType } from "./provider-types.ts";
import { providers } from "./provider-types.ts";

const KEY = "sk-canary-0123456789abcdef";
const MB = 1024 * 1024;
const json = { "content-type": "application/json" };

const DETAILS = JSON.stringify({
  data: [{ model_name: "some-model", model_info: { max_input_tokens: 8_000, supports_function_calling: true } }],
});

/** One takes KEY and nothing else, the other whatever comes. */
let strict: ScriptedUpstream;
let lax: ScriptedUpstream;
let egress: Egress;
let upstreams: Upstreams;
const never = new AbortController().signal;

beforeAll(async () => {
  strict = await ScriptedUpstream.start({ apiKey: KEY });
  lax = await ScriptedUpstream.start();
  egress = new Egress({
    allow: parseAllowRules(`${strict.url},${lax.url}`),
    limits: { firstPieceMs: 250, betweenPiecesMs: 250, testMs: 2_000, bodyBytes: MB },
  });
  upstreams = new Upstreams({ egress });
});
afterEach(() => {
  for (const upstream of [strict, lax]) {
    upstream.requests.splice(0);
    upstream.setModels(servesModels("some-model", "other-model"));
  }
});
afterAll(async () => {
  await egress.close();
  await strict.close();
  await lax.close();
});

function vendor(
  upstream: ScriptedUpstream,
  providerType: ProviderType = "OPENAI",
  key: string | undefined = KEY,
): Vendor {
  const { defaultHeaderName: headerName, defaultPrefix: prefix } = providers[providerType];
  const apiKey = key === undefined ? undefined : { secret: new Secret(key), headerName, prefix };
  return { ownerId: "owner", providerType, endpointUrl: `${upstream.url}/v1`, apiKey };
}

const withoutKey = (of: Vendor): Vendor => ({ ...of, apiKey: undefined });

async function modelsOf(of: Vendor): Promise<string> {
  const list = await upstreams.models(of, never).catch((error) => {
    if (error instanceof UpstreamFailure) return error.kind;
    throw error;
  });
  return typeof list === "string" ? list : list.models.map(({ id }) => id).join(" ");
}

describe("the models of a vendor", () => {
  it.each(["OPENAI", "OLLAMA", "ANTHROPIC"] as const)("are asked for as %s takes it", async (providerType) => {
    expect(await modelsOf(vendor(strict, providerType))).toBe("some-model other-model");
    const [call] = strict.requests;
    expect(call?.path.replace(/\?.*/, "")).toBe("/v1/models");
    expect([call?.text, call?.headers["content-type"]]).toEqual(["", undefined]);
  });

  it.each([
    { what: "are told more of by LiteLLM", details: sends(DETAILS, json), says: [8_000, true] },
    { what: "are listed all the same where that is for others", details: refuses(403), says: [undefined, undefined] },
    {
      what: "are listed all the same where there is no such thing",
      details: refuses(404),
      says: [undefined, undefined],
    },
    {
      what: "are listed all the same where that never comes",
      details: behaviours.silent as Behaviour,
      says: [undefined, undefined],
    },
  ])("$what", async ({ details, says }) => {
    const list = servesModels("some-model");
    strict.setModels((call) => (call.path === "/v1/model/info" ? details(call) : list(call)));
    const { models } = await upstreams.models(vendor(strict, "LITELLM_PROXY"), never);
    expect(
      models.map(({ id, maxContextLength, supportsFunctionCalling }) => [
        id,
        maxContextLength,
        supportsFunctionCalling,
      ]),
    ).toEqual([["some-model", ...says]]);
    expect(strict.requests.map(({ path }) => path)).toEqual(["/v1/models", "/v1/model/info"]);
  });

  it("are read to the last page", async () => {
    strict.setModels(servesModels("a", "b", "c/?&", "d", "e"));
    expect(await modelsOf(vendor(strict, "ANTHROPIC"))).toBe("a b c/?& d e");
    expect(strict.requests.map(({ path }) => path)).toEqual([
      "/v1/models?limit=1000",
      "/v1/models?limit=1000&after_id=b",
      "/v1/models?limit=1000&after_id=d",
    ]);
  });

  it.each([
    { name: "that are the same for ever", last: () => "a", calls: 2 },
    { name: "without end", last: (count: number) => `m${count}`, calls: 20 },
  ])("are read from pages $name, and then no more", async ({ last, calls }) => {
    lax.setModels(({ response }) => {
      const id = last(lax.requests.length);
      response.writeHead(200, json).end(JSON.stringify({ data: [{ id }], has_more: true, last_id: id }));
    });
    await upstreams.models(vendor(lax, "ANTHROPIC"), never);
    expect(lax.requests.length).toBe(calls);
  });

  it("say when there are more", async () => {
    const ids = Array.from({ length: 10_001 }, (_, index) => `m${index}`);
    lax.setModels(servesModels(...ids));
    const { models, isComplete } = await upstreams.models(vendor(lax), never);
    expect([models.length, isComplete]).toEqual([10_000, false]);
  });

  it("are read from a bare list", async () => {
    lax.setModels(sends('[{"id":"together"}]', json));
    expect(await modelsOf(vendor(lax))).toBe("together");
  });

  it("are not those that repeat the key, that have no name or one without end", async () => {
    lax.setModels(servesModels("good", `model-${KEY}`, "", "x".repeat(256)));
    expect(await modelsOf(vendor(lax))).toBe("good");
  });

  it.each<[string, Behaviour, string]>([
    ["the key is refused", refuses(401), "key-refused"],
    ["there is no such path", refuses(404), "bad-reply"],
    ["it is a page", behaviours.html as Behaviour, "bad-reply"],
    ["it is something else", sends('{"ok":true}', json), "bad-reply"],
    ["the rate is limited", refuses(429), "rate-limited"],
    ["it fails", refuses(500), "unavailable"],
    ["it never answers", () => undefined, "timeout"],
    ["it never ends", behaviours["endless-line"] as Behaviour, "bad-reply"],
    ["it redirects", ({ response }) => void response.writeHead(302, { location: lax.url }).end(), "bad-reply"],
  ])("fail when %s", async (_, behaviour, kind) => {
    strict.setModels(behaviour);
    expect(await modelsOf(vendor(strict))).toBe(kind);
  });

  it("are no longer asked for when the caller leaves", async () => {
    lax.setModels(() => undefined);
    const leave = new AbortController();
    const asking = upstreams.models(vendor(lax), leave.signal);
    await lax.whenRequested(0);
    leave.abort(new Error("left"));
    await expect(asking).rejects.toThrow("left");
    await lax.whenClosed(0);
  });
});

describe("the test of a vendor", () => {
  it.each<[string, () => Vendor, string, string]>([
    ["a key that is good", () => vendor(strict), "OK", "PASSED"],
    ["a key that is good, at Anthropic", () => vendor(strict, "ANTHROPIC"), "OK", "PASSED"],
    ["a key that is bad", () => vendor(strict, "OPENAI", "sk-bad"), "KEY_REFUSED", "FAILED"],
    ["no key where one is asked for", () => withoutKey(vendor(strict, "OLLAMA")), "KEY_REFUSED", "FAILED"],
    ["a key that nobody looks at", () => vendor(lax), "INCONCLUSIVE", "INCONCLUSIVE"],
    ["no key where none is asked for", () => withoutKey(vendor(lax, "OLLAMA")), "OK", "SKIPPED"],
    ["no key where the list says nothing", () => withoutKey(vendor(lax, "LLAMA_CPP")), "INCONCLUSIVE", "SKIPPED"],
    ["a key at OpenRouter", () => vendor(strict, "OPEN_ROUTER"), "OK", "PASSED"],
  ])("with %s", async (_, of, outcome, key) => {
    const result = await upstreams.testVendor(of(), never);
    expect(result).toMatchObject({ outcome, model: "" });
    const states = Object.fromEntries(result.stages.map(({ name, state }) => [name, state]));
    expect(states).toEqual({
      ADDRESS: "PASSED",
      CONNECTION: "PASSED",
      KEY: key,
      MODEL: "SKIPPED",
      REPLY: "SKIPPED",
      STREAM: "SKIPPED",
    });
  });

  it("asks OpenRouter about the key, as it lists its models to anybody", async () => {
    await upstreams.testVendor(vendor(strict, "OPEN_ROUTER"), never);
    expect(strict.requests.map(({ path }) => path)).toEqual(["/v1/key", "/v1/key"]);
  });

  it("sends the key once, and then one that is none", async () => {
    await upstreams.testVendor(vendor(strict), never);
    expect(strict.requests.map(({ headers }) => headers.authorization)).toEqual([
      `Bearer ${KEY}`,
      expect.not.stringContaining(KEY),
    ]);
  });

  it.each<[string, Behaviour[], string]>([
    ["the vendor does not list its models", [refuses(404)], "INCONCLUSIVE"],
    ["a page answers", [behaviours.html as Behaviour], "BAD_REPLY"],
    ["the rate is limited", [refuses(429)], "RATE_LIMITED"],
    ["the vendor fails", [refuses(500)], "INCONCLUSIVE"],
    ["nothing comes", [() => undefined], "TIMEOUT"],
    ["the second call fails", [servesModels("a"), refuses(500)], "INCONCLUSIVE"],
    ["the second call is limited", [servesModels("a"), refuses(429)], "INCONCLUSIVE"],
  ])("when %s", async (_, behaviours, outcome) => {
    lax.script(...behaviours);
    const result = await upstreams.testVendor(vendor(lax), never);
    expect(result.outcome).toBe(outcome);
    expect(JSON.stringify(result)).not.toContain(KEY);
  });

  it("sends nothing where it is not let", async () => {
    const closed = { ...vendor(lax), endpointUrl: "http://127.0.0.1:9/v1" };
    const result = await upstreams.testVendor(closed, never);
    expect([result.outcome, result.latencyMs]).toEqual(["BLOCKED", 0]);
  });
});
