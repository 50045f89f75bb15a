import { anyOf, exactly } from "./any-of.ts";

/** Codes of a prompt that does not fit into the context. */
export const OVERFLOW_CODES = exactly(
  /context_length_exceeded/i,
  /exceed_context_size_error/i,
  /context_window_exceeded/i,
  /model_max_prompt_tokens_exceeded/i,
  /prompt_too_long/i,
  /context_too_long/i,
  /tokens_limit_reached/i,
  /([a-z]+\.)?oversize_?input/i,
  /litellm\.ContextWindowExceededError/i,
);

/** Of a prompt that does not fit, as endpoints are known to say it. */
export const OVERFLOW = anyOf(
  /maximum (context|prompt) length/i,
  /\btotal tokens of\b[^.\n]{0,40}\bexceed/i,
  /context length is only/i,
  /长度超过/i,
  /context (length|window|size)[^.\n]{0,60}(exceed|overflow|too (long|small)|not enough)/i,
  /context\b[^.\n]{0,20}overflow/i,
  /(上下文|输入|提示词?|prompt|文本|消息)[^。\n]{0,12}(超|过长)/i,
  /(exceed|longer than|larger than|greater than|overflow)[^.\n]{0,80}context/i,
  /exceed context limit/i,
  /(prompt|input|request) (is|was) too long/i,
  /too many (input )?tokens/i,
  /exceeds the (available|maximum|model'?s?) (context|number of (input )?tokens)/i,
  /range of input length/i,
  /exceeded model token limit/i,
  /must have less than \d+ tokens/i,
  /input tokens exceed/i,
  /\b(max(imum)? model|model'?s? max(imum)?) len(gth)?\b/i,
  /reduce the length of (the|your) (messages|prompt|input)/i,
  /\b(prompt|input|messages?)\b[^.\n]{0,40}\b(must|should|has to|have to) be (under|below|at most|no longer than|shorter than) \d+ tokens/i,
  /\bshorten (the|your) (messages?|prompt|input|conversation)\b/i,
  /tokens \+ [^.\n]{0,20}max_new_tokens/i,
  /prompt contains \d+ tokens/i,
);

/** In whatever words: a prompt, or its tokens, that are more than what there may be. */
export const OVERFLOW_BY_SENSE = anyOf(
  /\b(prompt|input|messages?|tokens?|sequence|conversation)\b([^.\n]|\.\d){0,80}(exceed\w*|(longer|larger|greater|bigger|more) than|over(flow)?s?|above|beyond|surpass\w*)\b[^.\n]{0,80}(token|length|context|session_len|limit of \d|max_\w*(position|seq)|window)/i,
  /\b(prompt|input|messages?|tokens?|sequence|conversation)\b([^.\n]|\.\d){0,60}\b(not|n't) fit\b/i,
  /\d tokens\b[^.\n]{0,50}\b(at most|max(imum)?|only|limit|up to)\b[^.\n]{0,20}\d/i,
);

/** Codes of content that a filter refused. */
export const CONTENT_CODES = anyOf(
  exactly(
    /content_filter/i,
    /content_policy_violation/i,
    /responsibleaipolicyviolation/i,
    /data_?inspection_?failed/i,
    /moderation_blocked/i,
    /moderation_error/i,
    /content_moderation/i,
    /content_blocked/i,
    /risk_?control/i,
    /sensitive_content/i,
    /invalid_prompt/i,
    /litellm\.ContentPolicyViolationError/i,
  ),
  /(sensitive|unsafe|harmful|inappropriate|prohibited|blocked)_?content/i,
  /content_?(filter|policy|block|moderation|risk|safety|unsafe|sensitive|illegal|violat)/i,
  /guardrail/i,
  /moderation/i,
  /censor/i,
);

/** Of content that a filter or a policy refused. */
export const CONTENT = anyOf(
  /content exists risk/i,
  /\brisk control\b/i,
  /prompt injection/i,
  /jailbreak/i,
  /\bnsfw\b/i,
  /(was|been) filtered out/i,
  /ethical standard/i,
  /may violate/i,
  /high risk/i,
  /prohibited_content/i,
  /guardrail/i,
  /new_sensitive/i,
  /(unsafe|sensitive|harmful)\b[^.\n]{0,30}(content|information|input|material|words?|prompt|text|topic)/i,
  /responsible ai/i,
  /(prompt|input|content|request|message)s?\b[^.\n]{0,30}(blocked|rejected|refused|denied)\b[^.\n]{0,60}(safety|security|harm|risk|polic|sensitive|filter|prohibited|guard)/i,
  /\bflagged\b/i,
  /content (management |filtering |usage )?polic/i,
  /content filter/i,
  /inappropriate content/i,
  /(violat|break|breach|contraven)\w* [^.\n]{0,40}(polic|guideline|terms|rules?)/i,
  /data loss prevention/i,
  /\b(declined|refused|rejected|blocked)\b[^.\n]{0,40}\b(unsafe|harmful|inappropriate|offensive)\b/i,
  /\b(self-?harm|hate|hateful|sexual|violent|harassment)\b (content|speech|material)/i,
  /\b(prompt|input|messages?|content|text)\b[^.\n]{0,60}\b(was|were|been) (blocked|withheld|censored)\b/i,
  /safety (system|filter|setting)/i,
  /blocked (by|due to|because of|for) [^.\n]{0,40}(safety|moderation|guardrail)/i,
  /moderation/i,
  /敏感/i,
  /违规/i,
  /违法/i,
  /不合规/i,
  /内容(安全|审核)/i,
);
