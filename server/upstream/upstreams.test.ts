import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { Secret } from "../base/secret.ts";
import { type Behaviour, behaviours, says, saysSlowly, sends } from "../test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../test/upstream/scripted-upstream.ts";
import { parseAllowRules } from "./egress/allow-rule.ts";
import { Egress } from "./egress/egress.ts";
import type { ModelRequest, ReplyEvent } from "./models/conversation.ts";
import { UpstreamFailure } from "./models/failure.ts";
import type { ProviderType, Target } from "./models/provider-types.ts";
import { providers } from "./models/provider-types.ts";
import { Upstreams } from "./upstreams.ts";

/** As a check has it: one streamed reply. */
const ASKED = { sampling: {}, bothForms: false };

const KEY = "sk-canary-0123456789abcdef";
const MB = 1024 * 1024;
/** Eight calls at once, of 2 MB at most each, and the endpoint's own side of them. */
const MAX_LIVE_MB = 60;

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc") as () => void;

let upstream: ScriptedUpstream;
let egress: Egress;
let hastyEgress: Egress;
let upstreams: Upstreams;
/** For endpoints that say nothing, or say it without end; all others have the time that they need on a busy machine. */
let hasty: Upstreams;
const never = new AbortController().signal;

beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  const egressWith = (pieceMs: number) =>
    new Egress({
      allow: parseAllowRules(upstream.url),
      limits: { firstPieceMs: pieceMs, betweenPiecesMs: pieceMs, bodyBytes: 2 * MB, streamBytes: 2 * MB },
    });
  egress = egressWith(10_000);
  hastyEgress = egressWith(250);
  upstreams = new Upstreams({ egress });
  hasty = new Upstreams({ egress: hastyEgress });
});
afterEach(() => upstream.requests.splice(0));
afterAll(async () => {
  await egress.close();
  await hastyEgress.close();
  await upstream.close();
});

function target(model: string, providerType: ProviderType = "OPENAI", rest: Partial<Target> = {}): Target {
  const { defaultApiPath, defaultHeaderName, defaultPrefix } = providers[providerType];
  return {
    ownerId: "owner",
    providerType,
    endpointUrl: `${upstream.url}/v1`,
    apiPath: defaultApiPath,
    model,
    apiKey: { secret: new Secret(KEY), headerName: defaultHeaderName, prefix: defaultPrefix },
    ...rest,
  };
}

const request: ModelRequest = {
  messages: [{ role: "user", parts: [{ type: "text", text: "Say hello." }], toolCalls: [] }],
  sampling: { maxTokens: 50 },
  tools: [],
};

