import { type ErrorWords, MALFORMED, NO_WORDS } from "../models/error-words.ts";
import type { FailureKind } from "../models/failure.ts";
import type { ProviderType } from "../models/provider-types.ts";
import { type Feature, featureIn, parameterIn } from "./refused-parts.ts";

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

interface Rule {
  readonly kind: FailureKind;
  /** Undefined: of any. */
  readonly of?: readonly ProviderType[];
  /** Statuses that it is about; undefined: any. */
  readonly status?: readonly number[];
  /** Any of these codes, whatever the case… */
  readonly codes?: RegExp;
  /** … or any of these words. Without either, the status alone decides. */
  readonly words?: RegExp;
  /** Only of an answer of a provider behind the endpoint, or only of the endpoint's own. */
  readonly isOfProvider?: boolean;
}

/**
 * From what an endpoint answered to what it means: the first rule that holds decides. A code is a vendor's word for one
 * thing, so rules of codes and words come first and statuses last; within them, what is told more exactly goes before what
 * is told by a word that has several uses. docs/upstreams.md says whose words these are.
 */
const RULES: readonly Rule[] = [
  // A limit of the reply that is higher than the model's is no prompt that is too long, though it speaks of the context.
  {
    kind: "request-refused",
    words: /max_(completion_)?tokens['"`]*( or ['"`]*max_completion_tokens['"`]*)? is too large/i,
  },
  {
    kind: "context-too-long",
    // Too many tokens for now are a rate.
    status: [200, 400, 403, 404, 413, 422, 424, 500, 502, 503],
    codes:
      /^(context_length_exceeded|exceed_context_size_error|context_window_exceeded|model_max_prompt_tokens_exceeded|prompt_too_long|context_too_long|tokens_limit_reached|litellm\.ContextWindowExceededError)$/i,
    words:
      /maximum (context|prompt) length|context (length|window|size)[^.\n]{0,60}(exceed|overflow|too (long|small)|not enough)|context\b[^.\n]{0,20}overflow|上下文[^。\n]{0,20}(长度|超)|(exceed|longer than|larger than|greater than|overflow)[^.\n]{0,80}context|exceed context limit|(prompt|input|request) (is|was) too long|too many (input )?tokens|exceeds the (available|maximum|model'?s?) (context|number of (input )?tokens)|range of input length|exceeded model token limit|must have less than \d+ tokens|input tokens exceed|maximum model length|reduce the length of (the|your) (messages|prompt|input)|tokens \+ [^.\n]{0,20}max_new_tokens|prompt contains \d+ tokens/i,
  },
  {
    kind: "content-refused",
    codes:
      /^(content_filter|content_policy_violation|responsibleaipolicyviolation|data_?inspection_?failed|moderation_blocked|moderation_error|content_moderation|content_blocked|sensitive_content|invalid_prompt|litellm\.ContentPolicyViolationError)$/i,
    words:
      /\bflagged\b|content (management |filtering |usage )?polic|content filter|inappropriate content|violat\w* [^.\n]{0,40}(polic|guideline|terms)|safety (system|filter|setting)|blocked by [^.\n]{0,40}(safety|moderation|guardrail)|moderation|敏感|违规/i,
    status: [200, 400, 403, 422, 451],
  },
  {
    kind: "region-refused",
    codes:
      /^(unsupported_country_region_territory|unsupported_country|unsupported_region|region_not_supported|location_not_supported)$/i,
    words:
      /country, region,? or territory|(country|region|territory|location)[^.\n]{0,30} not (yet )?(supported|available|served|allowed)|not (supported|available|served|allowed) (in|from) (your|this|the) (country|region|territory|location)/i,
  },
  {
    kind: "model-not-allowed",
    codes:
      /^((key|team|user|org|project)_model_access_denied|model_blocked|model_not_allowed|model_access_denied|model\.?accessdenied|accessdenied\.unpurchased)$/i,
    words:
      /(not|n't) have (access|permission)[^.\n]{0,20} (model|deployment)\b|not allowed to (access|use|call) (the )?model|model[^.\n]{0,80}(is not allowed|access denied|is blocked)|(无权|没有权限)[^。\n]{0,20}模型|data policy|privacy (settings|policy)/i,
  },
  { kind: "model-not-allowed", status: [403], codes: /^(model_not_found|invalid_model|model_not_supported)$/i },
  // A key that is wrong, before whatever else the sentence may speak of; whose key it is, is told by who answered.
  {
    kind: "provider-key-refused",
    isOfProvider: true,
    codes:
      /^(invalid_api_key|authentication_error|invalid_?authentication(_error)?|expired_?(api_?)?key|unauthenticated|unauthorized|litellm\.(AuthenticationError|PermissionDeniedError))$/i,
    words:
      /(incorrect|invalid|missing|expired|wrong) (x-)?api[ _-]?key|api key (not valid|expired|not found|is (missing|required|invalid))/i,
  },
  { kind: "provider-key-refused", isOfProvider: true, status: [401, 403] },
  {
    kind: "key-refused",
    codes:
      /^(invalid_api_key|invalidapikey|authentication_error|invalid_?authentication(_error)?|auth_error|token_not_found_in_db|expired_?(api_?)?key|unauthenticated|unauthorized|invalid_token|permission_error|permission_denied)$/i,
    words:
      /(incorrect|invalid|missing|expired|wrong) (x-)?api[ _-]?key|api key (not valid|expired|not found|is (missing|required|invalid))|no auth credentials|no api key|无效的?(令牌|密钥|api)|login fail|身份验证失败|未提供令牌/i,
  },
  // Without a database it cannot look a key up, and answers so whatever is asked for.
  { kind: "key-refused", of: ["LITELLM_PROXY", "CUSTOM_OPENAI_COMPATIBLE"], codes: /^no_db_connection$/ },
  // A minute's quota has a time when it begins anew, whatever the sentence says of plans and billing.
  {
    kind: "rate-limited",
    status: [200, 429],
    words: /per[ _-]?minute|\b(RPM|TPM|requests? rate|rate limit)\b|速率限制|过于频繁|频率/i,
  },
  {
    kind: "quota-exhausted",
    codes:
      /^(insufficient_quota|insufficient_(user_)?(balance|credits?|funds)|quota_exceeded|billing_\w+|budget_exceeded|exceeded_current_quota_error|arrearage|allocationquota\.\w+|payment_required|out_of_credits?|credit_balance_too_low|usage_limit_(exceeded|reached)|litellm\.BudgetExceededError)$/i,
    words:
      /exceeded your current quota|insufficient (balance|credits?|funds|quota)|balance (is )?(too low|insufficient|not enough|exhausted)|(out of|no|not enough|more|any) credits|(\/|per|a) month\b|monthly (limit|quota|allowance|usage)|余额|欠费|充值|额度(不足|已用)|budget (has been )?exceeded|exceed\w* [^.\n]{0,20}budget|payment required|in arrears|overdue|(spend(ing)?|usage) limit|account[^.\n]{0,20}good standing/i,
    status: [200, 400, 401, 402, 403, 429],
  },
  { kind: "quota-exhausted", status: [402] },
  {
    kind: "busy",
    codes:
      /^(all_deployments_in_cooldown|model_loading|loading|server_busy|queue_\w+|\w*capacity_(exceeded|exhausted)|ModelNotReadyException)$/i,
    words:
      /\bin cooldown|no deployments available|loading model|model[^.\n]{0,80} (is )?(currently |still )?(being )?load(ing|ed now)|is (currently )?loading|maximum pending requests|(queue|server) is full|capacity exceeded|(no|at|over|out of) capacity|(high|heavy) (traffic|demand|load)|too many (pending|queued|concurrent)|(server|service) (is )?(too )?busy|warming up|cold start/i,
    status: [200, 400, 409, 423, 425, 429, 500, 502, 503, 529],
  },
  { kind: "busy", status: [425] },
  {
    kind: "rate-limited",
    codes:
      /^(rate_limit\w*|ratelimit\w*|too_many_requests|throttling.*|requests_limit\w*|resource_exhausted|ServiceQuotaExceededException|litellm\.RateLimitError)$/i,
  },
  { kind: "timeout", status: [408, 504, 524] },
  { kind: "timeout", codes: /^(Model|Gateway)?Timeout(Exception|Error)$/i },
  {
    kind: "timeout",
    codes: /^(timeout|timeout_error|request_timeout|gateway_timeout|deadline_exceeded|litellm\.Timeout)$/i,
  },
  { kind: "timeout", status: [200, 499, 500, 502, 503], words: /timed[ -]?out\b|\btimeout\b/i },
  // A deployment of an account, in whatever it is wrapped.
  { kind: "model-not-found", words: /\bfunction\b[^.\n]{0,80}not found for account/i },
  // The path, and not the model: OpenAI, Azure, llama.cpp, FastAPI, Cloudflare, Express.
  {
    kind: "bad-reply",
    words:
      /^(could not route to|no route for|cannot (get|post) \/|no route matched|missing authentication token$|invalid url\b|((resource|file|route|page|endpoint) )?not found\.?$|method not allowed$)/im,
  },
  {
    kind: "model-not-found",
    codes:
      /^(model_not_found|invalid_model|model_?not_?exist|deploymentnotfound|model_not_supported|model_not_available|modelnotfound(error|exception)?|ResourceNotFoundException|OperationNotSupported|\w*(endpoint|deployment)_not_(running|found|ready))$/i,
    words:
      /(invalid|unknown|unsupported) model|not a valid model|no endpoints found|model not exist|no healthy deployments|inference profile that contains this model|模型不存在|无可用渠道|\bmodel\b[^.\n]{0,120}(not found|does(n't| not) exist|not available|not served|no such|is not supported\b(?! with)|failed to load)|(not found|no such|does(n't| not) exist)[^.\n]{0,40}\bmodel\b|^model: /im,
    status: [200, 400, 403, 404, 410, 422, 500, 503],
  },
  // An end, or a piece, that says it is an error and no more.
  { kind: "unavailable", codes: /^finish_reason\.error$/ },
  {
    kind: "unavailable",
    codes:
      /^(server_error|overloaded\w*|engine_overloaded\w*|internal(_server)?_?error|service_unavailable\w*|unavailable\w*|api_connection\w*|litellm\.(InternalServerError|ServiceUnavailableError|APIConnectionError|APIError|BadGatewayError))$/i,
    status: [200, 429, 500, 502, 503, 520, 529],
  },
  { kind: "key-refused", status: [401] },
  { kind: "rate-limited", status: [429] },
];

/** What an answer that is no reply means: the same for tests, chats, streams and lists. */
export function verdictOf(answer: BadAnswer): Verdict {
  const { words, form } = answer;
  const status = answer.status >= 400 ? answer.status : (words.status ?? 200);
  if (words === MALFORMED) return plain("bad-reply");
  const known = { ...answer, status };
  const rule = ruleOf(known);
  const part = partOf(known, rule);
  if (part !== undefined) return part;
  const { parameter } = words;
  if (rule !== undefined && NOT_OF_THE_REQUEST.has(rule.kind)) return plain(rule.kind);
  if (rule !== undefined) return { kind: rule.kind, parameter: parameter || limitIn(words), feature: undefined };
  return { kind: kindByStatus(status, form, words), parameter: parameter || limitIn(words), feature: undefined };
}

/** What is over until a time that is told is a rate, whatever it is called: Google's quotas of a minute and of a day. */
function ruleOf(answer: BadAnswer): Rule | undefined {
  const rule = RULES.find((rule) => holds(rule, answer));
  const isRate = rule?.kind === "quota-exhausted" && answer.status === 429 && answer.words.retryAfterMs !== undefined;
  return isRate ? { kind: "rate-limited" } : rule;
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
  const { codes, words: sentences } = rule;
  return words.codes.some((code) => codes?.test(code)) || (sentences?.test(words.message) ?? false);
}

/** What a status means when no word of the answer says more. */
function kindByStatus(status: number, form: BadAnswer["form"], words: ErrorWords): FailureKind {
  // A page comes from something in front of the API, which knows nothing of keys.
  if (status === 403) return form === "text" ? "bad-reply" : "key-refused";
  if (status === 404) return form === "error" ? "model-not-found" : "bad-reply";
  if (status === 405) return "bad-reply";
  if (status >= 500) return "unavailable";
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
