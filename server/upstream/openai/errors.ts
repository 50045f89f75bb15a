import type { ApiError } from "../models/adapter.ts";
import type { FailureKind } from "../models/failure.ts";
import { asObject, asText, type JsonObject } from "../models/json-value.ts";

/**
 * The error that a body or a chunk of a stream holds, by the forms that are met: `{error: {message, type, param, code}}`
 * of OpenAI and most others, `{error: "text"}`, and the bare `{object: "error", message, …}` of Mistral and older vLLM.
 */
export function readError(body: JsonObject): ApiError | undefined {
  const error = asObject(body.error) ?? (body.object === "error" || asText(body.error) !== "" ? body : undefined);
  if (error === undefined) return undefined;
  // LiteLLM writes Python's None as a text, and the HTTP status as one.
  const names = [error.code, error.type].map(asText).filter((name) => !/^(None|\d*)$/.test(name));
  const message = asText(error.message) || asText(error.error);
  const parameter = asText(error.param) || (TOKEN_LIMIT.test(message) ? "max_tokens" : "");
  return {
    kind: kindByName(names) ?? kindByMessage(message, parameter) ?? kindByStatus(error.code),
    code: names[0] ?? "",
    parameter,
  };
}

/** A reasoning model may spend all of a small limit before its first word; OpenAI calls that an invalid request. */
const TOKEN_LIMIT = /max_tokens or model output limit was reached|\bmax_(completion_)?tokens\b/;

const KINDS: Readonly<Record<string, FailureKind>> = {
  invalid_api_key: "key-refused",
  authentication_error: "key-refused",
  auth_error: "key-refused", // LiteLLM
  token_not_found_in_db: "key-refused", // LiteLLM
  InvalidApiKey: "key-refused", // DashScope
  model_not_found: "model-not-found",
  invalid_model: "model-not-found", // Mistral
  DeploymentNotFound: "model-not-found", // Azure
  insufficient_quota: "quota-exhausted",
  billing_hard_limit_reached: "quota-exhausted",
  billing_not_active: "quota-exhausted",
  budget_exceeded: "quota-exhausted", // LiteLLM
  exceeded_current_quota_error: "quota-exhausted", // Moonshot
  Arrearage: "quota-exhausted", // DashScope
  "AllocationQuota.FreeTierOnly": "quota-exhausted", // DashScope
  rate_limit_exceeded: "rate-limited",
  rate_limit_error: "rate-limited",
  server_error: "unavailable",
  overloaded_error: "unavailable",
};

function kindByName(names: readonly string[]): FailureKind | undefined {
  const known = names.find((name) => Object.hasOwn(KINDS, name));
  return known === undefined ? undefined : KINDS[known];
}

/** What servers that give every error the same code say in words; read only to tell the kind, never shown. */
function kindByMessage(message: string, parameter: string): FailureKind | undefined {
  if (/(incorrect|invalid) api[ _-]?key|api key not valid/i.test(message)) return "key-refused"; // xAI, Google
  // The path, not the model: OpenAI, Azure, llama.cpp.
  if (/^(invalid url|((resource|file|route|page) )?not found\.?$)/i.test(message)) return "bad-reply";
  if (/invalid model|not a valid model|no endpoints found|model not exist/i.test(message)) return "model-not-found";
  const isMissing = /not found|does(n't| not) exist/i.test(message);
  if (isMissing && (parameter === "model" || /\bmodel\b/i.test(message))) return "model-not-found";
  return undefined;
}

/** OpenRouter, LiteLLM and vLLM repeat the HTTP status as the code: in the middle of a stream it is all there is. */
function kindByStatus(code: unknown): FailureKind | undefined {
  const status = Number(code);
  if (status === 400 || status === 422) return "request-refused";
  if (status === 401) return "key-refused";
  if (status === 402) return "quota-exhausted";
  if (status === 429) return "rate-limited";
  return status >= 500 && status < 600 ? "unavailable" : undefined;
}
