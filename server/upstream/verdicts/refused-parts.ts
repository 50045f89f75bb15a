import type { ErrorWords } from "../models/error-words.ts";

/** Something that a request asks for and not every model or endpoint serves. */
export interface Feature {
  /** For people: "tools", "images". */
  readonly name: string;
  /** The member of the request that asks for it, by the name that most APIs give it. */
  readonly parameter: string;
}

const REFUSED =
  "(?:not (?:\\w+ )?(?:support|allow|enable|accept|available|permitted|implemented|offered|take)\\w*|\\w*n't (?:\\w+ )?(?:support|allow|accept|have|enable|available|permit|offer|take)\\w*|unsupported|unavailable (?:for|with|on|in)\\b|no support|does(?: not|n't) work (?:with|on|for)|(?:is|are|been) disabled|only supported (?:by|for|on|with)|(?:cannot|can't|can not|may not|must not|unable to) (?:be )?(?:process|handle|accept|read|take|see|hear|sent|do|make|call|use(?!d (?:with|together|alongside) (?!(?:this|that|the|your|our) (?:model|endpoint|deployment))))\\w*|unknown variant|requires? (?:the )?--?\\w)";
const CLOSE = "[^.\\n]{0,60}";

function of(thing: string): RegExp {
  const supporting = `no endpoints found that support${CLOSE}\\b(?:${thing})|no provider[^.\\n]{0,40} support${CLOSE}\\b(?:${thing})|\\bno (?:${thing}) support`;
  return new RegExp(
    `\\b(?:${thing})\\b${CLOSE}\\b${REFUSED}|\\b${REFUSED}${CLOSE}\\b(?:${thing})\\b|${supporting}`,
    "i",
  );
}

/**
 * By the words of its refusal. The parts of a request come in the order in which a sentence may name several: "streaming
 * with tools is not supported" is about streaming.
 */
