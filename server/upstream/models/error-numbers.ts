/** A count of tokens; undefined when it is none. */
export function countIn(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

const WAIT = /(?:try again|retry(?:ing)?|wait|replenished|resets?)\s+(?:in|after|for)?\s*((?:about )?\d[^\n]{0,40})/i;
const AMOUNT =
  /^\s*(?:about |and |,)?\s*(\d+(?:\.\d+)?)\s*(ms|milliseconds?|d|days?|h|hours?|m|min|mins|minutes?|s|sec|secs|seconds?)?(?![a-z])/i;

/** "Please try again in 7s", "in 1m30.5s", "after 6 seconds", "in 20ms", "wait 2 minutes", "in 12:30:00". */
export function waitIn(message: string): number | undefined {
  let rest = WAIT.exec(message)?.[1] ?? "";
  const [, hours, minutes, seconds] = /^(\d+):(\d\d):(\d\d)/.exec(rest) ?? [];
  if (hours !== undefined) return (Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds)) * 1_000;
  let total: number | undefined;
  for (let found = AMOUNT.exec(rest); found !== null; found = AMOUNT.exec(rest)) {
    const [all, amount, unit = "s"] = found;
    total = (total ?? 0) + Number(amount) * msOf(unit.toLowerCase());
    if (found[2] === undefined) break;
    rest = rest.slice(all.length);
  }
  return total;
}

function msOf(unit: string): number {
  if (unit === "ms" || unit.startsWith("milli")) return 1;
  if (unit.startsWith("d")) return 86_400_000;
  if (unit.startsWith("h")) return 3_600_000;
  return unit.startsWith("m") ? 60_000 : 1_000;
}

const NUMBER = "(\\d[\\d,_ ]{0,12}\\d|\\d)";
/** How servers tell the tokens of a prompt and what would fit, with which of the two comes first. */
interface Telling {
  readonly words: RegExp;
  readonly promptFirst: boolean;
  /** Together with what was asked of the reply it is too long, and may fit alone. */
  readonly isSum?: boolean;
}

const TOKENS: readonly Telling[] = [
  // llama.cpp, SGLang, Google
  {
    words: new RegExp(`\\(${NUMBER}(?: tokens)?\\)(?:(?!max_)[^()]){0,80}\\(${NUMBER}(?: tokens)?\\)`),
    promptFirst: true,
  },
  // "130000 of 128000 tokens"
  { words: new RegExp(`${NUMBER} (?:of|out of|/) ${NUMBER} tokens`), promptFirst: true },
  // Anthropic
  { words: new RegExp(`${NUMBER} tokens > ${NUMBER}`), promptFirst: true },
  { words: new RegExp(`exceed context limit: ${NUMBER} \\+ \\d+ > ${NUMBER}`), promptFirst: true, isSum: true },
  // LM Studio, in newer words and in older ones
  { words: new RegExp(`n_keep: ${NUMBER} ?>= ?n_ctx: ${NUMBER}`), promptFirst: true },
  { words: new RegExp(`the first ${NUMBER} tokens[^\\d]{1,160}${NUMBER} tokens`), promptFirst: true },
  // Mistral
  { words: new RegExp(`contains ${NUMBER} tokens[^\\d]{0,80}${NUMBER} maximum context`), promptFirst: true },
  // Cerebras
  { words: new RegExp(`current length is ${NUMBER} while limit is ${NUMBER}`, "i"), promptFirst: true },
  // OpenAI, vLLM, DeepSeek, OpenRouter, xAI
  {
    words: new RegExp(`maximum (?:context|prompt) length is ${NUMBER}[^\\d]{1,120}${NUMBER}`, "i"),
    promptFirst: false,
  },
  // Moonshot, Cohere, TGI
  { words: new RegExp(`token limit: ${NUMBER} \\(requested: ${NUMBER}`, "i"), promptFirst: false },
  {
    words: new RegExp(`(?:cannot exceed|less than|must be <=) ${NUMBER}[^\\d]{1,60}${NUMBER}`, "i"),
    promptFirst: false,
  },
];

