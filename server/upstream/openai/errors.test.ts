import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { refusalOf } from "../models/failure.ts";
import type { Target } from "../models/provider-types.ts";
import { openAi } from "./adapter.ts";
import { readError } from "./errors.ts";

interface Case {
  readonly name: string;
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly kind: string;
  readonly code: string;
  readonly parameter?: string;
}

const cases: Case[] = JSON.parse(readFileSync(join(import.meta.dirname, "fixtures/errors.json"), "utf8"));

const target: Target = {
  ownerId: "owner",
  providerType: "CUSTOM_OPENAI_COMPATIBLE",
  endpointUrl: "https://api.example.com/v1",
  apiPath: "/chat/completions",
  model: "m",
  apiKey: undefined,
};

describe("an error of an OpenAI-compatible API", () => {
  it.each(cases)("$name ($status) means $kind", ({ status, body, kind, parameter }) => {
    const failure = refusalOf(openAi, target, { status, headers: {}, text: JSON.stringify(body) });
    expect(failure.kind).toBe(kind);
    expect(failure.parameter).toBe(parameter);
  });

  it.each(cases.filter(({ body }) => !Array.isArray(body)))("$name has the code '$code'", ({ body, code }) => {
    expect(readError(body)?.code ?? "").toBe(code);
  });

  it.each([
    { name: "a reply", body: { choices: [], error: null } },
    { name: "a reply with an empty error", body: { choices: [], error: "" } },
    { name: "a page's JSON", body: { detail: "Not Found" } },
  ])("is not read from $name", ({ body }) => expect(readError(body)).toBeUndefined());
});
