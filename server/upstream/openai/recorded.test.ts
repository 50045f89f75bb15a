import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Secret } from "../../base/secret.ts";
import { egressFor, serve } from "../../test/upstream/loopback.ts";
import { parseAllowRules } from "../egress/allow-rule.ts";
import { UpstreamFailure } from "../models/failure.ts";
import { GrowingReply } from "../models/growing-reply.ts";
import type { ProviderType, Target } from "../models/provider-types.ts";
import { Upstreams } from "../upstreams.ts";

/** What a real server answered to `npm run test:upstreams -- --record`. */
interface Recorded {
  readonly version: string;
  readonly replies: readonly {
    readonly name: string;
    readonly status: number;
    readonly headers: Record<string, string>;
    readonly text: string;
  }[];
}

/** What each of them says. */
const MEANS: Readonly<Record<string, Readonly<Record<string, string | object>>>> = {
  "llama-cpp": {
    "a chat": { text: /^[a-z ]+$/, stopReason: "end" },
    "a stream": { text: /^[a-z ]+$/, stopReason: /end|max-tokens/ },
    "a wrong key": "key-refused",
    "too long": "context-too-long",
    "an image": "feature-refused",
  },
  litellm: {
    "a chat": { text: /^Hello\.$/, stopReason: "end" },
    "a stream": { text: /^Hello\.$/, stopReason: "end" },
    "a wrong key": "key-refused",
    "a model that is not there": "model-not-found",
    "key-refused": "provider-key-refused",
    missing: "model-not-found",
    limited: "rate-limited",
    broke: "quota-exhausted",
    broken: "unavailable",
    late: "timeout",
    long: "context-too-long",
    flagged: "content-refused",
    blind: "feature-refused",
  },
};
const TYPES: Readonly<Record<string, ProviderType>> = { "llama-cpp": "LLAMA_CPP", litellm: "LITELLM_PROXY" };

const never = new AbortController().signal;
const question = {
  messages: [{ role: "user" as const, parts: [{ type: "text" as const, text: "Hi" }], toolCalls: [] }],
  sampling: {},
  tools: [],
};

describe.each(Object.keys(MEANS))("what %s answered", (server) => {
  const file = join(import.meta.dirname, `fixtures/recorded-${server}.json`);
  const { replies }: Recorded = JSON.parse(readFileSync(file, "utf8"));

  it("is all of it looked at", () => {
    expect(replies.map(({ name }) => name)).toEqual(Object.keys(MEANS[server] ?? {}));
  });

  it.each(replies)("to $name is what it says, streamed or not", async ({ name, status, headers, text }) => {
    const origin = await serve((request, response) => {
      request.resume();
      response.writeHead(status, headers).end(text);
    });
    const upstreams = new Upstreams({ egress: egressFor({ allow: parseAllowRules(origin) }) });
    const target: Target = {
      ownerId: "owner",
      providerType: TYPES[server] as ProviderType,
      endpointUrl: `${origin}/v1`,
      apiPath: "/chat/completions",
      model: "good",
      apiKey: { secret: new Secret("sk-0123456789abcdef"), headerName: "Authorization", prefix: "Bearer " },
    };
    const heard = new GrowingReply();
    const stream = async () => {
      for await (const event of upstreams.stream(target, question, never)) heard.add(event);
      return heard.reply;
    };
    const right = MEANS[server]?.[name];
    if (typeof right === "string") {
      for (const call of [upstreams.reply(target, question, never), stream()]) {
        const failure = await call.catch((error: unknown) => error);
        expect([failure instanceof UpstreamFailure, (failure as UpstreamFailure).kind]).toEqual([true, right]);
      }
      return;
    }
    const isStream = headers["content-type"]?.startsWith("text/event-stream");
    const { text: said, stopReason, usage } = await (isStream ? stream() : upstreams.reply(target, question, never));
    const { text: words, stopReason: end } = right as { text: RegExp; stopReason: string | RegExp };
    expect(said).toMatch(words);
    expect(stopReason).toMatch(end);
    expect([usage.inputTokens, usage.outputTokens].every((count) => (count ?? 0) > 0)).toBe(true);
  });
});
