import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Secret } from "../../base/secret.ts";
import { parseAllowRules } from "../../upstream/egress/allow-rule.ts";
import { Egress } from "../../upstream/egress/egress.ts";
import type { ModelRequest } from "../../upstream/models/conversation.ts";
import { UpstreamFailure } from "../../upstream/models/failure.ts";
import type { Target } from "../../upstream/models/provider-types.ts";
import { Upstreams } from "../../upstream/upstreams.ts";
import { ScriptedUpstream } from "./scripted-upstream.ts";

/** As a check has it: one streamed reply. */
const ASKED = { sampling: {}, bothForms: false };

const KEY = "sk-canary-0123456789";
const MAX_GROWTH_BYTES = 200 * 2 ** 20;
const LIMITS = { firstPieceMs: 400, betweenPiecesMs: 400, testMs: 4_000, wholeMs: 20_000 };

let upstream: ScriptedUpstream;
let egress: Egress;
let upstreams: Upstreams;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  egress = new Egress({ allow: parseAllowRules(upstream.url), limits: LIMITS });
  upstreams = new Upstreams({ egress });
});
afterAll(async () => {
  await egress.close();
  await upstream.close();
});

const never = new AbortController().signal;
const request: ModelRequest = {
  messages: [{ role: "user", parts: [{ type: "text", text: "Hi" }], toolCalls: [] }],
  sampling: {},
  tools: [],
};

const APIS: Pick<Target, "providerType" | "apiPath">[] = [
  { providerType: "OPENAI", apiPath: "/chat/completions" },
  { providerType: "ANTHROPIC", apiPath: "/messages" },
];

function targetOf(model: string, api: (typeof APIS)[number], ownerId = "owner"): Target {
  const apiKey = { secret: new Secret(KEY), headerName: "Authorization", prefix: "Bearer " };
  return { ownerId, endpointUrl: `${upstream.url}/v1`, model, apiKey, ...api };
}

/** What a behaviour of an endpoint comes to: the outcome of a test; the text of a chat, or how it fails. */
interface Row {
  readonly behaviour: string;
  readonly test: string;
  readonly chat: string;
  readonly stream: string;
  /** Of the failure, where the endpoint answered. */
  readonly status?: number;
  readonly retryAfterMs?: number;
}

const MATRIX: readonly Row[] = [
  { behaviour: "slow", test: "OK", chat: "Hello, world", stream: "Hello, world" },
  { behaviour: "silent", test: "TIMEOUT", chat: "!timeout", stream: "!timeout" },
  { behaviour: "stalling", test: "TIMEOUT", chat: "!timeout", stream: "Hello, !timeout", status: 200 },
  { behaviour: "endless-line", test: "BAD_REPLY", chat: "!bad-reply", stream: "!bad-reply", status: 200 },
  { behaviour: "gzip-bomb", test: "BAD_REPLY", chat: "!bad-reply", stream: "!bad-reply", status: 200 },
  { behaviour: "html", test: "BAD_REPLY", chat: "!bad-reply", stream: "!bad-reply", status: 200 },
  { behaviour: "html-403", test: "BAD_REPLY", chat: "!bad-reply", stream: "!bad-reply", status: 403 },
  { behaviour: "unauthorized", test: "KEY_REFUSED", chat: "!key-refused", stream: "!key-refused", status: 401 },
  { behaviour: "forbidden", test: "KEY_REFUSED", chat: "!key-refused", stream: "!key-refused", status: 403 },
  {
    behaviour: "missing-model",
    test: "MODEL_NOT_FOUND",
    chat: "!model-not-found",
    stream: "!model-not-found",
    status: 404,
  },
  {
    behaviour: "busy",
    test: "RATE_LIMITED",
    chat: "!rate-limited",
    stream: "!rate-limited",
    status: 429,
    retryAfterMs: 7_000,
  },
  { behaviour: "broken", test: "INCONCLUSIVE", chat: "!unavailable", stream: "!unavailable", status: 500 },
  { behaviour: "overloaded", test: "INCONCLUSIVE", chat: "!unavailable", stream: "!unavailable", status: 529 },
  { behaviour: "cut", test: "BAD_REPLY", chat: "!bad-reply", stream: "Hello, !bad-reply", status: 200 },
  { behaviour: "wrong-type", test: "BAD_REPLY", chat: "!bad-reply", stream: "!bad-reply", status: 200 },
  { behaviour: "mistyped", test: "OK", chat: "Hello", stream: "Hello" },
  { behaviour: "two-replies", test: "OK", chat: "Hello", stream: "Hello" },
];

