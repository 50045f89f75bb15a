import type { FailureKind } from "../models/failure.ts";
import type { ProviderType } from "../models/provider-types.ts";
import {
  CLOSED,
  KEY,
  KEY_CODES,
  NOT_ALLOWED,
  NOT_ALLOWED_CODES,
  OF_MONEY,
  PROVIDER_KEY,
  PROVIDER_KEY_CODES,
  REGION,
  REGION_CODES,
} from "./words/access.ts";
import { BUSY, BUSY_CODES, NO_MONEY, QUOTA, QUOTA_CODES, RATE_CODES } from "./words/capacity.ts";
import { NO_MODEL, NO_MODEL_CODES, NO_PATH, UNAVAILABLE_CODES } from "./words/models.ts";
import { CONTENT, CONTENT_CODES, OVERFLOW, OVERFLOW_BY_SENSE, OVERFLOW_CODES } from "./words/prompts.ts";

/** When an answer means what. */
export interface Rule {
  readonly kind: FailureKind;
  /** Undefined: of any. */
  readonly of?: readonly ProviderType[];
  /** Statuses that it is about; undefined: any. */
  readonly status?: readonly number[];
  /** Any of these codes, whatever the case… */
  readonly codes?: RegExp;
  /** … or any of these words. Without either, the status alone decides. */
  readonly words?: RegExp;
  /** And, somewhere else in what is said, any of these, too. */
  readonly also?: RegExp;
  /** Only where the tokens of the prompt, and fewer that fit, are both told. */
  readonly isOverflow?: boolean;
  /** Words with which it does not hold. */
  readonly unless?: RegExp;
  /** Only of an answer of a provider behind the endpoint, or only of the endpoint's own. */
  readonly isOfProvider?: boolean;
}

/** Words of other limits: of a rate, of the reply, of other parts of a request. */
const NO_OVERFLOW =
  /rate.?limit|per[ _-]?(minute|day|hour|month)|quota|credit|\bmax_((completion|output|new)_)?tokens|(output|completion|new) tokens|tokens you requested|image|tool|stop/i;

/** What a server says of itself when it failed, whatever status it says it with. */
const BROKEN =
  /\b(model|server|backend|engine|worker|process|runner|instance)\b[^.\n]{0,60}\b(crashed|exited|died|was killed)\b|\bexit code\b|\bout of memory\b|\bcuda error\b|\brpc error\b[^\n]{0,40}\bunavailable\b|\breading from server: EOF\b|\bdegraded function\b/i;

const MAY_BE_BUSY = [200, 400, 409, 423, 424, 425, 429, 498, 500, 502, 503, 529];
/** A model that cannot be loaded is none that is still being loaded. */
const NOT_LOADED = /(fail\w*|error|unable|cannot|can't|could ?n[o']t)( to| while| in)? load(ing|ed)?\b/i;

/**
 * From what an endpoint answered to what it means: the first rule that holds decides. A code is a vendor's word for one
 * thing, so rules of codes and words come first and statuses last; within them, what is told more exactly goes before what
 * is told by a word that has several uses. docs/upstreams.md says whose words these are.
 */
