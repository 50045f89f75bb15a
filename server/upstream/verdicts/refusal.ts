import type { IncomingHttpHeaders } from "node:http";
import { type ErrorWords, errorIn, MALFORMED, NO_WORDS, wordsOf } from "../models/error-words.ts";
import { type FailureFacts, type FailureKind, UpstreamFailure } from "../models/failure.ts";
import { asObject, type JsonObject, parseObject } from "../models/json-value.ts";
import type { Target } from "../models/provider-types.ts";
import { readRetryAfter } from "./retry-after.ts";
import { sentenceOf } from "./sentences.ts";
import { verdictOf } from "./verdicts.ts";

/** The head of an answer. */
export interface AnswerHead {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

/** The failure that an answer with a status of 400 or more is. */
export function refusalOf(target: Target, { status, headers, text }: AnswerHead & { readonly text: string }) {
  const body = parseBody(text);
  const words = body === undefined ? (text.trim() === "" ? NO_WORDS : wordsOf(text)) : wordsOf(body);
  return failureOf(target, { status, headers }, words, formOf(body, text));
}

/** The failure that an error in the place of a reply, or of a piece of one, is. */
export function apiFailure(target: Target, words: ErrorWords, head: AnswerHead): UpstreamFailure {
  return failureOf(target, head, words, "error");
}

function failureOf(
  target: Target,
  { status, headers }: AnswerHead,
  words: ErrorWords,
  form: "error" | "json" | "text" | "nothing",
): UpstreamFailure {
  // LiteLLM passes a provider's headers on by this name, and so tells whose answer it is; in a stream its class tells.
  const isOfProvider =
    words.isOfProvider ||
    Object.keys(headers).some((name) => name.startsWith("llm_provider-")) ||
    (target.providerType === "LITELLM_PROXY" && words.codes.some((code) => code.startsWith("litellm.")));
  const answer = { providerType: target.providerType, status, words, isOfProvider, form };
  const verdict = verdictOf(answer);
  const parameter = quotable(verdict.parameter, target);
  const facts: FailureFacts = {
    httpStatus: status,
    retryAfterMs: readRetryAfter(headers, words, Date.now()),
    parameter,
    feature: verdict.feature?.name,
    ...(verdict.kind === "context-too-long" && {
      promptTokens: words.promptTokens,
      contextTokens: words.contextTokens,
    }),
    requestId: requestIdOf(headers, target),
    isOfProvider,
  };
  const code = words.codes.map((code) => quotable(code, target)).find((code) => code !== undefined);
  const details = [`HTTP ${status}`, code].filter((detail) => detail !== undefined).join(", ");
  const [sentence, advice] = sentenceOf(verdict, { ...answer, parameter }, target);
  return new UpstreamFailure(verdict.kind, `${sentence} (${details})${advice && `: ${advice}`}`, facts);
}

function formOf(body: JsonObject | undefined, text: string): "error" | "json" | "text" | "nothing" {
  if (body === undefined) return text.trim() === "" ? "nothing" : "text";
  const isBare = typeof body.detail === "string" || Array.isArray(body.detail);
  return errorIn(body) !== undefined && !isBare ? "error" : "json";
}

/** Google's OpenAI-compatible face puts its errors into a list, and some servers an event of a stream into an answer. */
function parseBody(text: string): JsonObject | undefined {
  const trimmed = text.trim();
  const event = /^(?:event|data|id|:)/.test(trimmed) ? /^data: ?(.*)$/m.exec(trimmed)?.[1] : undefined;
  return (
    parseObject(trimmed) ??
    parseObject(trimmed.replace(/^\[(.*)\]$/s, "$1")) ??
    (event === undefined ? undefined : asObject(parseObject(event)))
  );
}

/** A code of the API, as long as it can be nothing else: not the key, not a part of it, not a sentence. */
function quotable(code: string, { apiKey }: Pick<Target, "apiKey">): string | undefined {
  if (code === MALFORMED.codes[0] || !/^[a-z0-9_.[\]-]{1,64}$/i.test(code)) return undefined;
  const secret = apiKey?.secret.reveal();
  return secret !== undefined && (code.includes(secret) || secret.includes(code)) ? undefined : code;
}

const REQUEST_IDS = ["x-request-id", "request-id", "apim-request-id", "x-litellm-call-id", "x-generation-id", "cf-ray"];

/** By which its operator finds the call in their own log. */
function requestIdOf(headers: IncomingHttpHeaders, target: Pick<Target, "apiKey">): string | undefined {
  const ids = REQUEST_IDS.map((name) => String(headers[name] ?? headers[`llm_provider-${name}`] ?? ""));
  return ids.map((id) => quotable(id, target)).find((id) => id !== undefined);
}

/** The kinds of failure in which nothing was generated, and nothing is billed. */
export const REFUSALS: ReadonlySet<FailureKind> = new Set([
  "blocked",
  "unreachable",
  "key-refused",
  "provider-key-refused",
  "model-not-found",
  "model-not-allowed",
  "context-too-long",
  "content-refused",
  "region-refused",
  "quota-exhausted",
  "rate-limited",
  "busy",
  "feature-refused",
  "parameter-refused",
  "request-refused",
  "unavailable",
]);
