import { type ErrorWords, MALFORMED, NO_WORDS } from "../models/error-words.ts";
import type { FailureKind } from "../models/failure.ts";
import type { ProviderType } from "../models/provider-types.ts";
import { featureIn, parameterIn } from "./refused-parts.ts";
import { RULES, type Rule } from "./rules.ts";
import { SENSES } from "./senses.ts";
import type { Feature } from "./words/features.ts";

/** An answer that is no reply, as far as it could be read. */
export interface BadAnswer {
  readonly providerType: ProviderType;
  /** The HTTP status of the answer; below 400 when the error came in the place of a reply. */
  readonly status: number;
  readonly words: ErrorWords;
  /** Whether a provider behind the endpoint answered so. */
  readonly isOfProvider: boolean;
  /** Whether the answer was JSON in a form that errors have; a page, or a text, was not written by the API. */
  readonly form: "error" | "json" | "text" | "nothing";
}

/** What an answer that is no reply means. */
export interface Verdict {
  readonly kind: FailureKind;
  /** The part of the request that is refused, where it is about one. */
  readonly parameter: string;
  /** What of the request the model or the endpoint does not serve. */
  readonly feature: Feature | undefined;
}

/** What an answer that is no reply means: the same for tests, chats, streams and lists. */
export function verdictOf(answer: BadAnswer): Verdict {
  const { words, form } = answer;
  const status = statusOf(answer);
  if (words === MALFORMED) return plain("bad-reply");
  const known = { ...answer, status };
  const exact = ruleOf(RULES, known);
  const part = partOf(known, exact);
  if (part !== undefined) return part;
  const rule = exact ?? ruleOf(SENSES, known);
  const { parameter } = words;
  if (rule !== undefined && NOT_OF_THE_REQUEST.has(rule.kind)) return plain(rule.kind);
  if (rule !== undefined) return { kind: rule.kind, parameter: parameter || limitIn(words), feature: undefined };
  return { kind: kindByStatus(status, form, words), parameter: parameter || limitIn(words), feature: undefined };
}

/** Of an error in the place of a reply, or of one that a gateway wraps into a failure of its own, what the error itself repeats. */
function statusOf({ status, words }: BadAnswer): number {
  if (status < 400) return words.status ?? 200;
  return status >= 500 && words.status !== undefined && words.status < 500 ? words.status : status;
}

/** So long somebody waits who is refused with a status that is not of rates. */
const SOON_MS = 3_600_000;

/** What is over until a time that is told is a rate, whatever it is called: Google's quotas of a minute and of a day. */
function ruleOf(rules: readonly Rule[], answer: BadAnswer): Rule | undefined {
  const rule = rules.find((rule) => holds(rule, answer));
  const waitMs = answer.words.retryAfterMs ?? Number.POSITIVE_INFINITY;
  const isOver = answer.status === 429 ? waitMs < Number.POSITIVE_INFINITY : answer.status === 403 && waitMs <= SOON_MS;
  return rule?.kind === "quota-exhausted" && isOver ? { kind: "rate-limited" } : rule;
}

/** Kinds that a part of the request does not explain, whatever the sentence names. */
const STANDS: ReadonlySet<FailureKind> = new Set([
  "request-refused",
  "context-too-long",
  "content-refused",
  "region-refused",
  "provider-key-refused",
  "key-refused",
  "quota-exhausted",
  "rate-limited",
  "busy",
  "timeout",
]);

/** Kinds that are about no part of the request, whatever is named: a queue has a name, too. */
const NOT_OF_THE_REQUEST: ReadonlySet<FailureKind> = new Set(["quota-exhausted", "rate-limited", "busy", "timeout"]);

/** A refusal of one part of the request: of a feature of the model, or of a parameter. */
function partOf({ status, words }: BadAnswer, rule: Rule | undefined): Verdict | undefined {
  if (rule !== undefined && STANDS.has(rule.kind)) return undefined;
  if (status === 401 || status === 402 || status === 429) return undefined;
  const feature = featureIn(words);
  if (feature !== undefined)
    return { kind: "feature-refused", parameter: words.parameter || feature.parameter, feature };
  if (status >= 500) return undefined;
  const parameter = parameterIn(words);
  return parameter === undefined ? undefined : { kind: "parameter-refused", parameter, feature: undefined };
}

function holds(rule: Rule, { providerType, status, words, isOfProvider }: BadAnswer): boolean {
  if (rule.of !== undefined && !rule.of.includes(providerType)) return false;
  if (rule.isOfProvider !== undefined && rule.isOfProvider !== isOfProvider) return false;
  if (rule.status !== undefined && !rule.status.includes(status)) return false;
  if (rule.codes === undefined && rule.words === undefined) return true;
  const { codes, words: sentences, also, unless } = rule;
  if (unless?.test(words.message) || also?.test(words.message) === false) return false;
  if (rule.isOverflow && (words.promptTokens ?? 0) <= (words.contextTokens ?? Number.POSITIVE_INFINITY)) return false;
  return words.codes.some((code) => codes?.test(code)) || (sentences?.test(words.message) ?? false);
}

/** What a status means when no word of the answer says more. */
function kindByStatus(status: number, form: BadAnswer["form"], words: ErrorWords): FailureKind {
  // Who is to come again is not refused for good.
  if (status === 403 && words.retryAfterMs !== undefined) return "rate-limited";
  // A page comes from something in front of the API, which knows nothing of keys.
  if (status === 403) return form === "text" ? "bad-reply" : "key-refused";
  if (status === 404) return form === "error" ? "model-not-found" : "bad-reply";
  if (status === 410) return form === "text" || form === "nothing" ? "bad-reply" : "model-not-found";
  if (status === 405) return "bad-reply";
  // Whatever stands in front of an endpoint counts bytes, and knows no errors of its API.
  if (status === 413) return "request-refused";
  // 424: what the endpoint depends on failed.
  if (status >= 500 || status === 424) return "unavailable";
  if (status >= 400) return form === "text" || form === "nothing" ? "bad-reply" : "request-refused";
  return words === NO_WORDS ? "bad-reply" : "unavailable";
}

/** A reasoning model may spend all of a small limit before its first word; OpenAI calls that an invalid request. */
function limitIn({ message }: ErrorWords): string {
  return /max_tokens or model output limit was reached|\bmax_(completion_)?tokens\b/.test(message) ? "max_tokens" : "";
}

function plain(kind: FailureKind): Verdict {
  return { kind, parameter: "", feature: undefined };
}
