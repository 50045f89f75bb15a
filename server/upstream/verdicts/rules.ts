import type { FailureKind } from "../models/failure.ts";
import type { ProviderType } from "../models/provider-types.ts";

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

/** Of an account that is closed for whatever reason but money: no other key of it would help. */
const CLOSED =
  /\b(account|organi[sz]ation|workspace|project|consumer|subscription|your access|api access)\b[^.\n]{0,80}\b(disabled|deactivated|terminated|suspended|banned|closed|locked|revoked|frozen)\b/i;
const OF_MONEY = /balance|credit|payment|overdue|arrear|billing|recharge|invoice|quota/i;

/** What a server says of itself when it failed, whatever status it says it with. */
const BROKEN =
  /\b(model|server|backend|engine|worker|process|runner|instance)\b[^.\n]{0,60}\b(crashed|exited|died|was killed)\b|\bexit code\b|\bout of memory\b|\bcuda error\b/i;

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
    codes:
      /^(context_length_exceeded|exceed_context_size_error|context_window_exceeded|model_max_prompt_tokens_exceeded|prompt_too_long|context_too_long|tokens_limit_reached|([a-z]+\.)?oversize_?input|litellm\.ContextWindowExceededError)$/i,
    words:
      /maximum (context|prompt) length|\btotal tokens of\b[^.\n]{0,40}\bexceed|context length is only|长度超过|context (length|window|size)[^.\n]{0,60}(exceed|overflow|too (long|small)|not enough)|context\b[^.\n]{0,20}overflow|(上下文|输入|提示词?|prompt|文本|消息)[^。\n]{0,12}(超|过长)|(exceed|longer than|larger than|greater than|overflow)[^.\n]{0,80}context|exceed context limit|(prompt|input|request) (is|was) too long|too many (input )?tokens|exceeds the (available|maximum|model'?s?) (context|number of (input )?tokens)|range of input length|exceeded model token limit|must have less than \d+ tokens|input tokens exceed|maximum model length|reduce the length of (the|your) (messages|prompt|input)|\b(prompt|input|messages?)\b[^.\n]{0,40}\b(must|should|has to|have to) be (under|below|at most|no longer than|shorter than) \d+ tokens|\bshorten (the|your) (messages?|prompt|input|conversation)\b|tokens \+ [^.\n]{0,20}max_new_tokens|prompt contains \d+ tokens/i,
  },
  // Nobody asks for less than nothing: it is what the prompt left of the context.
  {
    kind: "context-too-long",
    status: [400, 422],
    words: /max_\w*tokens\b[^.\n]{0,60}\b(got|but|is|was)\b[^.\n]{0,12} -\d/i,
  },
  // In whatever words: a prompt, or its tokens, that are more than what there may be.
  {
    kind: "context-too-long",
    status: [200, 400, 403, 413, 422, 500],
    words:
      /\b(prompt|input|messages?|tokens?|sequence|conversation)\b([^.\n]|\.\d){0,80}(exceed\w*|(longer|larger|greater|bigger|more) than|over(flow)?s?|above|beyond|surpass\w*)\b[^.\n]{0,80}(token|length|context|session_len|limit of \d|max_\w*(position|seq)|window)|\b(prompt|input|messages?|tokens?|sequence|conversation)\b([^.\n]|\.\d){0,60}\b(not|n't) fit\b|\d tokens\b[^.\n]{0,50}\b(at most|max(imum)?|only|limit|up to)\b[^.\n]{0,20}\d/i,
    unless: NO_OVERFLOW,
  },
  {
    kind: "context-too-long",
    status: [400, 413, 422],
    words: /\b(context|prompt|kv cache)\b|\binput_?(length|tokens)\b/i,
    isOverflow: true,
    unless: NO_OVERFLOW,
  },
  { kind: "provider-key-refused", isOfProvider: true, words: CLOSED, unless: OF_MONEY },
  { kind: "key-refused", words: CLOSED, unless: OF_MONEY },
  {
    kind: "content-refused",
    codes:
      /^(content_filter|content_policy_violation|responsibleaipolicyviolation|data_?inspection_?failed|moderation_blocked|moderation_error|content_moderation|content_blocked|sensitive_content|invalid_prompt|litellm\.ContentPolicyViolationError)$|(sensitive|unsafe|harmful|inappropriate|prohibited|blocked)_?content|content_?(filter|policy|block|moderation|risk|safety|unsafe|sensitive|illegal|violat)|guardrail|moderation|censor/i,
    words:
      /content exists risk|prompt injection|jailbreak|\bnsfw\b|(was|been) filtered out|ethical standard|may violate|high risk|prohibited_content|guardrail|new_sensitive|(unsafe|sensitive|harmful)\b[^.\n]{0,30}(content|information|input|material|words?|prompt|text|topic)|responsible ai|(prompt|input|content|request|message)s?\b[^.\n]{0,30}(blocked|rejected|refused|denied)\b[^.\n]{0,60}(safety|security|harm|risk|polic|sensitive|filter|prohibited|guard)|\bflagged\b|content (management |filtering |usage )?polic|content filter|inappropriate content|(violat|break|breach|contraven)\w* [^.\n]{0,40}(polic|guideline|terms|rules?)|data loss prevention|\b(declined|refused|rejected|blocked)\b[^.\n]{0,40}\b(unsafe|harmful|inappropriate|offensive)\b|\b(self-?harm|hate|hateful|sexual|violent|harassment)\b (content|speech|material)|\b(prompt|input|messages?|content|text)\b[^.\n]{0,60}\b(was|were|been) (blocked|withheld|censored)\b|safety (system|filter|setting)|blocked (by|due to|because of|for) [^.\n]{0,40}(safety|moderation|guardrail)|moderation|敏感|违规|违法|不合规|内容(安全|审核)/i,
    status: [200, 400, 403, 422, 424, 451],
  },
  {
    kind: "region-refused",
    codes:
      /^(unsupported_country_region_territory|unsupported_country|unsupported_region|region_not_supported|(geo|region|country|location)_?(blocked|restricted|restriction|denied|fenced)|location_not_supported)$/i,
    words:
      /(unavailable|restricted|blocked|forbidden|prohibited)\b[^.\n]{0,30} (in|from) (your|this|the) (current )?(country|region|territory|location|jurisdiction)|unsupported (countr|region|territor|location)|地区[^。\n]{0,10}(不支持|无法|限制)|country, region,? or territory|(country|region|territory|location|jurisdiction)[^.\n]{0,30} not (yet )?(supported|available|served|allowed|permitted|accepted)|\bfrom your\b[^.\n]{0,20}\b(country|region|territory|location|jurisdiction)\b[^.\n]{0,20}\b(prohibited|blocked|denied|forbidden|restricted)\b|not (yet )?(supported|available|served|offered) in the (european union|eu|eea|uk)\b|not (supported|available|served|allowed|offered|permitted|provided) (in|from) (your|this|the) (current )?(country|region|territory|location|jurisdiction)/i,
  },
  {
    kind: "content-refused",
    status: [451],
    words: /\b(content|prompt|input|messages?|output\w*)\b[^.\n]{0,60}\b(blocked|refused|rejected|illegal|unsafe)\b/i,
  },
  { kind: "region-refused", status: [451] },
  {
    kind: "model-not-allowed",
    codes:
      /^((key|team|user|org|project)_model_access_denied|model_blocked|model_not_allowed|model_access_denied|model\.?accessdenied|accessdenied\.unpurchased|model_?not_?open(ed)?|model_permission\w*|no_permission\w*_model|model_terms\w*|model_not_(in|on)_\w*|upgrade_required|gated_(repo|model))$/i,
    words:
      /access to (the )?model[^\n]{0,80}(restricted|denied|not allowed)|gated (repo|model)|not (yet )?(activated|opened|purchased|subscribed)[^.\n]{0,20}\bmodel|(plan|tier|subscription|package)\b[^.\n]{0,30}(not|n't)( \w+)? (include|cover|allow|give)[^.\n]{0,40}\b(model|access)\b|\bmodel\b[^.\n]{0,60}\bnot (included|covered|part|available)( \w+)? (in|by|of|on|with|under) (your|this|the current) (\w+ )?(plan|tier|subscription|package)|((not|n't) have|no|without|lacks?) (access|permissions?)[^.\n]{0,20} (model|deployment)\b|\bmodel\b[^.\n]{0,60}(requires?|accept\w*|agree\w*)[^.\n]{0,30}\b(terms|license|agreement|subscription|plan|tier)\b|\b(must|needs? to|ha(s|ve) to|please|prior to)\b[^\n]{0,80}\b(accept|agree)\w*[^\n]{0,60}\b(terms|license|agreement)\b|not allowed to (access|use|call) (the )?model|model[^.\n]{0,80}(is not allowed|access denied|is blocked)|(无权|(没有|无)权限)[^。\n]{0,20}模型|data policy|privacy (settings|policy)/i,
  },
  { kind: "model-not-allowed", status: [403], codes: /^(model_not_found|invalid_model|model_not_supported)$/i },
  // A key that is wrong, before whatever else the sentence may speak of; whose key it is, is told by who answered.
  {
    kind: "provider-key-refused",
    isOfProvider: true,
    codes:
      /^(invalid_api_key|authentication_error|invalid_?authentication(_error)?|expired_?(api_?)?key|unauthenticated|unauthorized|litellm\.(AuthenticationError|PermissionDeniedError))$/i,
    words:
      /(incorrect|invalid|missing|expired|wrong) (\w+ ){0,2}(x-)?api[ _-]?key|api key (not valid|expired|not found|(is |was |has been )?(missing|required|invalid|disabled|revoked|suspended|deactivated|blocked))|access token (is |has )?(invalid|expired|revoked)/i,
  },
  { kind: "provider-key-refused", isOfProvider: true, status: [401, 403] },
  {
    kind: "key-refused",
    codes:
      /^(invalid_api_key|invalidapikey|authentication_error|invalid_?authentication(_error)?|auth_error|token_not_found_in_db|expired_?(api_?)?key|unauthenticated|unauthorized|invalid_token|permission_error|permission_denied)$/i,
    words:
      /(incorrect|invalid|missing|expired|wrong) (\w+ ){0,2}(x-)?api[ _-]?key|api key (not valid|expired|not found|(is |was |has been )?(missing|required|invalid|disabled|revoked|suspended|deactivated|blocked))|access token (is |has )?(invalid|expired|revoked)|(missing|invalid|no) (bearer|authorization)\b|no auth credentials|no api key|无效的?(令牌|密钥|api)|login fail|身份验证失败|未提供令牌/i,
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
    codes:
      /\b(insufficient|exceeded|exhausted|overdue)_?([a-z]+_)?(quota|balance|credits?|funds)|overdue|arrear|^trial_\w+$|^(insufficient_quota|insufficient_(user_)?(balance|credits?|funds)|quota_exceeded|billing_\w+|budget_exceeded|exceeded_current_quota_error|arrearage|allocationquota\.\w+|payment_required|out_of_credits?|credit_balance_too_low|usage_limit_(exceeded|reached)|litellm\.BudgetExceededError)$/i,
  },
  {
    kind: "quota-exhausted",
    words:
      /exceeded your current quota|(not|n't) (have )?(enough|sufficient)\b[^.\n]{0,12} (credit|balance|fund|quota)|(purchase|buy|add|top up)\b[^.\n]{0,15} credits|key limit exceeded|\btrial\b[^.\n]{0,20}(expired|ended|is over|exhausted|come to an end)|payment method|out of [^.\n]{0,20}quota|included credits|(reached|exceeded|hit)\b[^.\n]{0,30} limit\b[^.\n]{0,20}\b(plan|tier|subscription)\b|insufficient (\w+ )?(balance|credits?|funds|quota)|\b(allotment|allowance|allocation)\b[^.\n]{0,30}\b(consumed|used|exhausted|depleted|spent|reached)\b|(reached|exceeded|hit)\b[^.\n]{0,20}\bset\b[^.\n]{0,20} limit\b|(plan|subscription)\b[^.\n]{0,30}\b(expired|(has|is) ended|inactive|is over)|(balance|wallet) (is )?(too low|insufficient|not enough|exhausted|negative|zero|empty)|\bcredits? (are |is |have been |has been )?(exhausted|depleted|used up|spent)\b|(negative|no) balance|\btop.?up\b|(out of|no|not enough|more|any) credits|\b((used|use) up|consumed|depleted|ran out of|run out of|exhausted (your|the|all))\b[^.\n]{0,40}\b(allocation|allowance|quota|balance|budget|credits?|neurons|units)\b|upgrade to\b[^.\n]{0,40}\bpaid\b[^.\n]{0,10}\b(plan|tier|account)|(\/|per|a) month\b|\b(daily|weekly|monthly)\b(?! (api )?(requests?|calls?)\b)[^.\n]{0,20}\b(limit|quota|allowance|usage|allocation|cap)\b|余额|欠费|充值|续费|套餐[^。\n]{0,10}(到期|过期|用尽|用完)|(额度|用量|余量|业务量|次数)[^。\n]{0,4}(不足|已用|超)|budget (has been )?exceeded|exceed\w* [^.\n]{0,20}budget|budget\b[^.\n]{0,30}\b(spent|exhausted|used up)\b|payment required|in arrears|\bunpaid\b|\bpast due\b|overdue (balance|payment|bill|invoice)|(account|balance|payment|bill|invoice)s?\b[^.\n]{0,30}\boverdue|(spend(ing)?|usage) (limit|cap)|account[^.\n]{0,20}good standing/i,
    status: [200, 400, 401, 402, 403, 412, 429],
  },
  // With a status of its own it may be one of a minute.
  { kind: "quota-exhausted", status: [200], words: /quota (has been |is )?(exceeded|exhausted|reached|used up)/i },
  { kind: "quota-exhausted", status: [402] },
  {
    kind: "busy",
    codes:
      /^(all_deployments_in_cooldown|model_loading|loading|server_busy|queue_\w+|\w*capacity_(exceeded|exhausted)|model_(cold|starting|warming\w*)|ModelNotReady(Exception)?)$/i,
    words:
      /\bin cooldown|no deployments available|maximum pending requests|(queue|server) is full|exceed\w*[^.\n]{0,40}\bqueue\b|\bqueue\b[^.\n]{0,20}\bexceed|capacity\b[^.\n]{0,20}\b(exceeded|exhausted|reached|full|limits?)|\b(no|at|over|out of|exceed\w*|insufficient|limited) (\w+ )?capacity|(high|heavy) (traffic|demand|load)|too many (pending|queued|concurrent)|(server|service) (is )?(too )?busy|warming up|cold start|\bis cold\b|will be (loaded|ready|available) (soon|shortly)|(being|still|currently) (\w+ )?(download|pull|deploy|provision|build|start)(ed|ing)\b|(model|deployment|endpoint|replica|instance|engine)[^.\n]{0,40}(not (yet )?ready|still (building|starting|deploying|initiali[sz]ing)|is (starting|sleeping|initiali[sz]ing|scaling))|(负载|访问量)[^。\n]{0,8}(饱和|过高|过大)|繁忙|拥挤|拥堵|排队|过载/i,
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
    codes:
      /^(rate_limit\w*|ratelimit\w*|too_many_requests|throttling.*|requests_limit\w*|resource_exhausted|ServiceQuotaExceededException|litellm\.RateLimitError)$/i,
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
  // The path, and not the model: OpenAI, Azure, llama.cpp, FastAPI, Cloudflare, Express.
  {
    kind: "bad-reply",
    words:
      /^(could not route to|no route for|cannot (get|post) \/|no route matched|(unexpected|unknown|unsupported|no such) (endpoint|path|route|url)\b|missing authentication token$|invalid url\b|((resource|file|route|page|endpoint) )?not found\.?$|method not allowed$)/im,
  },
  {
    kind: "model-not-found",
    codes:
      /^(model_?(decommissioned|deprecated|retired|removed|offline|discontinued)|model_not_found|invalid_model|model_?not_?exist|deploymentnotfound|model_not_supported|model_not_available|modelnotfound(error|exception)?|ResourceNotFoundException|OperationNotSupported|unsupported_api_for_model|\w*(endpoint|deployment)_not_(running|found|ready))$/i,
    words:
      /(invalid|unknown|unsupported|unrecogni[sz]ed|non-?existent) model|\bnot (one of|among) the models\b|\bnot match any model\b|\bmodel\b[^.\n]{0,80}\b(could|can)( ?not|n't) be (found|located|resolved)\b|\bmodel\b[^.\n]{0,60}\b(is offline|shut down)\b|\bmodel (name|id|identifier)\b[^.\n]{0,20}\b(invalid|unknown|not valid|unrecognized)\b|no models? (is |are )?(currently )?loaded|\bmodel\b[^.\n]{0,120}(decommissioned|(has|have) been deprecated|deprecated and|retired|discontinued|been (removed|shut down|sunset)|no longer (available|supported|served))|not a valid model|no endpoints found|model not exist|no healthy deployments|inference profile that contains this model|no ((currently )?(available|healthy|valid|usable|enabled|active|eligible|matching|suitable) )?(channel|deployment|provider|backend|upstream|route|node)s?\b[^.\n]{0,30}\b(for|with|serv\w+|support\w*|ha(ve|s))\b[^.\n]{0,20}\bmodel\b|模型不存在|(无|没有)可用的?(渠道|通道|节点|供应商)|\bmodel\b[^.\n]{0,120}(not found|does(n't| not) exist|not available|not served|no such|is not supported\b(?! with)|failed to load)|(not found|no such|does(n't| not) exist)[^.\n]{0,40}\bmodel\b|(fail\w*|unable|cannot|can't|could ?n[o']t)( to)? (find|locate|load|loading|resolve|open)\b[^.\n]{0,20}\b(model|modelID)\b|\bmodel\b[^.\n]{0,80}\bnot (accessible|usable) (via|through|with|in|at)\b|^model: /im,
    status: [200, 400, 403, 404, 410, 422, 500, 503],
  },
  { kind: "unavailable", status: [200, 400, 422, 500, 502, 503], words: BROKEN },
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
    codes:
      /^(server_error|overloaded\w*|engine_overloaded\w*|internal(_server)?_?error|service_unavailable\w*|unavailable\w*|api_connection\w*|litellm\.(InternalServerError|ServiceUnavailableError|APIConnectionError|APIError|BadGatewayError))$/i,
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
  { kind: "key-refused", status: [401] },
  { kind: "rate-limited", status: [429] },
];
