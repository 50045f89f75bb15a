import { anyOf } from "./any-of.ts";

/** Something that a request asks for and not every model or endpoint serves. */
export interface Feature {
  /** For people: "tools", "images". */
  readonly name: string;
  /** The member of the request that asks for it, by the name that most APIs give it. */
  readonly parameter: string;
}

/** How a sentence says that something is not taken, whoever does not take it. */
const REFUSED = anyOf(
  /(?:not|\w{0,9}n't) (?:\w+ )?(?:support|allow|enable|accept|available|permit|implement|offer|take|understand|understood|trained|designed|capable|equipped)\w*/,
  /\w{0,9}n't (?:\w+ )?have\w*/,
  /unsupported/,
  /unavailable (?:for|with|on|in)\b/,
  /no support/,
  /lacks?\b/,
  /does(?: not|n't) work (?:with|on|for)/,
  /(?:not|\w{0,9}n't) (?:something|there)\b/,
  /(?:is|are|been) (?:disabled|turned off|switched off|off)\b/,
  /only supported (?:by|for|on|with)/,
  // What "cannot be used with" another part of the request is no feature that is missing; with a model it is.
  /(?:cannot|can't|can not|may not|must not|unable to) (?:be )?(?:process|handle|accept|read|take|look|see|view|hear|listen|set(?! to)|sent|do|make|call|use(?!d (?:with|together|alongside) (?!(?:this|that|the|your|our) (?:model|endpoint|deployment))))\w*/,
  /unknown variant/,
  /requires? (?:the )?--?\w/,
).source;

/** How one says so behind the thing alone: a model that "is only available with thinking" has it. */
const ELSEWHERE = anyOf(
  /only (?:possible|available|offered|accepted|works?) (?:by|for|on|with|in)\b/,
  /(?:is|are) beyond\b/,
  /(?:rejected|refused|ignored) by (?:(?:this|the|your) (?:model|endpoint|server|deployment)|[\w-]*\d)/,
  /must (?:stay|be|remain) off\b/,
  /(?:must|has to|needs to) be (?:enabled|activated|(?:switched|turned) on)\b/,
  /requires? (?:the|a|an) [\w-]+ (?:variant|model|version|edition)\b/,
).source;

/** So far from each other stand what is refused and the word that refuses it, within one sentence. */
const CLOSE = "[^.\\n]{0,60}";

/** Who has no such thing; a model is also told by a name that ends in a number. */
const SERVER =
  "\\b(?:model|endpoint|server|deployment|engine|backend|api|provider|template|service|[a-z]+-?\\d[\\w.-]*)\\b";

/** That a thing of one of these names is not served. */
function no(...things: readonly string[]): RegExp {
  const thing = `(?:${things.join("|")})`;
  return anyOf(
    new RegExp(`\\b${thing}\\b${CLOSE}\\b(?:${REFUSED}|${ELSEWHERE})`, "i"),
    new RegExp(`\\b(?:${REFUSED})${CLOSE}\\b${thing}\\b`, "i"),
    new RegExp(`no endpoints found that support${CLOSE}\\b${thing}`, "i"),
    new RegExp(`no provider[^.\\n]{0,40} support${CLOSE}\\b${thing}`, "i"),
    new RegExp(`\\bno ${thing} support`, "i"),
    new RegExp(`\\bno ${thing}(?: \\w+)? (?:is|are|was|were) (?:configured|enabled|installed|set up)\\b`, "i"),
    new RegExp(`\\btext[- ]only\\b${CLOSE}\\b${thing}\\b`, "i"),
    new RegExp(
      `${SERVER}[^.\\n]{0,30}\\b(?:has|have|accepts?|takes?|offers?|provides?|knows?) no (?:\\w+ )?${thing}\\b`,
      "i",
    ),
  );
}

/** That a reply comes in pieces or not at all. */
const ONLY_STREAMS = anyOf(
  /non-?stream/i,
  /only supports? (the )?stream/i,
  /stream(ing)?( mode)? (is )?(required|only)/i,
  /stream(ing)? (must|has to|should) be (on|enabled|used)/i,
  /must (be|use) stream/i,
  /stream['"`]? (parameter )?(must|has to|should) be (set to )?['"`]?true/i,
  /(enable|use|set) stream(ing)?\b(?!['"`]?[ :=]+(to )?['"`]?false)/i,
  /only stream/i,
);

/** That a reply comes whole or not at all. */
const NEVER_STREAMS = anyOf(
  /(not|n't) support(s|ed)? (response )?stream/i,
  /stream(ing|ed)?( mode| response| replies)? (is |are |was )?((not|un)\s?(supported|allowed|available|enabled)|(switched |turned )?off\b|disabled)/i,
  /\bto stream this model/i,
  /unsupported[^.\n]{0,20}\bstream(ing)?\b/i,
  /\b(no|not|without|\w+n't)\b[^.\n]{0,20}\b(server-sent events|sse)\b/i,
  /\bset stream['"`]?[ :=]+(to )?['"`]?false/i,
  /stream['"`]? (must|has to|should) be (set to )?['"`]?false/i,
);

/**
 * By the words of its refusal. The parts of a request come in the order in which a sentence may name several: "streaming
 * with tools is not supported" is about streaming.
 */
export const FEATURES: readonly { readonly feature: Feature; readonly words: RegExp }[] = [
  { feature: { name: "whole replies", parameter: "stream" }, words: ONLY_STREAMS },
  { feature: { name: "streamed replies", parameter: "stream" }, words: NEVER_STREAMS },
  {
    feature: { name: "tools", parameter: "tools" },
    words: anyOf(
      no("tools?", "tool[ _-]?(?:use|calls?|calling|choice|parser)", "functions?", "function[ _-]?call(?:s|ing)?"),
      /tool choice requires/i,
    ),
  },
  {
    feature: { name: "images", parameter: "image" },
    words: anyOf(
      no("images?", "image[ _-]?(?:input|url)s?", "pictures?", "photos?", "vision", "visual", "multi-?modal\\w*"),
      /at most 0 image/i,
      /not an? (multi-?modal|vision|visual|vlm)\b/i,
    ),
  },
  // Texts are sent as texts, so whoever wants a text was sent parts.
  {
    feature: { name: "content parts", parameter: "content" },
    words: /\bcontent['"`]?:? (must be|should be|is not|input should be)( a)?( valid)? string/i,
  },
  { feature: { name: "audio", parameter: "audio" }, words: no("audio", "input_audio", "speech", "voice", "sounds?") },
  {
    feature: { name: "files", parameter: "file" },
    words: no("files?", "documents?", "pdfs?", "file input", "attachments?"),
  },
  {
    feature: { name: "the form of the reply", parameter: "response_format" },
    words: anyOf(
      no(
        "response_format(?: type)?",
        "response format",
        "json_schema",
        "json_object",
        "json mode",
        "json schema",
        "json (?:output|decoding)",
        "(?:guided|constrained) (?:json|decoding|generation|output)",
        "structured outputs?",
        "output_config",
      ),
      /response_?format[^.\n]{0,40}unavailable/i,
      /response_?format(\.type)?['"`]? (must|should|has to) be (one of )?['"`[(]/i,
    ),
  },
  {
    feature: { name: "system messages", parameter: "system" },
    words: anyOf(
      no("system (?:role|messages?|prompts?|instructions?|turns?)", "developer (?:role|messages?|instructions?)"),
      /\bonly\b[^.\n]{0,60}\broles?\b[^.\n]{0,60}\b(got|but|not)\b[^.\n]{0,20}\b(system|developer)\b/i,
    ),
  },
  {
    feature: { name: "reasoning", parameter: "reasoning" },
    words: no("thinking", "reasoning(?:_effort| effort)?", "enable_thinking"),
  },
  // Of a model of texts, whatever else is meant is mostly an image.
  { feature: { name: "images", parameter: "image" }, words: /\btext[- ]only (model|endpoint|deployment)\b/i },
];