export const RULES: readonly Rule[] = [
  // The model's own template refused the order of the messages: whatever the status is, the same fails again.
  {
    kind: "request-refused",
    words: /\bjinja\b|raise_exception|\broles must alternate\b|chat template[^.\n]{0,40}\b(error|exception|failed)/i,
    unless: /\bsystem role\b[^.\n]{0,20}\bnot\b|--jinja/i,
  },
  // A limit of the reply that is higher than the model's is no prompt that is too long, though it speaks of the context.
  {
    kind: "request-refused",
    words: /max_(completion_)?tokens['"`]*( or ['"`]*max_completion_tokens['"`]*)? is too large/i,
  },
  {
    kind: "context-too-long",
    // Too many tokens for now are a rate.
    status: [200, 400, 403, 404, 413, 422, 424, 500, 502, 503],
    codes: OVERFLOW_CODES,
    words: OVERFLOW,
  },
  // Nobody asks for less than nothing: it is what the prompt left of the context.
  {
    kind: "context-too-long",
    status: [400, 422],
    words: /max_\w*tokens\b[^.\n]{0,60}\b(got|but|is|was)\b[^.\n]{0,12} -\d/i,
  },
  {
    kind: "context-too-long",
    status: [200, 400, 403, 413, 422, 500],
    words: OVERFLOW_BY_SENSE,
    unless: NO_OVERFLOW,
  },
  {
    kind: "context-too-long",
    status: [400, 413, 422],
    words: /\b(context|prompt|kv cache)\b|\b(prompt|input)_?(length|tokens)\b|\bmax_seq_len\b/i,
    isOverflow: true,
    unless: NO_OVERFLOW,
  },
  { kind: "provider-key-refused", isOfProvider: true, words: CLOSED, unless: OF_MONEY },
  { kind: "key-refused", words: CLOSED, unless: OF_MONEY },
  {
    kind: "content-refused",
    codes: CONTENT_CODES,
    words: CONTENT,
    status: [200, 400, 403, 422, 424, 451],
  },
  {
    kind: "region-refused",
    codes: REGION_CODES,
    words: REGION,
  },
  {
    kind: "content-refused",
    status: [451],
    words: /\b(content|prompt|input|messages?|output\w*)\b[^.\n]{0,60}\b(blocked|refused|rejected|illegal|unsafe)\b/i,
  },
  { kind: "region-refused", status: [451] },
  {
    kind: "model-not-allowed",
    codes: NOT_ALLOWED_CODES,
    words: NOT_ALLOWED,
  },
  { kind: "model-not-allowed", status: [403], codes: /^(model_not_found|invalid_model|model_not_supported)$/i },
  // A key that is wrong, before whatever else the sentence may speak of; whose key it is, is told by who answered.
  {
    kind: "provider-key-refused",
    isOfProvider: true,
    codes: PROVIDER_KEY_CODES,
    words: PROVIDER_KEY,
  },
  { kind: "provider-key-refused", isOfProvider: true, status: [401, 403] },
  // An endpoint refuses the key that it was sent with a status below 500: with a failure, it is a key of its own.
  { kind: "provider-key-refused", status: [500, 502, 503], codes: KEY_CODES, words: KEY },
  {
    kind: "key-refused",
    codes: KEY_CODES,
    words: KEY,
  },
  // Without a database it cannot look a key up, and answers so whatever is asked for.
  { kind: "key-refused", of: ["LITELLM_PROXY", "CUSTOM_OPENAI_COMPATIBLE"], codes: /^no_db_connection$/ },
  // A minute's quota has a time when it begins anew, whatever the sentence says of plans and billing.
  {
    kind: "rate-limited",
    status: [200, 429],
    words: /per[ _-]?minute|\b(RPM|TPM|requests? rate|rate limit)\b|速率限制|过于频繁|频率/i,
    // A gateway may call a rate what its provider says is money.
    unless: /insufficient (balance|credits?|funds)/i,
  },
  {
    kind: "quota-exhausted",
    codes: QUOTA_CODES,
  },
  {
    kind: "quota-exhausted",
    words: QUOTA,
    status: [200, 400, 401, 402, 403, 412, 429],
  },
  { kind: "quota-exhausted", words: NO_MONEY },
  { kind: "quota-exhausted", status: [400, 401, 403], codes: /_quota_?(exceeded|exhausted|reached|depleted)$/i },
  // With a status of its own it may be one of a minute.
  { kind: "quota-exhausted", status: [200], words: /quota (has been |is )?(exceeded|exhausted|reached|used up)/i },
  { kind: "quota-exhausted", status: [402] },
  { kind: "unavailable", status: [200, 400, 422, 500, 502, 503], words: BROKEN },
  {
    kind: "busy",
    codes: BUSY_CODES,
    words: BUSY,
    status: MAY_BE_BUSY,
  },
  {
    kind: "busy",
    words: /\b(still|currently|is) loading\b|being loaded\b|loading model|model[^.\n]{0,80} load(ing|ed now)/i,
    unless: NOT_LOADED,
    status: MAY_BE_BUSY,
  },
  { kind: "busy", status: [425] },
  {
    kind: "rate-limited",
    codes: RATE_CODES,
  },
  {
    kind: "rate-limited",
    status: [200, 403],
    words:
      /too many requests|\b(qps|requests?|calls?|usage|concurren\w+)( \w+)? limit|rate.?limit|too (quickly|fast|frequent)/i,
  },
  { kind: "timeout", status: [408, 504, 524] },
  { kind: "timeout", codes: /^(Model|Gateway)?Timeout(Exception|Error)$/i },
  {
    kind: "timeout",
    codes: /^(timeout|timeout_error|request_timeout|gateway_timeout|deadline_exceeded|litellm\.Timeout)$/i,
  },
  { kind: "timeout", status: [200, 499, 500, 502, 503], words: /timed[ -]?out\b|\btimeout\b|deadline exceeded/i },
  // A deployment of an account, in whatever it is wrapped.
  { kind: "model-not-found", words: /\bfunction\b[^.\n]{0,80}not found for account/i },
  {
    kind: "bad-reply",
    words: NO_PATH,
  },
  {
    kind: "model-not-found",
    codes: NO_MODEL_CODES,
    words: NO_MODEL,
    status: [200, 400, 403, 404, 410, 422, 500, 503],
  },
  // Whoever speaks of the model alone does not mean the key.
  {
    kind: "model-not-found",
    status: [401],
    words: /\bmodel\b[^.\n]{0,80}\b(not (supported|found|available|served)|does(n't| not) exist|no longer)\b/i,
    unless: /\b(api.?)?key\b|token|auth|credential/i,
  },
  // An end, or a piece, that says it is an error and no more.
  { kind: "unavailable", codes: /^finish_reason\.error$/ },
  {
    kind: "unavailable",
    codes: UNAVAILABLE_CODES,
    status: [200, 429, 500, 502, 503, 520, 529],
  },
  // What a plan does not hold is a model, if it is no number of something.
  {
    kind: "model-not-allowed",
    status: [403],
    words: /\b(plan|tier|subscription|package)\b[^.\n]{0,30}(not|n't)( \w+)? (include|cover|allow|give|permit)/i,
    unless: /request|concurren|\brate\b|tokens/i,
  },
  // Whoever forbids and speaks of models, forbids one.
  {
    kind: "model-not-allowed",
    status: [403],
    words: /\bmodels?\b/i,
    unless: /(invalid|wrong|incorrect)\b[^.\n]{0,20}key/i,
  },
];
