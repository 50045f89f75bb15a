import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Secret } from "../../base/secret.ts";
import { egressFor, serve } from "../../test/upstream/loopback.ts";
import { parseAllowRules } from "../egress/allow-rule.ts";
import { UpstreamFailure } from "../models/failure.ts";
import type { ProviderType, Target } from "../models/provider-types.ts";
import { Upstreams } from "../upstreams.ts";

interface Case {
  readonly name: string;
  readonly status: number;
  readonly providerType?: ProviderType;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  readonly text?: string;
  readonly kind: string;
}

const casesOf = (file: string): Case[] => JSON.parse(readFileSync(join(import.meta.dirname, "fixtures", file), "utf8"));
const cases = [
  ...casesOf("openai-errors.json"),
  ...casesOf("anthropic-errors.json").map((one) => ({ ...one, providerType: "ANTHROPIC" as const })),
  ...casesOf("other-errors.json"),
  ...casesOf("vendor-errors.json"),
  ...casesOf("blind-errors.json"),
].filter(({ status }) => status >= 400);

const never = new AbortController().signal;
const question = {
  messages: [{ role: "user" as const, parts: [{ type: "text" as const, text: "Hi" }], toolCalls: [] }],
  sampling: {},
  tools: [],
};

async function kindOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "none";
  } catch (error) {
    return error instanceof UpstreamFailure ? error.kind : String(error);
  }
}

describe("the same bytes mean the same, whoever asked", () => {
  it.each(cases)(
    "$name ($status): $kind",
    async ({ status, providerType = "CUSTOM_OPENAI_COMPATIBLE", headers, body, text, kind }) => {
      const origin = await serve((request, response) => {
        request.resume();
        response
          .writeHead(status, { "content-type": "application/json", ...headers })
          .end(text ?? JSON.stringify(body));
      });
      const egress = egressFor({ allow: parseAllowRules(origin), limits: { testMs: 5_000 } });
      const upstreams = new Upstreams({ egress });
      const target: Target = {
        ownerId: "owner",
        providerType,
        endpointUrl: `${origin}/v1`,
        apiPath: providerType === "ANTHROPIC" ? "/messages" : "/chat/completions",
        model: "m",
        apiKey: { secret: new Secret("sk-0123456789abcdef"), headerName: "Authorization", prefix: "Bearer " },
      };
      const test = await upstreams.test(target, { sampling: {}, bothForms: true }, never);
      const kinds = [
        await kindOf(upstreams.reply(target, question, never)),
        await kindOf(Array.fromAsync(upstreams.stream(target, question, never))),
        test.failure,
      ];
      expect(kinds).toEqual([kind, kind, kind]);
      // An endpoint that has nothing at the path of a list says nothing else by it.
      const list = await kindOf(upstreams.models(target, never));
      expect(list).toBe(status === 404 || status === 405 ? "bad-reply" : kind);
    },
  );
});