/** What was said, then `!` and the failure, if it ended in one. */
interface Said {
  readonly text: string;
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  /** All that is ever told of the failure. */
  readonly told: string;
}

const WAYS = {
  chat: async (target: Target, signal: AbortSignal, add: (text: string) => void) =>
    add((await upstreams.reply(target, request, signal)).text),
  stream: async (target: Target, signal: AbortSignal, add: (text: string) => void) => {
    for await (const event of upstreams.stream(target, request, signal)) {
      if (event.type === "text-delta") add(event.text);
    }
  },
};

async function saidBy(way: keyof typeof WAYS, target: Target): Promise<Said> {
  let text = "";
  try {
    await WAYS[way](target, never, (more) => (text += more));
    return { text, status: undefined, retryAfterMs: undefined, told: text };
  } catch (error) {
    if (!(error instanceof UpstreamFailure)) throw error;
    const { kind, httpStatus, retryAfterMs, message } = error;
    return { text: `${text}!${kind}`, status: httpStatus, retryAfterMs, told: message };
  }
}

/** How much more memory there was than before, at most, while work was done. */
async function growthOf(work: () => Promise<void>): Promise<number> {
  const before = process.memoryUsage().rss;
  let most = before;
  const watch = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss);
  }, 5);
  await work();
  clearInterval(watch);
  return most - before;
}

describe.each(APIS)("an endpoint of $providerType", (api) => {
  describe.each(MATRIX)("that is $behaviour", ({ behaviour, status, retryAfterMs, ...expected }) => {
    it(`is ${expected.test} in a test`, async () => {
      const growth = await growthOf(async () => {
        const result = await upstreams.test(targetOf(behaviour, api), ASKED, never);
        expect(result.outcome).toBe(expected.test);
        expect(JSON.stringify(result)).not.toMatch(/canary|127\.0\.0\.1|nginx|poison|refused with/);
      });
      expect(growth).toBeLessThan(MAX_GROWTH_BYTES);
    });

    it.each(["chat", "stream"] as const)("is told in a %s", async (way) => {
      const growth = await growthOf(async () => {
        const said = await saidBy(way, targetOf(behaviour, api));
        const isFailure = said.text.includes("!");
        expect(said.text).toBe(expected[way]);
        expect(said.status).toBe(isFailure ? status : undefined);
        expect(said.retryAfterMs).toBe(isFailure ? retryAfterMs : undefined);
        expect(said.told).not.toMatch(/canary|127\.0\.0\.1|nginx|poison|refused with/);
      });
      expect(growth).toBeLessThan(MAX_GROWTH_BYTES);
    });
  });

  it("that answers twice on one socket never answers another's call", async () => {
    for (let round = 0; round < 3; round++) {
      const [one, other] = await Promise.all([
        saidBy("chat", targetOf("two-replies", api, "one")),
        saidBy("stream", targetOf("mistyped", api, "other")),
      ]);
      expect([one?.text, other?.text]).toEqual(["Hello", "Hello"]);
      expect((await saidBy("chat", targetOf("mistyped", api, "one"))).text).toBe("Hello");
    }
  });

  const lasting = ["silent", "stalling"];
  it.each(
    lasting.flatMap((behaviour) => [
      { behaviour, way: "chat" as const },
      { behaviour, way: "stream" as const },
    ]),
  )("that is $behaviour is closed within a second of the client's leaving ($way)", async ({ behaviour, way }) => {
    const patient = new Egress({ allow: parseAllowRules(upstream.url) });
    const leaving = new AbortController();
    const before = upstream.requests.length;
    const through = new Upstreams({ egress: patient });
    const target = targetOf(behaviour, api);
    const chat =
      way === "chat"
        ? through.reply(target, request, leaving.signal)
        : Array.fromAsync(through.stream(target, request, leaving.signal));
    const outcome = chat.then(
      () => "replied",
      (error) => error.message,
    );
    const call = await upstream.whenRequested(before);
    await pause(20);
    const leftAt = Date.now();
    leaving.abort(new Error("left"));
    expect(await outcome).toBe("left");
    await call.closed;
    expect((call.closedAt ?? Number.POSITIVE_INFINITY) - leftAt).toBeLessThan(1_000);
    await patient.close();
  });
});
