import type { IncomingHttpHeaders } from "node:http";
import { type ErrorWords, errorIn, MALFORMED, NO_WORDS, wordsOf } from "../models/error-words.ts";
import { type FailureFacts, type FailureKind, UpstreamFailure } from "../models/failure.ts";
import { asObject, type JsonObject, parseObject } from "../models/json-value.ts";
import type { Target } from "../models/provider-types.ts";
import { readRetryAfter } from "./retry-after.ts";
import { type Verdict, verdictOf } from "./verdicts.ts";

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

interface Said {
  readonly status: number;
  readonly words: ErrorWords;
  readonly isOfProvider: boolean;
  readonly parameter: string | undefined;
}

/** What happened, and what to do, for whoever has to do it. None of it is the endpoint's words. */
function sentenceOf(
  { kind, feature }: Verdict,
  { status, words, isOfProvider, parameter }: Said,
  { apiKey, model }: Target,
): [sentence: string, advice: string] {
  const name = JSON.stringify(model);
  const operator = "whoever runs the endpoint has to mend that";
  switch (kind) {
    case "key-refused":
      return apiKey === undefined
        ? ["the endpoint asks for a key", "give the Llm credentials"]
        : ["the endpoint refused the key", "check the key, its header and its prefix"];
    case "provider-key-refused":
      return [
        "the key with which the endpoint calls its provider was refused there; it is not the key of this Llm",
        operator,
      ];
    case "model-not-found":
      if (isOfOtherApi(words)) {
        return [
          `the endpoint serves the model ${name} through another of its APIs only`,
          "use a model that it serves at the API path of this Llm",
        ];
      }
      return isOfProvider
        ? [`a provider behind the endpoint does not serve what stands for the model ${name}`, operator]
        : [`the endpoint does not serve the model ${name}`, "check the name of the model"];
    case "model-not-allowed":
      return [
        `the account at the endpoint may not use the model ${name}`,
        "whoever runs the account has to allow it: its access to models, or its data policy",
      ];
    case "context-too-long": {
      const { promptTokens, contextTokens } = words;
      const numbers = promptTokens && contextTokens ? `: ${promptTokens} tokens, of which ${contextTokens} fit` : "";
      return [`the request is too long for the context of the model${numbers}`, "send less, or use a longer context"];
    }
    case "content-refused":
      return ["the provider's moderation refused what was sent", "change the messages; nothing else helps"];
    case "region-refused":
      return [
        "the provider does not serve the country or region that it was called from",
        "call it from elsewhere, or use another endpoint; nothing else helps",
      ];
    case "quota-exhausted":
      return [
        "the account at the provider has no quota or credit left",
        "whoever runs the account has to add some; waiting does not help",
      ];
    case "rate-limited":
      return ["the endpoint limits the rate of calls", "try again later"];
    case "busy":
      return [busyWith(words), "try again later"];
    case "timeout":
      return ["the endpoint, or a provider behind it, gave up on a reply that took too long", "try again later"];
    case "feature-refused":
      return [
        `${feature?.name ?? "a part of the request"} ${isOne(feature?.name) ? "is" : "are"} not served by the model ${name} at this endpoint`,
        "leave it out, or use a model that has it",
      ];
    case "parameter-refused":
      return [
        parameter
          ? `the model does not take the parameter ${parameter}`
          : "the model does not take a parameter of the request",
        "leave it out of the chat, of the Llm's default_sampling_params and of its client_config",
      ];
    case "unavailable":
      return [
        /overload/i.test(`${words.codes.join(" ")} ${words.message}`)
          ? "the endpoint could not answer now, as it is overloaded"
          : "the endpoint could not answer now",
        "try again later",
      ];
    case "bad-reply":
      return status === 404 || status === 405
        ? ["nothing is served at this path: check the end of the endpoint URL (mostly /v1) and the API path", ""]
        : ["the endpoint's answer is not one of the provider's API", ""];
    default:
      return ["the endpoint refused the request", parameter ? `look at its ${parameter}` : ""];
  }
}

/** Whether a model is there and not served at this path: OpenAI's of its newer API alone, those of completions, of embeddings. */
function isOfOtherApi({ message, codes }: ErrorWords): boolean {
  return (
    codes.some((code) => /^(OperationNotSupported|unsupported_api_for_model)$/i.test(code)) ||
    /\bv1\/(responses|completions|embeddings|messages)\b|\bnot a chat model\b|\b(does|do)(n't| not) support (the )?chat completions?\b/i.test(
      message,
    )
  );
}

function isOne(name: string | undefined): boolean {
  return name === undefined || ["audio", "reasoning", "the form of the reply"].includes(name);
}

function busyWith({ message, codes }: ErrorWords): string {
  const all = `${codes.join(" ")} ${message}`;
  if (/load|warming|cold start/i.test(all)) return "the endpoint is still loading the model";
  if (/cooldown|no deployments/i.test(all)) {
    return "the endpoint has put the model aside for a moment, because a provider behind it failed before";
  }
  return "the endpoint is busy with other calls";
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
