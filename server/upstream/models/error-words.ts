import { countIn, tokensIn, waitIn } from "./error-numbers.ts";
import { asObject, asObjects, asText, type JsonObject } from "./json-value.ts";

/** What an endpoint says went wrong, in its own words: read to tell what it means, and never shown. */
export interface ErrorWords {
  /** Its codes, types and classes, the outermost first. */
  readonly codes: readonly string[];
  /** All its sentences. */
  readonly message: string;
  /** The part of the request that is refused; empty when it names none. */
  readonly parameter: string;
  /** The HTTP status that it repeats; undefined when it repeats none. */
  readonly status: number | undefined;
  /** Whether it says that a provider behind the endpoint answered so. */
  readonly isOfProvider: boolean;
  /** When to try again; undefined when it does not say. */
  readonly retryAfterMs: number | undefined;
  /** Tokens of a prompt that is too long, and what would fit. */
  readonly promptTokens: number | undefined;
  readonly contextTokens: number | undefined;
}

/** No words at all. */
export const NO_WORDS: ErrorWords = {
  codes: [],
  message: "",
  parameter: "",
  status: undefined,
  isOfProvider: false,
  retryAfterMs: undefined,
  promptTokens: undefined,
  contextTokens: undefined,
};

/** A piece of a stream, or a body, that is not in the API's form. */
export const MALFORMED: ErrorWords = { ...NO_WORDS, codes: ["patchbay.malformed"] };

/**
 * The error that a body of a good status, or a piece of a stream, is; undefined if it is none. The places where one is met:
 * `error` (OpenAI, Anthropic, most others), `errors`, `object: "error"` (Mistral, older vLLM), `choices[].error` and ends
 * that are failures, a code and a message at the top (DashScope), `detail` (FastAPI), `base_resp`
 * (MiniMax), `Response.Error` (Tencent), and a sentence that is alone (Amazon).
 */
export function errorIn(body: JsonObject): ErrorWords | undefined {
  if (isSaid(body.error) || body.object === "error" || body.type === "error") return wordsOf(body);
  const choices = asObjects(body.choices);
  const failed = choices.find((choice) => isSaid(choice.error) || isFailedEnd(choice.finish_reason));
  if (failed !== undefined) return wordsOf(isSaid(failed.error) ? failed.error : { type: "finish_reason.error" });
  const base = asObject(body.base_resp);
  if (base !== undefined && typeof base.status_code === "number" && base.status_code !== 0) return wordsOf(base);
  if (isSaid(asObject(body.Response)?.Error)) return wordsOf(body);
  if (choices.length > 0 || "data" in body || "content" in body || "usage" in body) return undefined;
  const hasCode = isSaid(body.code) || isSaid(body.error_code) || isSaid(body.status_code) || isSaid(body.status);
  // FastChat's worker tells a failure as if it were text.
  const hasText = isSaid(body.error_code) && isSaid(body.text);
  const hasMessage =
    hasText || isSaid(body.message) || isSaid(body.msg) || isSaid(body.error_msg) || isSaid(body["html-message"]);
  const isOnlyMessage = typeof body.message === "string" && Object.keys(body).length === 1;
  const isError =
    isSaid(body.detail) || isSaid(body.errors) || (hasCode && hasMessage) || isOnlyMessage || body.success === false;
  return isError ? wordsOf(body) : undefined;
}

/** Ends that are failures: OpenRouter's and Bifrost's, SGLang's, Zhipu's, DeepSeek's, and whatever is called an error. */
function isFailedEnd(reason: unknown): boolean {
  return (
    typeof reason === "string" &&
    /^(error|abort(ed)?|failed|failure|insufficient_system_resource|[a-z_]+_(error|failure))$/i.test(reason)
  );
}

/** All the words of an error, in whatever it is wrapped. */
export function wordsOf(value: unknown): ErrorWords {
  const heard = new Heard();
  heard.read(value, 0);
  const message = heard.messages.join("\n").slice(0, MOST_CHARACTERS);
  const [promptTokens, contextTokens] = tokensIn(message);
  return {
    codes: heard.codes,
    message,
    parameter: heard.parameter,
    status: heard.status,
    isOfProvider: heard.isOfProvider,
    retryAfterMs: heard.retryAfterMs ?? waitIn(message),
    promptTokens: heard.promptTokens ?? promptTokens,
    contextTokens: heard.contextTokens ?? contextTokens,
  };
}

/** Of all sentences; the first ones tell. */
const MOST_CHARACTERS = 8_192;
const MOST_DEPTH = 6;
const MOST_ITEMS = 8;
/** LiteLLM writes Python's None as a text, and the HTTP status as one. */
const NO_CODE = /^(None|null|error|\d*)$/;
const CODES = [
  "code",
  "type",
  "error_code",
  "error_type",
  "status",
  "reason",
  "class",
  "__type",
  "name",
  "errorcode",
  "Code",
];
const MESSAGES = [
  "message",
  "msg",
  "detail",
  "error",
  "error_msg",
  "error_description",
  "errorMessage",
  "status_msg",
  "description",
  "cause",
  "title",
  "html-message",
  "raw",
  "faultstring",
  "Message",
];
const STATUSES = ["code", "status", "status_code", "statusCode", "http_status"];
const INSIDE = [
  "error",
  "errors",
  "detail",
  "details",
  "message",
  "metadata",
  "innererror",
  "inner_error",
  "cause",
  "raw",
  "fault",
  "Response",
  "Error",
];

/** By which One API and gateways like it say that the words are those of whom they called. */
const WRAPPED = /^(upstream|provider)_error$/;

