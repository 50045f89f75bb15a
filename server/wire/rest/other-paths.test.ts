import { describe, expect, it } from "vitest";
import { hintForPath } from "./other-paths.ts";

const ROTATES =
  "PATCH /v1/llms/{llm_id} with `credentials` changes the key, and POST /v1/llms/{llm_id}:addPendingCredentials tries one beside it";

describe("what helps who calls another API's path", () => {
  it.each([
    ["DELETE", "/v1/llms", "they are deleted one by one, by DELETE and the path with an id"],
    ["DELETE", "/v1/apiKeys/0123456789abcdef", "POST /v1/apiKeys/{api_key_id}:revoke revokes a key"],
    ["PATCH", "/v1/llms", "they are changed one by one, by PATCH and the path with an id"],
    ["PUT", "/v1/providers", "PUT /v1/providers/{name} makes or changes one"],
    ["POST", "/v1/llms/demo:delete", "DELETE deletes it, at the path without the verb"],
    ["POST", "/v1/llms/demo:update", "PATCH changes it, at the path without the verb"],
    ["POST", "/v1/llms/demo:disable", 'PATCH /v1/llms/{llm_id} with {"disabled": true} or false'],
    ["POST", "/v1/llms/demo/default", "POST /v1/llms/{llm_id}:setDefault"],
    ["POST", "/v1/llms/demo:stream", "POST /v1/llms/{llm_id}:streamChat"],
    ["GET", "/v1/llms/demo/usage", "GET /v1/usage?llmId=ID sums what an Llm was used for, and what it cost"],
    ["POST", "/v1/llms/demo:rotate", ROTATES],
    ["POST", "/v1/llms/demo/rotate-key", ROTATES],
    ["POST", "/v1/apiKeys/0123456789abcdef:rotate", "POST /v1/apiKeys/{api_key_id}:roll makes the key that follows it"],
    ["POST", "/v1/llms/demo/chat/completions", "POST /v1/llms/{llm_id}:chat"],
    [
      "POST",
      "/v1/models/a/b:chat",
      "POST /v1/llms/{llm_id}:chat, or POST /v1/chat/completions with the name as `model`",
    ],
    ["POST", "/v1/llms/demo", "PATCH /v1/llms/{llm_id} changes it, and POST /v1/llms/{llm_id}:chat chats with it"],
    ["GET", "/v1/keys", "GET /v1/apiKeys lists the API keys"],
    ["POST", "/key/generate", "POST /v1/apiKeys makes an API key"],
    ["POST", "/model/new", "POST /v1/llms makes an Llm"],
    ["GET", "/model/info", "GET /v1/llms lists the Llms"],
    ["GET", "/v1/spend", "GET /v1/usage sums what was used, and what it cost"],
    ["GET", "/global/spend/logs", "GET /v1/usage sums what was used, and what it cost"],
    ["POST", "/budget/new", "POST /v1/budgets makes a budget"],
    ["GET", "/v1/me", "GET /v1/caller tells who calls"],
    ["GET", "/v1/users", "GET /v1/accounts lists the accounts, which own Llms and keys"],
    ["GET", "/v1/audit", "GET /v1/auditEvents lists who did what"],
    ["POST", "/api/generate", "POST /v1/chat/completions, or POST /v1/llms/{llm_id}:chat"],
    ["POST", "/openai/deployments/x/chat/completions", "POST /v1/chat/completions, or POST /v1/llms/{llm_id}:chat"],
    ["GET", "/api/tags", "GET /v1/models lists the models"],
    ["GET", "/swagger.json", "GET /docs shows every call, and GET /openapi.json describes them"],
    ["GET", "/console/", "the console is at /"],
  ])("%s %s: %s", (method, path, hint) => expect(hintForPath(method, path)).toBe(hint));

  it.each([
    ["GET", "/v1/llm"],
    ["POST", "/v1/llms/demo:tset"],
    ["GET", "/constructor"],
    ["POST", `/key/${"x".repeat(500)}`],
  ])("%s %.30s: nothing is known of it", (method, path) => expect(hintForPath(method, path)).toBeUndefined());
});
