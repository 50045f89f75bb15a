import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Secret } from "../../base/secret.ts";
import { errorIn, wordsOf } from "../models/error-words.ts";
import type { Target } from "../models/provider-types.ts";
import { apiFailure, refusalOf } from "./refusal.ts";

interface Case {
  readonly name: string;
  readonly status: number;
  readonly providerType?: Target["providerType"];
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  /** In place of a body: what is no JSON. */
  readonly text?: string;
  readonly kind: string;
  readonly code?: string;
  readonly parameter?: string;
  readonly feature?: string;
  readonly tokens?: readonly [number, number];
  readonly retryAfterMs?: number;
}

const casesOf = (file: string): Case[] => JSON.parse(readFileSync(join(import.meta.dirname, "fixtures", file), "utf8"));
const openAi = casesOf("openai-errors.json");
const anthropic = casesOf("anthropic-errors.json");
// Made for the kinds, to see whether the rules know what nobody listed.
const made = [...casesOf("sense-errors.json"), ...casesOf("nobody-errors.json")];
const others = [
  ...casesOf("other-errors.json"),
  ...casesOf("vendor-errors.json"),
  ...casesOf("blind-errors.json"),
  ...made,
];

function targetOf(providerType: Target["providerType"]): Target {
  return {
    ownerId: "owner",
    providerType,
    endpointUrl: "https://api.example.com/v1",
    apiPath: "/chat/completions",
    model: "m",
    apiKey: { secret: new Secret("sk-canary-0123456789"), headerName: "Authorization", prefix: "Bearer " },
  };
}

const failureOf = ({ status, providerType = "CUSTOM_OPENAI_COMPATIBLE", headers = {}, body, text }: Case) => {
  const target = targetOf(providerType);
  if (status >= 400) return refusalOf(target, { status, headers, text: text ?? JSON.stringify(body) });
  const words = errorIn(body as Record<string, unknown>);
  return words && apiFailure(target, words, { status, headers });
};

describe("what an endpoint says went wrong", () => {
  it.each([...openAi, ...anthropic.map((one) => ({ ...one, providerType: "ANTHROPIC" as const })), ...others])(
    "$name ($status) means $kind",
    (one) => {
      const failure = failureOf(one);
      expect(failure?.kind).toBe(one.kind);
      expect(failure?.parameter).toBe(one.parameter);
      expect(failure?.facts.feature).toBe(one.feature);
    },
  );

  it.each(others.filter(({ tokens }) => tokens))("$name tells both numbers", (one) => {
    const { promptTokens, contextTokens } = failureOf(one)?.facts ?? {};
    expect([promptTokens, contextTokens]).toEqual(one.tokens);
  });

  it.each(others.filter(({ retryAfterMs }) => retryAfterMs))("$name tells when to try again", (one) => {
    expect(failureOf(one)?.retryAfterMs).toBe(one.retryAfterMs);
  });

  it.each([...openAi, ...anthropic].filter(({ code }) => code !== undefined))("$name has the code '$code'", (one) => {
    expect(wordsOf(one.body).codes[0] ?? "").toBe(one.code);
  });

  it.each([...openAi, ...anthropic, ...others])("$name is not quoted", (one) => {
    const { message = "" } = failureOf(one) ?? {};
    for (const text of wordsOf(one.text ?? one.body).message.split("\n"))
      if (text.includes(" ")) expect(message).not.toContain(text);
  });

  it.each([
    { name: "a reply", body: { choices: [{ message: { content: "x" } }], error: null } },
    { name: "a reply with an empty error", body: { choices: [{ message: {} }], error: "" } },
    { name: "a list", body: { object: "list", data: [], error: null } },
    { name: "a message", body: { type: "message", content: [] } },
    { name: "the beginning of a message", body: { type: "message_start", message: { id: "m" } } },
    { name: "a filter's word", body: { choices: [], prompt_filter_results: [] } },
    { name: "a usage", body: { choices: [], usage: { prompt_tokens: 1 } } },
    { name: "an end of an unknown name", body: { choices: [{ finish_reason: "eos_weird", error: null }] } },
    {
      name: "an answer of MiniMax that is a reply",
      body: { base_resp: { status_code: 0, status_msg: "" }, choices: [{}] },
    },
  ])("is not read from $name", ({ body }) => expect(errorIn(body)).toBeUndefined());
});