const FEATURES: readonly { readonly feature: Feature; readonly words: RegExp }[] = [
  {
    feature: { name: "whole replies", parameter: "stream" },
    words:
      /non-?stream|only supports? (the )?stream|stream(ing)?( mode)? (is )?(required|only)|stream(ing)? (must|has to|should) be (on|enabled|used)|must (be|use) stream|stream['"`]? (parameter )?(must|has to|should) be (set to )?['"`]?true|(enable|use|set) stream(ing)?\b|only stream/i,
  },
  {
    feature: { name: "streamed replies", parameter: "stream" },
    words:
      /(not|n't) support(s|ed)? (response )?stream|stream(ing|ed)?( mode| response| replies)? (is |are |was )?(not|un)\s?(supported|allowed|available|enabled)|\bto stream this model|unsupported[^.\n]{0,20}\bstream(ing)?\b|stream['"`]? (must|has to|should) be (set to )?['"`]?false/i,
  },
  {
    feature: { name: "tools", parameter: "tools" },
    words: of("tools?|tool[ _-]?(?:use|calls?|calling|choice)|functions?|function[ _-]?call(?:s|ing)?"),
  },
  { feature: { name: "tools", parameter: "tools" }, words: /tool choice requires/i },
  {
    feature: { name: "images", parameter: "image" },
    words: of("images?|image[ _-]?(?:input|url)s?|vision|visual|multi-?modal\\w*"),
  },
  {
    feature: { name: "images", parameter: "image" },
    words: /at most 0 image|not an? (multi-?modal|vision|visual|vlm)\b/i,
  },
  // Texts are sent as texts, so whoever wants a text was sent parts.
  {
    feature: { name: "content parts", parameter: "content" },
    words: /\bcontent['"`]?:? (must be|should be|is not|input should be)( a)?( valid)? string/i,
  },
  { feature: { name: "audio", parameter: "audio" }, words: of("audio|input_audio|speech") },
  { feature: { name: "files", parameter: "file" }, words: of("files?|documents?|pdfs?|file input") },
  {
    feature: { name: "the form of the reply", parameter: "response_format" },
    words: of(
      "response_format type|response_format|response format|json_schema|json_object|json mode|json schema|structured outputs?|output_config",
    ),
  },
  {
    feature: { name: "the form of the reply", parameter: "response_format" },
    words: /response_?format[^.\n]{0,40}unavailable/i,
  },
  {
    feature: { name: "system messages", parameter: "system" },
    words: of("system (?:role|messages?|prompts?|instructions?)|developer (?:role|messages?|instructions?)"),
  },
  {
    feature: { name: "system messages", parameter: "system" },
    words: /\bonly\b[^.\n]{0,60}\broles?\b[^.\n]{0,60}\b(got|but|not)\b[^.\n]{0,20}\b(system|developer)\b/i,
  },
  {
    feature: { name: "reasoning", parameter: "reasoning" },
    words: of("thinking|reasoning(?:_effort| effort)?|enable_thinking"),
  },
];

/** The members of a request that are features of a model rather than numbers of a sampler. */
const PARAMETERS: Readonly<Record<string, Feature>> = Object.fromEntries(
  FEATURES.map(({ feature }) => [feature.parameter, feature]),
);
const BY_PARAMETER: Readonly<Record<string, Feature | undefined>> = {
  ...PARAMETERS,
  stream: { name: "streamed replies", parameter: "stream" },
  tool_choice: PARAMETERS.tools,
  functions: PARAMETERS.tools,
  parallel_tool_calls: PARAMETERS.tools,
};

const UNSUPPORTED =
  /^(unsupported_\w+|unknown_parameter|unrecognized_\w+|extra_forbidden|invalid_parameter|litellm\.UnsupportedParamsError)$/i;

/** Of what was sent in a format that is not taken: others of its kind are. */
const OF_FORMAT =
  /\b(image|file|audio|document|video)s? (formats?|types?|extensions?)\b|\bfollowing (formats|types|extensions)\b|\bmedia[ _-]?type\b|\bmime\b/i;

/** The feature that a refusal is about; undefined when it names none. */
export function featureIn(words: ErrorWords): Feature | undefined {
  const { codes, message, parameter } = words;
  const isUnsupported = codes.some((code) => UNSUPPORTED.test(code)) || parameter === "stream";
  // By one name, both forms of a reply are refused; the words tell which.
  const spoken = OF_FORMAT.test(message) ? undefined : FEATURES.find(({ words }) => words.test(message))?.feature;
  if (isUnsupported && parameter !== "") {
    const root = parameter.split(/[.[]/)[0] ?? "";
    if (root === "stream") return spoken?.parameter === "stream" ? spoken : BY_PARAMETER.stream;
    if (Object.hasOwn(BY_PARAMETER, root)) return BY_PARAMETER[root];
    return root === "messages" || root === "input" ? spoken : undefined;
  }
  // "'temperature' does not support 0.2 with this model" is about a number, whatever else it names.
  return namedIn(message) === undefined ? spoken : undefined;
}

/** Numbers and lists of a request that steer a sampler or a server. */
const NAMES =
  "temperature|top_p|top_k|min_p|top_a|frequency_penalty|presence_penalty|repetition_penalty|max_tokens|max_completion_tokens|max_output_tokens|stop|stop_sequences|seed|logit_bias|logprobs|top_logprobs|n|stream_options|store|metadata|user|service_tier|prediction|verbosity|modalities|prompt_cache_key|prompt_cache_retention|safety_identifier|typical_p|cache_prompt|keep_alive|num_ctx|options|think|thinking_budget|chat_template_kwargs|transforms|provider|plugins|usage|include_reasoning|cache_control|context_management";
const QUOTE = "['\"`]?";
const REFUSALS: readonly RegExp[] = [
  new RegExp(
    `${QUOTE}\\b(${NAMES})\\b${QUOTE}(?: parameter)? (?:is|are) (?:not (?:\\w+ )?(?:supported|allowed|permitted|available|implemented)|unsupported|deprecated)`,
    "i",
  ),
  new RegExp(`${QUOTE}\\b(${NAMES})\\b${QUOTE}(?: and| or)? [^.\\n]{0,40}(?:does not|doesn't|do not) support`, "i"),
  new RegExp(
    `(?:does not|doesn't|do not|not) support (?:the |setting |use of |using )*(?:parameters?|arguments?|value)?:? ?\\[?${QUOTE}(${NAMES})\\b`,
    "i",
  ),
  new RegExp(
    `(?:unsupported|unknown|unrecognized|unexpected|extra|extraneous) (?:request )?(?:parameters?|arguments?|fields?|inputs?|keys?|names?|property|properties|value)[^:'"\`\\n]{0,40}(?::\\s*|\\s(?=['"\`[({]))[[{(]?${QUOTE}(\\w{1,64})`,
    "i",
  ),
  /^(\w{1,64}): unsupported parameter/im,
  /(?:unexpected|unknown|unrecogni[sz]ed|unsupported) (?:parameter|argument|field|option|property|key) ([a-z]+(?:_[a-z0-9]+)+)\b/i,
  /(?:parameter|argument|field|option) ['"`]?(\w{1,64})['"`]? (?:can(?:not|'t)|may not|must not) be (?:used|set|sent|given)/i,
  // Of several in a row, the first.
  new RegExp(
    `\\b(${NAMES}|[a-z]+(?:_[a-z]+)+)(?:(?:, | and | or )\\w+)+ (?:parameters?|arguments?|fields?|options?) (?:is|are) (?:not |un)`,
    "i",
  ),
  /\b(temperature|top_p|top_k|min_p|logprobs|top_logprobs|seed|stop|logit_bias|\w+_penalty|max_\w*tokens)['"`]? not supported/i,
  /^(\w{1,64})\n\s*extra inputs are not permitted/im,
  /property ['"`]?([\w.[\]]{1,64})['"`]? is unsupported/i,
  /(?:properties|fields|parameters|arguments|inputs) are not (?:allowed|permitted|supported)[^'"`\n]{0,10}\(?['"`](\w{1,64})/i,
  /(?:parameter|argument|field|option)s? (?:is |are )?(?:not supported|unsupported|not allowed)[^:\n]{0,40}: ?['"`[]{0,2}(\w{1,64})/i,
  // Pydantic's path, in whatever sentence it stands.
  /(?:^|[\s:'"`(])([a-z][\w.[\]-]{0,63}): (?:extra inputs are not permitted|unexpected value)/im,
  new RegExp(
    `${QUOTE}\\b(${NAMES})\\b${QUOTE} (?:has to|must|can only|may only) be (?:set to )?(?:1|the default|unset|left)`,
    "i",
  ),
  new RegExp(`only ${QUOTE}(${NAMES})${QUOTE}=`, "i"),
  new RegExp(
    `invalid ${QUOTE}(${NAMES})${QUOTE}[^.\\n]{0,20}\\bonly \\S+ (?:is|are) (?:allowed|supported|accepted)`,
    "i",
  ),
  new RegExp(`${QUOTE}\\b(${NAMES})\\b${QUOTE} and ${QUOTE}\\w+${QUOTE} cannot both`, "i"),
];

/** A name as programs write them, which no sentence has by chance: a member of the request, unless it is a model's. */
const ANY_NAME =
  /['"`]?\b(?!\w*model)([a-z]+(?:_[a-z0-9]+)+)\b['"`]?(?: parameter| field| argument| option)? (?:is|are) (?:not (?:\w+ )?(?:supported|allowed|permitted|available|accepted|implemented)|unsupported|forbidden|unknown|unrecognized)/;

/** The parameter that a refusal says is not taken; undefined when it names none, or only a value that is out of bounds. */
export function parameterIn(words: ErrorWords): string | undefined {
  const { codes, message, parameter } = words;
  if (parameter !== "" && codes.some((code) => UNSUPPORTED.test(code))) return parameter;
  const named = namedIn(message);
  if (named !== undefined) return named;
  if (/extra inputs are not permitted|extra_forbidden/i.test(message) && parameter !== "") return parameter;
  const anyName = ANY_NAME.exec(message)?.[1];
  if (anyName !== undefined) return anyName;
  return codes.some((code) => /UnsupportedParamsError$/.test(code)) ? "" : undefined;
}

function namedIn(message: string): string | undefined {
  for (const refusal of REFUSALS) {
    const name = refusal.exec(message)?.[1];
    if (name !== undefined && !/^(is|are|in|the|for|with|and|of|to)$/i.test(name)) return name.toLowerCase();
  }
  return undefined;
}