/** What is in use, and does not only wait to be collected, however busy the machine is. */
function liveBytes(): number {
  gc();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** What came of a whole reply: its text, or the kind of its failure. */
async function replyTo(to: Target, through = upstreams): Promise<string> {
  return through.reply(to, request, never).then(({ text }) => text, kindOf);
}

/** What came of a stream: its text up to its end or the kind of its failure. */
async function streamFrom(to: Target, through = upstreams): Promise<string> {
  let text = "";
  try {
    for await (const event of through.stream(to, request, never)) {
      if (event.type === "text-delta" && text.length < 100) text += event.text;
      if (event.type === "end") text += "|";
    }
    return text;
  } catch (error) {
    return `${text}|${kindOf(error)}`;
  }
}

function kindOf(error: unknown): string {
  return error instanceof UpstreamFailure ? error.kind : expect.fail(String(error));
}

/** [behaviour, outcome of the test, whole reply, stream]: each of them, for each provider's API. */
const matrix: [string, string, string, string][] = [
  ["ok", "OK", "Hello, world", "Hello, world|"],
  ["slow", "OK", "Hello, world", "Hello, world|"],
  ["silent", "TIMEOUT", "timeout", "|timeout"],
  ["stalling", "TIMEOUT", "timeout", "Hello, |timeout"],
  ["endless-line", "BAD_REPLY", "bad-reply", "|bad-reply"],
  ["gzip-bomb", "BAD_REPLY", "bad-reply", "|bad-reply"],
  ["html", "BAD_REPLY", "bad-reply", "|bad-reply"],
  ["html-403", "BAD_REPLY", "bad-reply", "|bad-reply"],
  ["html-404", "BAD_REPLY", "bad-reply", "|bad-reply"],
  ["wrong-type", "BAD_REPLY", "bad-reply", "|bad-reply"],
  ["mistyped", "OK", "Hello", "Hello|"],
  ["empty", "BAD_REPLY", "bad-reply", "|bad-reply"],
  ["unstreamed", "OK", "Hello", "Hello|"],
  ["redirect", "BAD_REPLY", "bad-reply", "|bad-reply"],
  ["many-headers", "BAD_REPLY", "bad-reply", "|bad-reply"],
  ["unauthorized", "KEY_REFUSED", "key-refused", "|key-refused"],
  ["forbidden", "KEY_REFUSED", "key-refused", "|key-refused"],
  ["echo-key", "KEY_REFUSED", "key-refused", "|key-refused"],
  ["missing-model", "MODEL_NOT_FOUND", "model-not-found", "|model-not-found"],
  ["busy", "RATE_LIMITED", "rate-limited", "|rate-limited"],
  ["broken", "INCONCLUSIVE", "unavailable", "|unavailable"],
  ["overloaded", "INCONCLUSIVE", "unavailable", "|unavailable"],
  ["cut", "BAD_REPLY", "bad-reply", "Hello, |bad-reply"],
  ["no-end", "BAD_REPLY", "bad-reply", "Hello|bad-reply"],
  ["half-line", "BAD_REPLY", "bad-reply", "Hello|bad-reply"],
  ["lingering", "OK", "Hello", "Hello|"],
  ["hangup", "BAD_REPLY", "cut", "|cut"],
  ["two-replies", "OK", "Hello", "Hello|"],
];

describe.each<ProviderType>(["OPENAI", "ANTHROPIC"])("an endpoint of %s", (providerType) => {
  it.each(matrix)("that is %s: test %s, reply %s, stream %s", async (behaviour, outcome, reply, stream) => {
    const to = target(behaviour, providerType);
    const through = outcome === "TIMEOUT" ? hasty : upstreams;
    const result = await through.test(to, ASKED, never);
    const whole = await replyTo(to, through);
    expect([result.outcome, whole, await streamFrom(to, through)]).toEqual([outcome, reply, stream]);
    // Nothing of it is read by the call that follows on the same pool.
    expect(await replyTo(target("ok", providerType), through)).toBe("Hello, world");
    // However it ended, the endpoint is soon rid of us.
    const before = performance.now();
    await Promise.all(upstream.requests.map((_, index) => upstream.whenClosed(index)));
    expect(performance.now() - before).toBeLessThan(1_100);
  });

  it("is told the key once, in its header, and nobody else is", async () => {
    await replyTo(target("ok", providerType));
    const [{ headers, text } = expect.fail()] = upstream.requests;
    const { defaultHeaderName, defaultPrefix } = providers[providerType];
    expect(headers[defaultHeaderName.toLowerCase()]).toBe(defaultPrefix + KEY);
    expect(JSON.stringify(headers).split(KEY)).toHaveLength(2);
    expect(text).not.toContain(KEY);
  });

  it("B7 that repeats the key does not get it into a message", async () => {
    const to = target("echo-key", providerType);
    const failure = await upstreams.reply(to, request, never).catch((error) => error);
    const result = await upstreams.test(to, ASKED, never);
    expect(`${failure.stack} ${JSON.stringify([failure, failure.cause, result])}`).not.toContain("sk-canary");
  });

  it("A3 is told no key of ours, with none of the owner's", async () => {
    const ours = ["OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"];
    const proxies = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "NODE_USE_ENV_PROXY"];
    for (const name of ours) process.env[name] = "env-canary";
    for (const name of proxies) process.env[name] = "http://127.0.0.1:1";
    try {
      const to = target("ok", providerType, { apiKey: undefined });
      expect([await replyTo(to), await streamFrom(to)]).toEqual(["Hello, world", "Hello, world|"]);
    } finally {
      for (const name of [...ours, ...proxies]) delete process.env[name];
    }
    const said = JSON.stringify(upstream.requests.map(({ headers, text, path }) => [headers, text, path]));
    expect(said).not.toContain("env-canary");
    expect(said).not.toContain("authorization");
    expect(said).not.toContain("x-api-key");
  });

  it("that sends without end costs bounded memory", async () => {
    const before = liveBytes();
    let most = before;
    const watch = setInterval(() => (most = Math.max(most, liveBytes())), 100);
    const behaviours = ["endless", "endless-line", "endless-crumbs", "gzip-bomb"];
    const to = behaviours.map((behaviour) => target(behaviour, providerType));
    const outcomes = await Promise.all(to.flatMap((one) => [replyTo(one, hasty), streamFrom(one, hasty)]));
    clearInterval(watch);
    expect(outcomes.map((o) => o.slice(-60)).filter((outcome) => !/(bad-reply|timeout)$/.test(outcome))).toEqual([]);
    expect((most - before) / MB).toBeLessThan(MAX_LIVE_MB);
  });
});

