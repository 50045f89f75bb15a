import type { ApiError } from "../models/adapter.ts";
import type { FailureKind } from "../models/failure.ts";
import { asObject, asText, type JsonObject } from "../models/json-value.ts";

/** The error that a body or an event of a stream holds: `{type: "error", error: {type, message}}`. */
export function readError(body: JsonObject): ApiError | undefined {
  const error = body.type === "error" ? asObject(body.error) : undefined;
  if (error === undefined) return undefined;
  const code = asText(error.type);
  const message = asText(error.message);
  return { kind: kindOf(code, message), code, parameter: /\bmax_tokens\b/.test(message) ? "max_tokens" : "" };
}

const KINDS: Readonly<Record<string, FailureKind>> = {
  authentication_error: "key-refused",
  permission_error: "key-refused",
  billing_error: "quota-exhausted",
  rate_limit_error: "rate-limited",
  request_too_large: "request-refused",
  api_error: "unavailable",
  timeout_error: "unavailable",
  overloaded_error: "unavailable",
};

/** The message is read where the type does not tell, and never shown. */
function kindOf(code: string, message: string): FailureKind | undefined {
  // Of a model it says `model: claude-…`, of a path `Not Found`.
  if (code === "not_found_error") return message.startsWith("model") ? "model-not-found" : "bad-reply";
  if (code === "invalid_request_error") {
    return /credit balance is too low/i.test(message) ? "quota-exhausted" : "request-refused";
  }
  return Object.hasOwn(KINDS, code) ? KINDS[code] : undefined;
}
