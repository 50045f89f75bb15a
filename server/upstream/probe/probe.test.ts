import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Secret } from "../../base/secret.ts";
import { type Behaviour, refuses, says, sends } from "../../test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { parseAllowRules } from "../egress/allow-rule.ts";
import { Egress } from "../egress/egress.ts";
import type { Target } from "../models/provider-types.ts";
import { Upstreams } from "../upstreams.ts";

/** As a check has it: one streamed reply. */
const ASKED = { sampling: {}, bothForms: false };

const KEY = "sk-right-0123456789";
let upstream: ScriptedUpstream;
let egress: Egress;
let upstreams: Upstreams;
const never = new AbortController().signal;

beforeAll(async () => {
  upstream = await ScriptedUpstream.start({ apiKey: KEY });
  egress = new Egress({ allow: parseAllowRules(`${upstream.url},http://127.0.0.1:1`), limits: { testMs: 1_000 } });
  upstreams = new Upstreams({ egress });
});
afterAll(async () => {
  await egress.close();
  await upstream.close();
});

function target(rest: Partial<Target> = {}): Target {
  return {
    ownerId: "owner",
    providerType: "OPENAI",
    endpointUrl: `${upstream.url}/v1`,
    apiPath: "/chat/completions",
    model: "m",
    apiKey: { secret: new Secret(KEY), headerName: "Authorization", prefix: "Bearer " },
    ...rest,
  };
}

/** The states of all stages by their first letters, in their order. */
async function test(to: Target) {
  const result = await upstreams.test(to, ASKED, never);
  return { ...result, states: result.stages.map(({ state }) => state.charAt(0)).join("") };
}

const wrongKey = { secret: new Secret("sk-wrong"), headerName: "Authorization", prefix: "Bearer " };