/**
 * The tokens of a prompt that is too long, and how many fit, as a sentence has them. They are the prompt's own: one that is
 * too long together with what was asked of its reply only has fewer than fit.
 */
export function tokensIn(sentence: string): [prompt: number | undefined, context: number | undefined] {
  // TensorRT-LLM counts in fractions.
  const message = sentence.replaceAll(/(\d)\.0\b/g, "$1");
  for (const { words, promptFirst, isSum } of TOKENS) {
    const [, first, second] = words.exec(message) ?? [];
    const [a, b] = [first, second].map((text) => countIn(Number(text?.replace(/[,_ ]/g, ""))));
    if (a === undefined || b === undefined) continue;
    const [prompt, context] = promptFirst ? [a, b] : [b, a];
    if (isSum || prompt >= context) return [prompt, context];
  }
  return tokensBySense(message);
}

const SAYS_LIMIT =
  /limit|\bmax|at most|exceed|(longer|larger|greater|more|less|fewer) than|up to|\ballowed|supports?\b|context (length|window|size)|session_len|\bholds?\b|capacity|window|[<>]/i;
const IS_LIMIT =
  /^[ -](tokens? )?(maximum|limit|context|at most|at maximum|or (less|fewer)|token (window|limit|context))/i;
const OF_REPLY = /max_((completion|output|new)_)?tokens\W*$/i;
const OF_LENGTH = /token|context|prompt|input|seq_?len|\blength\b/i;
const OTHER_LIMIT = /per[ _-]?(minute|day|hour)|\b[TR]P[MD]\b|rate/i;

/** A number of a sentence, and whether it is told as a limit. */
interface Told {
  readonly value: number;
  readonly isLimit: boolean;
}

/** Some tell what would fit and no more. */
function limitAlone(numbers: readonly Told[]): [prompt: undefined, context: number] | undefined {
  const [only, ...others] = numbers;
  return only?.isLimit && others.length === 0 ? [undefined, only.value] : undefined;
}

/** TGI tells the prompt and what was asked of the reply, which are too much together only. */
function sumBySense(numbers: readonly Told[]): [prompt: number | undefined, context: number | undefined] {
  const [limit, ...others] = numbers.filter(({ isLimit }) => isLimit);
  const [prompt, reply] = numbers.filter(({ isLimit }) => !isLimit).map(({ value }) => value);
  if (limit === undefined || others.length > 0 || numbers.length !== 3) return [undefined, undefined];
  return (prompt ?? 0) + (reply ?? 0) > limit.value ? [prompt, limit.value] : [undefined, undefined];
}

/**
 * Of a sentence in words that nobody listed: the limit is a number that follows a word for one, and the prompt, being too
 * long, is the first number that is greater.
 */
function tokensBySense(message: string): [prompt: number | undefined, context: number | undefined] {
  if (!OF_LENGTH.test(message) || OTHER_LIMIT.test(message)) return [undefined, undefined];
  let end = 0;
  const numbers = [...message.matchAll(/(?<![\w.-])\d[\d,_]*\d(?!\w|-(?!token)|\.\d)/g)].map((found) => {
    const before = message.slice(end, found.index).slice(-80);
    end = found.index + found[0].length;
    const isLimit = SAYS_LIMIT.test(before) || IS_LIMIT.test(message.slice(end, end + 24));
    return { value: Number(found[0].replace(/[,_]/g, "")), isLimit: isLimit && !OF_REPLY.test(before) };
  });
  const limit = numbers.find(({ value, isLimit }) => isLimit && numbers.some((other) => other.value > value))?.value;
  if (limit === undefined) return limitAlone(numbers) ?? sumBySense(numbers);
  return [numbers.find(({ value }) => value > limit)?.value, limit];
}