describe("a stream", () => {
  it("has a start, deltas and an end with the usage", async () => {
    upstream.script(says("Hello"));
    const events: ReplyEvent[] = [];
    for await (const event of upstreams.stream(target("m"), request, never)) events.push(event);
    const tokens = upstream.requests[0]?.tokens;
    expect(events).toEqual([
      { type: "start", model: "m" },
      { type: "text-delta", text: "Hello" },
      {
        type: "end",
        stopReason: "end",
        rawStopReason: "stop",
        usage: { inputTokens: tokens?.input, outputTokens: 1 },
      },
    ]);
  });

  it("gives what arrived together in one batch", async () => {
    const words = Array.from({ length: 100 }, (_, index) => `${index} `);
    upstream.script(says(...words));
    const sizes: number[] = [];
    for await (const batch of upstreams.batches(target("m"), request, never)) sizes.push(batch.length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(102);
    expect(sizes.length).toBeLessThan(20);
  });

  it("gives each word as it comes", async () => {
    upstream.script(saysSlowly(50, "a", "b", "c"));
    const times: number[] = [];
    for await (const event of upstreams.stream(target("m"), request, never)) {
      if (event.type === "text-delta") times.push(performance.now());
    }
    expect((times[2] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(60);
  });

  it.each<ProviderType>(["OPENAI", "ANTHROPIC"])(
    "of %s that is read to its end leaves a connection for the next",
    async (type) => {
      for (let count = 0; count < 3; count += 1) {
        await streamFrom(target("ok", type, { ownerId: "again" }));
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect(new Set(upstream.requests.map(({ port }) => port)).size).toBe(1);
    },
  );

  it("ends when all has been said, not when its connection does, and leaves that for the next all the same", async () => {
    const endsLate: Behaviour = async (call) => {
      await behaviours.lingering?.(call);
      setTimeout(() => call.response.end(), 100);
    };
    upstream.script(endsLate, endsLate);
    const startedAt = performance.now();
    await streamFrom(target("m", "OPENAI", { ownerId: "late" }));
    expect(performance.now() - startedAt).toBeLessThan(90);
    await upstream.whenClosed(0);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await streamFrom(target("m", "OPENAI", { ownerId: "late" }));
    expect(upstream.requests[1]?.port).toBe(upstream.requests[0]?.port);
  });

  const chunk = (choice: object) => `data: ${JSON.stringify({ model: "m", choices: [choice] })}\n\n`;
  const hello = chunk({ delta: { content: "Hello" } });
  const stop = chunk({ delta: {}, finish_reason: "stop" });
  it.each<{ name: string; behaviour: Behaviour; text: string }>([
    {
      name: "has its end though the connection was lost behind it",
      behaviour: ({ response }) => {
        response.writeHead(200, { "content-type": "text/event-stream" });
        response.write(hello + stop);
        setTimeout(() => response.destroy(), 30);
      },
      text: "Hello|",
    },
    {
      name: "has nothing behind its end",
      behaviour: sends(`${hello}${stop}data: [DONE]\n\n${hello}`, { "content-type": "text/event-stream" }),
      text: "Hello|",
    },
    {
      name: "has its end though its last empty line is missing",
      behaviour: sends(`${hello}${stop.trimEnd()}`, { "content-type": "text/event-stream" }),
      text: "Hello|",
    },
    {
      name: "has no end when a piece of it is no JSON",
      behaviour: sends(`${hello}data: {\n\n${stop}`, { "content-type": "text/event-stream" }),
      text: "Hello|bad-reply",
    },
    {
      name: "has no end when it sends an error",
      behaviour: sends(`${hello}data: {"error":{"code":429}}\n\n${stop}`, { "content-type": "text/event-stream" }),
      text: "Hello|rate-limited",
    },
  ])("$name", async ({ behaviour, text }) => {
    upstream.script(behaviour);
    expect(await streamFrom(target("m"))).toBe(text);
  });

  it("that is cut within a line says that it was cut", async () => {
    const drained = Array.fromAsync(upstreams.stream(target("half-line"), request, never));
    await expect(drained).rejects.toThrow("ended its stream before the reply was whole");
  });

  it("that is left closes its connection within a second", async () => {
    upstream.script(saysSlowly(20, ...Array.from({ length: 500 }, () => "la ")));
    for await (const event of upstreams.stream(target("m"), request, never)) {
      if (event.type === "text-delta") break;
    }
    const leftAt = Date.now();
    const { closedAt, wasCompleted } = await upstream.whenClosed(0);
    expect([wasCompleted, Number(closedAt) - leftAt < 1_000]).toEqual([false, true]);
  });

  it.each(["silent", "stalling"])(
    "that is aborted while %s closes its connection and throws the reason",
    async (model) => {
      const controller = new AbortController();
      const reason = new Error("the client has left");
      const stream = upstreams.stream(target(model), request, controller.signal);
      const drained = (async () => {
        for await (const _ of stream);
      })();
      await upstream.whenRequested(0);
      setTimeout(() => controller.abort(reason), 30);
      await expect(drained).rejects.toBe(reason);
      const abortedAt = Date.now();
      const { closedAt } = await upstream.whenClosed(0);
      expect(Number(closedAt) - abortedAt).toBeLessThan(1_000);
    },
  );
});

describe("a whole reply", () => {
  it("that is aborted closes its connection and throws the reason", async () => {
    const controller = new AbortController();
    const reply = upstreams.reply(target("silent"), request, controller.signal);
    setTimeout(() => controller.abort("enough"), 30);
    await expect(reply).rejects.toBe("enough");
    expect((await upstream.whenClosed(0)).wasCompleted).toBe(false);
  });
});

describe("an endpoint's URL", () => {
  it.each([
    { endpointUrl: "/v1", apiPath: "/chat/completions", path: "/v1/chat/completions" },
    { endpointUrl: "/v1/", apiPath: "chat/completions", path: "/v1/chat/completions" },
    { endpointUrl: "", apiPath: "/chat/completions", path: "/chat/completions" },
    { endpointUrl: "/a/b", apiPath: "//chat/completions", path: "/a/b/chat/completions" },
  ])("$endpointUrl and the path $apiPath make $path", async ({ endpointUrl, apiPath, path }) => {
    await replyTo(target("ok", "VLLM", { endpointUrl: upstream.url + endpointUrl, apiPath }));
    expect(upstream.requests[0]?.path).toBe(path);
  });

  it.each(["@evil.example/v1", ".evil.example/v1", ":1/v1", "?x=/chat/completions", "/../chat/completions"])(
    "cannot be led elsewhere by the path %s",
    async (apiPath) => {
      const outcome = await replyTo(target("ok", "VLLM", { endpointUrl: upstream.url, apiPath }));
      expect(["blocked", "bad-reply"]).toContain(outcome);
      expect(upstream.requests.map(({ path }) => path).filter((path) => !path.startsWith("/"))).toEqual([]);
    },
  );
});