class Heard {
  readonly codes: string[] = [];
  readonly messages: string[] = [];
  parameter = "";
  status: number | undefined;
  isOfProvider = false;
  retryAfterMs: number | undefined;
  promptTokens: number | undefined;
  contextTokens: number | undefined;

  read(value: unknown, depth: number): void {
    if (depth > MOST_DEPTH) return;
    if (typeof value === "string") this.#readText(value, depth);
    else if (Array.isArray(value)) for (const item of value.slice(0, MOST_ITEMS)) this.read(item, depth + 1);
    else if (typeof value === "object" && value !== null) this.#readObject(value as JsonObject, depth);
  }

  /** Gateways put the error of a provider into their own message, as JSON or with a class of theirs in front. */
  #readText(text: string, depth: number): void {
    const start = text.search(/[{[]/);
    const json = start < 0 ? undefined : jsonIn(text, start);
    if (start !== 0 || json === undefined) this.messages.push(text);
    this.#addStatus(/\b(?:status|error)[ _]?code[:= ]+(\d{3})\b/i.exec(text)?.[1]);
    for (const [, name = ""] of text.matchAll(/\blitellm\.(\w+)/g)) this.#addCode(`litellm.${name}`);
    // Amazon's class, as its own library tells it.
    for (const [, name = ""] of text.matchAll(/\b(\w{3,40}Exception)\b/g)) this.#addCode(name);
    if (json !== undefined) this.read(json, depth + 1);
  }

  #readObject(body: JsonObject, depth: number): void {
    for (const name of CODES) if (typeof body[name] === "string") this.#addCode(asText(body[name]));
    for (const name of STATUSES) this.#addStatus(body[name]);
    const provider = asText(body.provider_name) || asText(asObject(body.extra_fields)?.provider);
    this.isOfProvider ||= provider !== "" || WRAPPED.test(asText(body.type));
    this.parameter ||= parameterIn(body);
    this.retryAfterMs ??= waitOf(body);
    this.promptTokens ??= countIn(body.n_prompt_tokens);
    this.contextTokens ??= countIn(body.n_ctx);
    for (const name of MESSAGES) if (typeof body[name] === "string") this.#readText(asText(body[name]), depth);
    for (const name of INSIDE) if (typeof body[name] === "object") this.read(body[name], depth + 1);
  }

  /** The outermost, unless that is a failure and one inside a refusal: gateways wrap what they were refused with. */
  #addStatus(value: unknown): void {
    const status = statusIn(value);
    if (status !== undefined && (this.status === undefined || (this.status >= 500 && status < 500)))
      this.status = status;
  }

  #addCode(code: string): void {
    if (!NO_CODE.test(code) && !this.codes.includes(code)) this.codes.push(code);
  }
}

function isSaid(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== null && value !== "" && value !== false && value !== 0;
}

/** The JSON that a text has from there on, to its end or to the last bracket; also as Python prints what was JSON. */
function jsonIn(text: string, start: number): unknown {
  const end = Math.max(text.lastIndexOf("}"), text.lastIndexOf("]"));
  const inner = text.slice(start, end + 1);
  return parseJson(text.slice(start)) ?? parseJson(inner) ?? parseJson(jsonOfPython(inner));
}

/** Only objects and arrays: whatever else may be JSON is a word. */
function parseJson(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** A text of Python's, of one line or of several, in either quotes. */
const PYTHON_TEXT = /'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/gs;
const PYTHON_WORDS: Readonly<Record<string, string>> = {
  None: "null",
  True: "true",
  False: "false",
  "(": "[",
  ")": "]",
};

/** What Python prints of an object, as JSON: vLLM, NVIDIA and gateways in front of them put that into their messages. */
function jsonOfPython(text: string): string {
  let json = "";
  let from = 0;
  const plain = (part: string) =>
    part
      .replaceAll(/\b(?:None|True|False)\b|[()]/g, (word) => PYTHON_WORDS[word] ?? word)
      .replaceAll(/,\s*(?=[\])}])/g, "");
  for (const found of text.matchAll(PYTHON_TEXT)) {
    const said = (found[1] ?? found[2] ?? "").replaceAll(/\\(['"])/g, "$1");
    json += plain(text.slice(from, found.index)) + JSON.stringify(said);
    from = found.index + found[0].length;
  }
  return json + plain(text.slice(from));
}

/** In a path of FastAPI's, the last name that is not where it stands. */
function parameterIn(body: JsonObject): string {
  const named = asText(body.param);
  if (named !== "" && !NO_CODE.test(named)) return named;
  const path = Array.isArray(body.loc) ? body.loc.filter((step) => typeof step === "string" && step !== "body") : [];
  return path.length > 0 ? String(path[0]) : "";
}

function statusIn(value: unknown): number | undefined {
  const status = typeof value === "string" && /^\d{3}$/.test(value) ? Number(value) : value;
  return typeof status === "number" && Number.isInteger(status) && status >= 400 && status < 600 ? status : undefined;
}

/** Of Google's RetryInfo, Hugging Face's estimate of a loading time, and others' own names for it. */
function waitOf(body: JsonObject): number | undefined {
  const ms = Number(body.retry_after_ms ?? Number.NaN);
  if (ms >= 0) return ms;
  const seconds = Number.parseFloat(
    String(body.retryDelay ?? body.retry_after ?? body.retryAfterSeconds ?? body.estimated_time ?? ""),
  );
  return seconds >= 0 ? seconds * 1_000 : undefined;
}
