import { ATTEMPTS } from "../chat/present.ts";
import type { FaceError } from "./face.ts";

/** What a program can do about an error, as far as the APIs have a status and a word for it. */
export interface FaceVerdict {
  readonly httpStatus: number;
  /** OpenAI's `error.type`. */
  readonly openAiType: string;
  /** OpenAI's `error.code`. */
  readonly openAiCode: string | null;
  /** Anthropic's `error.type`. */
  readonly anthropicType: string;
  /** Whether it can help to send the same again. */
  readonly isWorthRepeating: boolean;
}

type Row = readonly [httpStatus: number, openAiType: string, openAiCode: string | null, anthropicType: string];

const BAD_REQUEST: Row = [400, "invalid_request_error", null, "invalid_request_error"];
/** Programs stop at once and show the sentence; 429, which OpenAI has for it, makes them call again and again. */
const NO_MONEY: Row = [402, "insufficient_quota", "insufficient_quota", "billing_error"];

/** By reason; what is not here goes by its HTTP status. */
const BY_REASON: Readonly<Record<string, Row>> = {
  API_KEY_REFUSED: [401, "invalid_request_error", "invalid_api_key", "authentication_error"],
  PERMISSION_MISSING: [403, "permission_error", "permission_missing", "permission_error"],
  LLM_NOT_FOUND: [404, "invalid_request_error", "model_not_found", "not_found_error"],
  DEFAULT_LLM_NOT_SET: [404, "invalid_request_error", "model_not_found", "not_found_error"],
  LLM_DISABLED: [400, "invalid_request_error", "model_disabled", "invalid_request_error"],
  BUDGET_EXHAUSTED: NO_MONEY,
  UPSTREAM_QUOTA_EXHAUSTED: NO_MONEY,
  PRICE_UNKNOWN: [400, "invalid_request_error", "price_unknown", "invalid_request_error"],
  MESSAGE_TOO_LARGE: [413, "invalid_request_error", "request_too_large", "request_too_large"],
  RATE_LIMITED: [429, "rate_limit_error", "rate_limit_exceeded", "rate_limit_error"],
  UPSTREAM_RATE_LIMITED: [429, "rate_limit_error", "rate_limit_exceeded", "rate_limit_error"],
  // It is the owner's key that is refused, not the caller's: a 401 would have programs ask for another one.
  UPSTREAM_KEY_REFUSED: [400, "invalid_request_error", "upstream_key_refused", "invalid_request_error"],
  UPSTREAM_MODEL_NOT_FOUND: [400, "invalid_request_error", "upstream_model_not_found", "invalid_request_error"],
  UPSTREAM_PROVIDER_KEY_REFUSED: [400, "invalid_request_error", "upstream_key_refused", "invalid_request_error"],
  UPSTREAM_MODEL_NOT_ALLOWED: [400, "invalid_request_error", "upstream_model_not_allowed", "invalid_request_error"],
  UPSTREAM_CONTEXT_TOO_LONG: [400, "invalid_request_error", "context_length_exceeded", "invalid_request_error"],
  UPSTREAM_CONTENT_REFUSED: [400, "invalid_request_error", "content_policy_violation", "invalid_request_error"],
  UPSTREAM_REGION_REFUSED: [
    400,
    "invalid_request_error",
    "unsupported_country_region_territory",
    "invalid_request_error",
  ],
  UPSTREAM_FEATURE_REFUSED: [400, "invalid_request_error", "unsupported_feature", "invalid_request_error"],
  UPSTREAM_PARAMETER_REFUSED: [400, "invalid_request_error", "unsupported_parameter", "invalid_request_error"],
  UPSTREAM_REQUEST_REFUSED: BAD_REQUEST,
  UPSTREAM_BUSY: [503, "server_error", "upstream_busy", "overloaded_error"],
  UPSTREAM_UNREACHABLE: [503, "server_error", "upstream_unreachable", "api_error"],
  UPSTREAM_UNAVAILABLE: [503, "server_error", "upstream_unavailable", "overloaded_error"],
  UPSTREAM_TIMEOUT: [504, "server_error", "upstream_timeout", "timeout_error"],
  UPSTREAM_BAD_REPLY: [502, "server_error", "upstream_bad_reply", "api_error"],
};

/** By HTTP status, for all other reasons. */
const BY_STATUS: Readonly<Record<number, Row>> = {
  400: BAD_REQUEST,
  401: [401, "invalid_request_error", "invalid_api_key", "authentication_error"],
  403: [403, "permission_error", null, "permission_error"],
  404: [404, "invalid_request_error", "not_found", "not_found_error"],
  405: [405, "invalid_request_error", "method_not_allowed", "invalid_request_error"],
  413: [413, "invalid_request_error", "request_too_large", "request_too_large"],
  415: [415, "invalid_request_error", "unsupported_media_type", "invalid_request_error"],
  426: [426, "invalid_request_error", "upgrade_required", "invalid_request_error"],
  429: [429, "rate_limit_error", "rate_limit_exceeded", "rate_limit_error"],
  503: [503, "server_error", null, "overloaded_error"],
  504: [504, "server_error", null, "timeout_error"],
};
const BUG: Row = [500, "server_error", null, "api_error"];

/** What an error is in the words of the APIs. */
export function verdictOf({ reason, httpStatus }: FaceError): FaceVerdict {
  const byStatus = BY_STATUS[httpStatus] ?? (httpStatus < 500 ? BAD_REQUEST : BUG);
  const [status, openAiType, openAiCode, anthropicType] = BY_REASON[reason] ?? byStatus;
  return {
    httpStatus: status,
    openAiType,
    openAiCode,
    anthropicType,
    isWorthRepeating: status === 429 || status >= 500,
  };
}

/**
 * The sentence of an error. Claude Code makes room by itself when it reads that a prompt is too long, in Anthropic's own
 * words; ours follow.
 */
export function sentenceOf({ reason, message, metadata }: FaceError, inAnthropicsWords = false): string {
  if (reason !== "UPSTREAM_CONTEXT_TOO_LONG" || !inAnthropicsWords) return message;
  const { promptTokens, contextTokens } = metadata;
  const isAlone = Number(promptTokens) > Number(contextTokens);
  const both = isAlone ? `: ${promptTokens} tokens > ${contextTokens} maximum` : "";
  return `prompt is too long${both}; ${message}`;
}

/** Which Llms a route has tried, as the headers of an error say it. */
export function attemptsIn({ metadata: { attempts } }: FaceError): Record<string, string> {
  return attempts === undefined ? {} : { [ATTEMPTS]: attempts };
}

/** The same as a comment before an event: programs pass over comments. */
export function attemptsComment(error: FaceError): string {
  return Object.entries(attemptsIn(error))
    .map(([name, value]) => `: ${name}: ${value}\n\n`)
    .join("");
}

/** How long to wait before a repetition, where nobody said. */
export const USUAL_WAIT_SECONDS = "1";
