import { describe, expect, it } from "vitest";
import { NearestPaths } from "./nearest-paths.ts";

const SERVED = [
  ["GET", "/v1/llms"],
  ["POST", "/v1/llms"],
  ["GET", "/v1/llms/{llm_id}"],
  ["POST", "/v1/llms/{llm_id}:chat"],
  ["POST", "/v1/llms/{llm_id}:test"],
  ["POST", "/v1/llms/{llm_id}:streamChat"],
  ["GET", "/v1/apiKeys"],
  ["POST", "/v1/apiKeys"],
  ["POST", "/v1/chat/completions"],
  ["PUT", "/v1/llms/{llm_id}"],
  ["GET", "/v1/usage"],
  ["GET", "/v1/providers"],
  ["PUT", "/v1/providers/{name}"],
  ["GET", "/healthz"],
].map(([method = "", path = ""]) => ({ method, path }));

const nearest = new NearestPaths(SERVED);

describe("the path that is meant", () => {
  it.each([
    ["GET", "/llms", "GET /v1/llms"],
    ["GET", "/v1/llm", "GET /v1/llms"],
    ["GET", "/v1/llms/", "GET /v1/llms"],
    ["GET", "/api/v1/llms", "GET /v1/llms"],
    ["POST", "/v1/llms/demo/chat", "POST /v1/llms/{llm_id}:chat"],
    ["POST", "/v1/llms/demo:tset", "POST /v1/llms/{llm_id}:test"],
    ["POST", "/v1/llms/demo:Chat", "POST /v1/llms/{llm_id}:chat"],
    ["POST", "/v1/llms/demo:stream_chat", "POST /v1/llms/{llm_id}:streamChat"],
    ["POST", "/v1/api-keys", "POST /v1/apiKeys"],
    ["POST", "/chat/completions", "POST /v1/chat/completions"],
    ["POST", "/v1/v1/chat/completions", "POST /v1/chat/completions"],
    ["POST", "/v1/chat", "POST /v1/chat/completions"],
    ["POST", "/llms", "POST /v1/llms"],
    ["POST", "/v1/providers", "PUT /v1/providers/{name}"],
    ["POST", "/v1/provider", "PUT /v1/providers/{name}"],
    ["GET", "/health", "GET /healthz"],
    ["GET", "/v1/health", "GET /healthz"],
    ["GET", "/v1/usage:report", "GET /v1/usage"],
  ])("of %s %s is %s", (method, path, meant) => {
    const { method: by, path: at } = nearest.find(method, path) ?? {};
    expect(`${by} ${at}`).toBe(meant);
  });

  it.each(["/", "/swagger", "/v1/images/generations", "/a/b/c/d/e/f/g/h/i", `/${"v1/llms".repeat(100)}`])(
    "of %.30s is not known",
    (path) => expect(nearest.find("GET", path)).toBeUndefined(),
  );
});