describe("the test of a connection", () => {
  it("is OK after one streamed call of at most 16 tokens", async () => {
    const before = upstream.requests.length;
    expect(await test(target())).toMatchObject({
      outcome: "OK",
      states: "PPPPPP",
      message: "the model replied",
      httpStatus: 200,
      model: "m",
    });
    const [request, ...more] = upstream.requests.slice(before);
    expect(request?.body).toMatchObject({ model: "m", stream: true, max_tokens: 16 });
    expect(more).toEqual([]);
  });

  it.each<{ name: string; to: () => Target; outcome: string; states: string; status?: number }>([
    {
      name: "a wrong key",
      to: () => target({ apiKey: wrongKey }),
      outcome: "KEY_REFUSED",
      states: "PPFSSS",
      status: 401,
    },
    { name: "no key", to: () => target({ apiKey: undefined }), outcome: "KEY_REFUSED", states: "PPFSSS", status: 401 },
    {
      name: "an unknown model",
      to: () => target({ model: "missing-model" }),
      outcome: "MODEL_NOT_FOUND",
      states: "PPIFSS",
      status: 404,
    },
    {
      name: "a closed port",
      to: () => target({ endpointUrl: "http://127.0.0.1:1/v1" }),
      outcome: "UNREACHABLE",
      states: "PFSSSS",
    },
    { name: "an endpoint that hangs", to: () => target({ model: "silent" }), outcome: "BUSY", states: "PPIIIS" },
    {
      name: "one that stalls",
      to: () => target({ model: "stalling" }),
      outcome: "TIMEOUT",
      states: "PPPPFF",
      status: 200,
    },
    { name: "a page", to: () => target({ model: "html" }), outcome: "BAD_REPLY", states: "PPIIFF", status: 200 },
    {
      name: "a wrong path",
      to: () => target({ apiPath: "/nothing" }),
      outcome: "BAD_REPLY",
      states: "PPIIFF",
      status: 404,
    },
    {
      name: "a redirect",
      to: () => target({ model: "redirect" }),
      outcome: "BAD_REPLY",
      states: "PPIIFF",
      status: 307,
    },
    { name: "a cut", to: () => target({ model: "cut" }), outcome: "BAD_REPLY", states: "PPPPFF", status: 200 },
    {
      name: "a limited rate",
      to: () => target({ model: "busy" }),
      outcome: "RATE_LIMITED",
      states: "PPIIII",
      status: 429,
    },
    {
      name: "an outage",
      to: () => target({ model: "broken" }),
      outcome: "INCONCLUSIVE",
      states: "PPIIII",
      status: 500,
    },
    {
      name: "an overload",
      to: () => target({ model: "overloaded" }),
      outcome: "INCONCLUSIVE",
      states: "PPIIII",
      status: 529,
    },
    {
      name: "a closed address",
      to: () => target({ endpointUrl: "https://10.0.0.1/v1" }),
      outcome: "BLOCKED",
      states: "FSSSSS",
    },
  ])("tells $name", async ({ to, outcome, states, status }) => {
    const result = await test(to());
    expect(result).toMatchObject({ outcome, states, httpStatus: status });
    // The stage that failed says why.
    const failed = result.stages.filter(({ state }) => state === "FAILED");
    expect(failed.every(({ message }) => message !== "")).toBe(true);
    expect(JSON.stringify(result)).not.toMatch(/sk-|127\.0\.0\.1|nginx/);
  });

  it("says nothing of time where nothing was sent", async () => {
    const results = await Promise.all([
      test(target({ endpointUrl: "http://127.0.0.1:1/v1" })),
      test(target({ endpointUrl: "https://10.0.0.1/v1" })),
    ]);
    expect(results.map(({ latencyMs }) => latencyMs)).toEqual([0, 0]);
  });

  const completion = (choice: unknown, rest = {}) =>
    sends(JSON.stringify({ model: "m", choices: [choice], ...rest }), { "content-type": "application/json" });
  const chunk = (choice: unknown, rest = {}) =>
    sends(`data: ${JSON.stringify({ model: "m", choices: [choice], ...rest })}\n\ndata: [DONE]\n\n`, {
      "content-type": "text/event-stream",
    });
  const error = (body: object) => sends(JSON.stringify({ error: body }), { "content-type": "application/json" }, 400);
  const tooFewTokens = error({
    message: "Could not finish the message because max_tokens or model output limit was reached.",
    type: "invalid_request_error",
    param: null,
  });
  const noStream = error({ message: "must be verified to stream", type: "invalid_request_error", param: "stream" });
  const whole = completion({ message: { content: "OK" }, finish_reason: "stop" });
  const thoughtOnly = { delta: {}, finish_reason: "length" };
  it.each<{ name: string; script: Behaviour[]; outcome: string; states: string; calls: string[] }>([
    {
      name: "a model that thought until its tokens were spent",
      script: [chunk(thoughtOnly)],
      outcome: "OK",
      states: "PPPPPP",
      calls: ["stream 16"],
    },
    {
      name: "an end that only says what it cost",
      script: [chunk({ delta: {} }, { usage: { completion_tokens: 16 } })],
      outcome: "OK",
      states: "PPPPPP",
      calls: ["stream 16"],
    },
    {
      name: "an end that says nothing",
      script: [chunk({ delta: {} })],
      outcome: "BAD_REPLY",
      states: "PPPPFF",
      calls: ["stream 16"],
    },
    {
      name: "a model that refuses so few tokens",
      script: [tooFewTokens, says("OK")],
      outcome: "OK",
      states: "PPPPPP",
      calls: ["stream 16", "stream undefined"],
    },
    {
      name: "an endpoint that refuses to stream",
      script: [noStream, whole],
      outcome: "OK",
      states: "PPPPPF",
      calls: ["stream 16", "whole 16"],
    },
    {
      name: "one that ignores that it is to stream",
      script: [whole],
      outcome: "OK",
      states: "PPPPPF",
      calls: ["stream 16"],
    },
    {
      name: "a refusal that says nothing of key or model",
      script: [refuses(400), refuses(400)],
      outcome: "INCONCLUSIVE",
      states: "PPIIII",
      calls: ["stream 16", "whole 16"],
    },
    {
      name: "a refusal, and another when asked again",
      script: [noStream, refuses(429)],
      outcome: "RATE_LIMITED",
      states: "PPIIII",
      calls: ["stream 16", "whole 16"],
    },
    {
      name: "an error in the place of a reply",
      script: [sends('{"error":{"code":401,"message":"no"}}', { "content-type": "application/json" })],
      outcome: "KEY_REFUSED",
      states: "PPFSSS",
      calls: ["stream 16"],
    },
  ])("is right of $name", async ({ script, outcome, states, calls }) => {
    const before = upstream.requests.length;
    upstream.script(...script);
    expect(await test(target())).toMatchObject({ outcome, states });
    const made = upstream.requests.slice(before);
    expect(made.map(({ body }) => `${body.stream ? "stream" : "whole"} ${body.max_tokens}`)).toEqual(calls);
  });

  it("sends the owner's own limit of tokens, since chats do", async () => {
    const tooMany = error({ message: "max_tokens must be at most 8192", param: "max_tokens" });
    upstream.script(tooMany, tooMany);
    const before = upstream.requests.length;
    const asChats = { sampling: { maxTokens: 100_000 }, bothForms: false };
    expect((await upstreams.test(target(), asChats, never)).outcome).not.toBe("OK");
    expect(upstream.requests[before]?.body.max_tokens).toBe(100_000);
  });

  it("leaves a model that says more than it was asked to", async () => {
    const many = Array.from({ length: 200 }, () => `data: {"model":"m","choices":[{"delta":{"content":"x"}}]}\n\n`);
    upstream.script(sends(many.join(""), { "content-type": "text/event-stream" }));
    expect(await test(target())).toMatchObject({ outcome: "OK", states: "PPPPPP" });
  });

  it("believes no fallback of a gateway, whatever the type", async () => {
    const headers = { "content-type": "application/json", "x-litellm-attempted-fallbacks": "1" };
    upstream.script(sends(JSON.stringify({ model: "other", choices: [{ message: { content: "Hi" } }] }), headers));
    const { outcome, message } = await test(target({ providerType: "CUSTOM_OPENAI_COMPATIBLE" }));
    expect(outcome).not.toBe("OK");
    expect(message).toContain("other");
  });

  it("does not claim to have tried a key where there is none", async () => {
    const open = await ScriptedUpstream.start();
    const through = new Egress({ allow: parseAllowRules(open.url) });
    const to = target({ endpointUrl: `${open.url}/v1`, apiKey: undefined, providerType: "OLLAMA" });
    const { outcome, stages } = await new Upstreams({ egress: through }).test(to, ASKED, never);
    expect([outcome, stages[2]]).toEqual(["OK", { name: "KEY", state: "SKIPPED", message: "" }]);
    await through.close();
    await open.close();
  });

  it("ends when its caller leaves, with the caller's reason", async () => {
    const controller = new AbortController();
    const before = upstream.requests.length;
    const running = upstreams.test(target({ model: "silent" }), ASKED, controller.signal);
    setTimeout(() => controller.abort("left"), 30);
    await expect(running).rejects.toBe("left");
    expect((await upstream.whenClosed(before)).wasCompleted).toBe(false);
  });
});
