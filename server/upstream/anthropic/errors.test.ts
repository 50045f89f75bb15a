import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { refusalOf } from "../models/failure.ts";
import type { Target } from "../models/provider-types.ts";
import { anthropic } from "./adapter.ts";
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
  providerType: "ANTHROPIC",
  endpointUrl: "https://api.example.com/v1",
  apiPath: "/messages",
  model: "m",
  apiKey: undefined,
};

describe("an error of the Messages API", () => {
  it.each(cases)("$name ($status) means $kind", ({ status, body, kind, parameter }) => {
    const failure = refusalOf(anthropic, target, { status, headers: {}, text: JSON.stringify(body) });
    expect(failure.kind).toBe(kind);
    expect(failure.parameter).toBe(parameter);
  });

  it.each(cases)("$name has the code '$code'", ({ body, code }) => {
    expect(readError(body)?.code ?? "").toBe(code);
  });

  it.each([
    { name: "a message", body: { type: "message", content: [] } },
    { name: "an error of another API", body: { error: { message: "no" } } },
  ])("is not read from $name", ({ body }) => expect(readError(body)).toBeUndefined());
});
