import { describe, expect, it } from "vitest";
import { Secret } from "../../base/secret.ts";
import type { Target } from "../models/provider-types.ts";
import { refusalOf } from "./refusal.ts";

const KEY = "sk-canary-0123456789";

function target(rest: Partial<Target> = {}): Target {
  return {
    ownerId: "owner",
    providerType: "OPENAI",
    endpointUrl: "https://api.openai.com/v1",
    apiPath: "/chat/completions",
    model: "gpt-9",
    apiKey: { secret: new Secret(KEY), headerName: "Authorization", prefix: "Bearer " },
    ...rest,
  };
}

const HTML = "<!DOCTYPE html><title>no</title>";

describe("a refusal", () => {
  it.each([
    { status: 400, text: '{"detail":"no"}', kind: "request-refused" },
    { status: 400, text: HTML, kind: "bad-reply" },
    { status: 401, text: HTML, kind: "key-refused" },
    { status: 402, text: "", kind: "quota-exhausted" },
    { status: 403, text: "", kind: "key-refused" },
    { status: 403, text: '{"detail":"no"}', kind: "key-refused" },
    { status: 403, text: HTML, kind: "bad-reply" },
    { status: 404, text: HTML, kind: "bad-reply" },
    { status: 404, text: "404 page not found", kind: "bad-reply" },
    { status: 404, text: '{"error":{"message":"nothing here","code":404}}', kind: "model-not-found" },
    { status: 405, text: '{"detail":"Method Not Allowed"}', kind: "bad-reply" },
    { status: 422, text: '{"detail":[]}', kind: "request-refused" },
    { status: 429, text: HTML, kind: "rate-limited" },
    { status: 500, text: "Internal Server Error", kind: "unavailable" },
    { status: 502, text: HTML, kind: "unavailable" },
    { status: 529, text: "", kind: "unavailable" },
  ])("of $status with $text means $kind", ({ status, text, kind }) => {
    expect(refusalOf(target(), { status, headers: {}, text })).toMatchObject({ kind, httpStatus: status });
  });

  it.each([
    {
      code: "invalid_api_key",
      message: "the endpoint refused the key (HTTP 401, invalid_api_key): check the key, its header and its prefix",
    },
    {
      code: "a sentence of theirs",
      message: "the endpoint refused the key (HTTP 401): check the key, its header and its prefix",
    },
    { code: KEY, message: "the endpoint refused the key (HTTP 401): check the key, its header and its prefix" },
    {
      code: `bad.${KEY}`,
      message: "the endpoint refused the key (HTTP 401): check the key, its header and its prefix",
    },
    {
      code: KEY.slice(0, 12),
      message: "the endpoint refused the key (HTTP 401): check the key, its header and its prefix",
    },
    {
      code: "x".repeat(65),
      message: "the endpoint refused the key (HTTP 401): check the key, its header and its prefix",
    },
    { code: "<b>", message: "the endpoint refused the key (HTTP 401): check the key, its header and its prefix" },
    { code: null, message: "the endpoint refused the key (HTTP 401): check the key, its header and its prefix" },
  ])("quotes the code $code only if it can be nothing else", ({ code, message }) => {
    const text = JSON.stringify({ error: { message: `wrong: ${KEY}`, code, param: code } });
    const failure = refusalOf(target(), { status: 401, headers: {}, text });
    expect(failure.message).toBe(message);
    expect(JSON.stringify(failure)).not.toContain(KEY.slice(0, 12));
  });

  it("says that a key is asked for where none is set", () => {
    const failure = refusalOf(target({ apiKey: undefined }), { status: 401, headers: {}, text: "" });
    expect(failure.message).toBe("the endpoint asks for a key (HTTP 401): give the Llm credentials");
  });

  it("of a path says where to look", () => {
    expect(refusalOf(target(), { status: 404, headers: {}, text: HTML }).message).toContain("/v1");
  });

  const inFuture = new Date(Date.now() + 60_000).toUTCString();
  it.each([
    { headers: { "retry-after": "7" }, least: 7_000, most: 7_000 },
    { headers: { "retry-after": "0.5" }, least: 500, most: 500 },
    { headers: { "retry-after": inFuture }, least: 50_000, most: 61_000 },
    { headers: { "retry-after": "Wed, 21 Oct 2015 07:28:00 GMT" }, least: 0, most: 0 },
    { headers: { "retry-after": "1e400" }, least: 86_400_000, most: 86_400_000 },
    { headers: { "retry-after-ms": "123", "retry-after": "1" }, least: 123, most: 123 },
  ])("may say when to come back: $headers", ({ headers, least, most }) => {
    const { retryAfterMs } = refusalOf(target(), { status: 429, headers, text: "" });
    expect(retryAfterMs).toBeGreaterThanOrEqual(least);
    expect(retryAfterMs).toBeLessThanOrEqual(most);
  });

  it.each([{}, { "retry-after": "soon" }, { "retry-after": "-1" }])("does not guess it from %j", (headers) => {
    expect(refusalOf(target(), { status: 429, headers, text: "" }).retryAfterMs ?? 0).toBe(0);
  });
});
