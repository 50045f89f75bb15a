/** Numbers and lists of a request that steer a sampler or a server. */
const NAMES = [
  "temperature|top_p|top_k|min_p|top_a|typical_p|seed|n",
  "frequency_penalty|presence_penalty|repetition_penalty|logit_bias|logprobs|top_logprobs",
  "max_tokens|max_completion_tokens|max_output_tokens|stop|stop_sequences|num_ctx|keep_alive|options",
  "stream_options|store|metadata|user|service_tier|prediction|verbosity|modalities|safety_identifier",
  "prompt_cache_key|prompt_cache_retention|cache_prompt|cache_control|context_management",
  "think|thinking_budget|include_reasoning|chat_template_kwargs",
  "transforms|provider|plugins|usage",
].join("|");

/** One of those, in quotes or without. */
const NAME = `['"\`]?\\b(${NAMES})\\b['"\`]?`;
/** One of those that is no word of a sentence, or any that is written as programs write names, but for what asks for a feature. */
const SURE =
  "['\"`]?\\b(?!\\w*model|tool_|parallel_tool|response_format|json_|reasoning_effort|enable_thinking|input_|image_|function_)(temperature|seed|logprobs|verbosity|[a-z]+(?:_[a-z0-9]+)+)\\b['\"`]?";
/** What a sentence may call one that nobody listed. */
const PARAMETER = "(?:parameter|argument|field|option)";
const PARAMETERS = "(?:parameters?|arguments?|fields?|inputs?|keys?|names?|property|properties|value)";
const NOT_TAKEN =
  "(?:(?:is|are)(?: not|n't) (?:\\w+ )?(?:supported|allowed|permitted|available|implemented)(?! to\\b)|(?:is|are) (?:unsupported|deprecated))";

/** How a sentence says that a parameter is not taken; its name is the first group. */
export const REFUSALS: readonly RegExp[] = [
  new RegExp(`${NAME}(?: ${PARAMETER})? ${NOT_TAKEN}`, "i"),
  new RegExp(`${NAME}(?: and| or)? [^.\\n]{0,40}(?:does not|doesn't|do not) support`, "i"),
  new RegExp(
    `(?:does not|doesn't|do not|not) support (?:the |setting |use of |using )*(?:parameters?|arguments?|value)?:? ?\\[?${NAME}`,
    "i",
  ),
  new RegExp(
    `(?:unsupported|unknown|unrecognized|unexpected|extra|extraneous) (?:request )?${PARAMETERS}[^:'"\`\\n]{0,40}(?::\\s*|\\s(?=['"\`[({]))[[{(]?['"\`]?(\\w{1,64})`,
    "i",
  ),
  /^(\w{1,64}): unsupported parameter/im,
  /(?:unexpected|unknown|unrecogni[sz]ed|unsupported) (?:parameter|argument|field|option|property|key) ([a-z]+(?:_[a-z0-9]+)+)\b/i,
  new RegExp(
    `${PARAMETER} ['"\`]?(\\w{1,64})['"\`]? (?:can(?:not|'t)|may not|must not) be (?:used|set|sent|given)`,
    "i",
  ),
  // Of several in a row, the first.
  new RegExp(`\\b(${NAMES}|[a-z]+(?:_[a-z]+)+)(?:(?:, | and | or )\\w+)+ ${PARAMETER}s? (?:is|are) (?:not |un)`, "i"),
  /\b(temperature|top_p|top_k|min_p|logprobs|top_logprobs|seed|stop|logit_bias|\w+_penalty|max_\w*tokens)['"`]? not supported/i,
  /^(\w{1,64})\n\s*extra inputs are not permitted/im,
  /property ['"`]?([\w.[\]]{1,64})['"`]? is unsupported/i,
  /(?:properties|fields|parameters|arguments|inputs) are not (?:allowed|permitted|supported)[^'"`\n]{0,10}\(?['"`](\w{1,64})/i,
  new RegExp(
    `${PARAMETER}s? (?:is |are |was |were )?(?:not (?:supported|allowed|understood|recogni[sz]ed|known|accepted)|unsupported|rejected)[^:\\n]{0,40}: ?['"\`[]{0,2}(\\w{1,64})`,
    "i",
  ),
  // Pydantic's path, in whatever sentence it stands.
  /(?:^|[\s:'"`(])([a-z][\w.[\]-]{0,63}): (?:extra inputs are not permitted|unexpected value)/im,
  new RegExp(`${NAME} (?:has to|must|can only|may only) be (?:set to )?(?:1|the default|unset|left)`, "i"),
  // In words of nobody, of what can be nothing but a parameter.
  new RegExp(
    `${SURE}(?: ${PARAMETER})? (?:is|are) (?:fixed|locked|reserved|restricted|frozen|hard-?coded|only (?:available|supported|allowed) (?:for|with|on|in)|(?:not|\\w*n't) (?:understood|recogni[sz]ed|known|adjustable|configurable|an? (?:\\w+ )?(?:setting|${PARAMETER})))\\b`,
    "i",
  ),
  new RegExp(
    `${SURE}[^.\\n]{0,60}\\b(?:cannot|can't|may not|must not) be (?:passed|set|used|sent|given|changed|adjusted|specified|customi[sz]ed)\\b(?! (?:to|above|below|over|higher|lower|greater|beyond|more|less|together|with|at the same)\\b)`,
    "i",
  ),
  new RegExp(
    `\\b(?:remove|omit|drop|unset|leave out|(?:do not|don't) (?:send|set|pass|use)) (?:the )?(?:${PARAMETER} )?${SURE}`,
    "i",
  ),
  new RegExp(`${SURE}[^.\\n]{0,20}[?:,;] [^.\\n]{0,60}\\bno such (?:setting|${PARAMETER})`, "i"),
  new RegExp(
    `\\b(?:(?:takes?|accepts?|knows?|supports?|allows?|has) no|(?:do not|don't|does not|doesn't|cannot|can't) (?:honou?r|take|accept|know|understand|use|implement|recogni[sz]e|expose|allow|offer)) (?:\\w+ )?${SURE}`,
    "i",
  ),
  new RegExp(`${SURE}: (?:not (?:supported|available|allowed|known|recogni[sz]ed|accepted)|unsupported)\\b`, "i"),
  new RegExp(`\\bno (?:setting|${PARAMETER}) (?:called |named )?${SURE}`, "i"),
  new RegExp(`\\b(?:refuses|rejects) ${SURE}`, "i"),
  new RegExp(`${SURE} (?:has|have) been (?:removed|dropped|retired|disabled)\\b`, "i"),
  new RegExp(`\\b(?:sending|setting|passing|using) ${SURE}[^.\\n]{0,40} is (?:an error|not|forbidden|prohibited)`, "i"),
  new RegExp(`only ${NAME}=`, "i"),
  new RegExp(`invalid ${NAME}[^.\\n]{0,20}\\bonly \\S+ (?:is|are) (?:allowed|supported|accepted)`, "i"),
  new RegExp(`${NAME} and ['"\`]?\\w+['"\`]? cannot both`, "i"),
];

/** A name as programs write them, which no sentence has by chance: a member of the request, unless it is a model's. */
export const ANY_NAME =
  /['"`]?\b(?!\w*model)([a-z]+(?:_[a-z0-9]+)+)\b['"`]?(?: parameter| field| argument| option)? (?:is|are) (?:not (?:\w+ )?(?:supported|allowed|permitted|available|accepted|implemented)|unsupported|forbidden|unknown|unrecognized)/;
