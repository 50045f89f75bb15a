import type { IncomingHttpHeaders } from "node:http";
import type { Adapter, ApiError } from "./adapter.ts";
import { type JsonObject, parseObject } from "./json-value.ts";
import type { Target } from "./provider-types.ts";

/** The ways in which an endpoint fails us; each one asks for something else from the owner. */
export type FailureKind =
  | "blocked"
  | "unreachable"
  | "timeout"
  | "key-refused"
  | "model-not-found"
  | "request-refused"
  | "rate-limited"
  | "quota-exhausted"
  | "unavailable"
  | "bad-reply";

/** What is known of a failure beside its kind. */
export interface FailureFacts {
  /** Undefined when no answer came. */
  readonly httpStatus?: number | undefined;
  /** When the endpoint said so. */
  readonly retryAfterMs?: number | undefined;
  /** The part of the request that the endpoint refuses, by the name the endpoint gives it. */
  readonly parameter?: string | undefined;
}

/** A call of an endpoint that did not give a reply. Its message is ours: it never quotes the endpoint. */
export class UpstreamFailure extends Error {
  override readonly name = "UpstreamFailure";
  readonly kind: FailureKind;
  readonly httpStatus: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly parameter: string | undefined;

  constructor(kind: FailureKind, message: string, facts: FailureFacts = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.httpStatus = facts.httpStatus;
    this.retryAfterMs = facts.retryAfterMs;
    this.parameter = facts.parameter;
  }
}

/** The failure that an answer with a status of 400 or more is. */
export function refusalOf(
  adapter: Adapter,
  target: Target,
  answer: { readonly status: number; readonly headers: IncomingHttpHeaders; readonly text: string },
): UpstreamFailure {
  const { status, headers, text } = answer;
  const body = parseBody(text);
  const error = body === undefined ? undefined : adapter.readError(body);
  const kind = error?.kind ?? kindByStatus(status, error, body, text);
  const retryAfterMs = readRetryAfter(headers, Date.now());
  return apiFailure(target, { ...(error ?? NO_WORDS), kind }, { status, retryAfterMs });
}

/** The failure that an error in the words of the provider's API is. */
export function apiFailure(
  target: Target,
  { kind = "unavailable", code, parameter }: ApiError,
  { status, retryAfterMs }: { status: number; retryAfterMs?: number | undefined },
): UpstreamFailure {
  const details = [`HTTP ${status}`, quotable(code, target)].filter((detail) => detail !== undefined).join(", ");
  const facts = { httpStatus: status, retryAfterMs, parameter: quotable(parameter, target) };
  return new UpstreamFailure(kind, `${sentenceOf(kind, status, target)} (${details})`, facts);
}

const NO_WORDS = { code: "", parameter: "" };

/** Google's OpenAI-compatible face puts its errors into a list. */
function parseBody(text: string): JsonObject | undefined {
  return parseObject(text) ?? parseObject(text.trim().replace(/^\[(.*)\]$/s, "$1"));
}

function kindByStatus(
  status: number,
  error: ApiError | undefined,
  body: JsonObject | undefined,
  text: string,
): FailureKind {
  if (status === 401) return "key-refused";
  // A page comes from something in front of the API, which knows nothing of keys.
  if (status === 403) return body === undefined && text.trim() !== "" ? "bad-reply" : "key-refused";
  if (status === 402) return "quota-exhausted";
  if (status === 404) return error === undefined ? "bad-reply" : "model-not-found";
  if (status === 405) return "bad-reply";
  if (status === 429) return "rate-limited";
  if (status >= 500) return "unavailable";
  return body === undefined ? "bad-reply" : "request-refused";
}

function sentenceOf(kind: FailureKind, status: number, { apiKey, model }: Target): string {
  switch (kind) {
    case "key-refused":
      return apiKey === undefined ? "the endpoint asks for a key" : "the endpoint refused the key";
    case "model-not-found":
      return `the endpoint does not serve the model ${JSON.stringify(model)}`;
    case "rate-limited":
      return "the endpoint limits the rate of calls";
    case "quota-exhausted":
      return "the account at the provider has no quota or credit left";
    case "unavailable":
      return "the endpoint could not answer now";
    case "bad-reply":
      return status === 404 || status === 405
        ? "nothing is served at this path: check the end of the endpoint URL (mostly /v1) and the API path"
        : "the endpoint's answer is not one of the provider's API";
    default:
      return "the endpoint refused the request";
  }
}

/** A code of the API, as long as it can be nothing else: not the key, not a part of it, not a sentence. */
function quotable(code: string, { apiKey }: Target): string | undefined {
  if (!/^[a-z0-9_.-]{1,64}$/i.test(code)) return undefined;
  const secret = apiKey?.secret.reveal();
  return secret !== undefined && (code.includes(secret) || secret.includes(code)) ? undefined : code;
}

const MAX_RETRY_AFTER_MS = 24 * 60 * 60 * 1_000;

/** In milliseconds, a day at most, by `retry-after-ms` of OpenAI and Azure, or else by `retry-after`, in seconds or as a date. */
function readRetryAfter(headers: IncomingHttpHeaders, now: number): number | undefined {
  const milliseconds = Number(headers["retry-after-ms"] ?? Number.NaN);
  if (milliseconds >= 0) return Math.min(Math.round(milliseconds), MAX_RETRY_AFTER_MS);
  const value = headers["retry-after"];
  if (value === undefined) return undefined;
  const seconds = Number(value);
  const waitMs = Number.isNaN(seconds) ? Date.parse(value) - now : seconds * 1_000;
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(0, Math.round(waitMs)), MAX_RETRY_AFTER_MS);
}
