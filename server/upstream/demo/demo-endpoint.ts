import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type Duplex, duplexPair } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { asObject, asObjects, asText, type JsonObject, parseObject } from "../models/json-value.ts";

/** The URL of the demo endpoint. It leads nowhere but into this process. */
export const DEMO_URL = "patchbay:demo";

/** The only model that the demo endpoint has. */
export const DEMO_MODEL = "demo";

/** Of a request, more than this is not read. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** Between two words of a stream: slow enough to be seen, and faster than most models. */
const PACE_MS = 40;

interface Words {
  readonly words: readonly string[];
  readonly finishReason: "stop" | "length";
}

/**
 * An endpoint for those who have none yet: it speaks OpenAI's chat completions over HTTP, and is no model. It repeats what
 * it is told, and counts words for tokens. It listens on no port: its connections are pairs of streams in memory.
 */
export class DemoEndpoint {
  readonly #server: Server;
  readonly #stopping = new AbortController();

  constructor() {
    this.#server = createServer((request, response) => {
      // What fails here is a caller who left.
      void this.#answer(request, response).catch(() => response.destroy());
    });
  }

  /** A new connection to it, with what undici asks of a socket beside the stream. */
  connect(): Duplex {
    const [near, far] = duplexPair();
    this.#server.emit("connection", far);
    return Object.assign(near, { ref: () => near, unref: () => near });
  }

  /** Ends the replies under way. */
  close(): void {
    this.#stopping.abort();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === "GET" && request.url === "/models") {
      return json(response, 200, { object: "list", data: [{ id: DEMO_MODEL, object: "model", owned_by: "patchbay" }] });
    }
    if (request.method !== "POST" || request.url !== "/chat/completions") {
      const paths = "POST /chat/completions and GET /models";
      return refuse(response, 404, `the demo endpoint has ${paths}, and nothing else`, null);
    }
    const body = await readBody(request);
    if (!body) return refuse(response, 400, "the body is no JSON object", null);
    const model = asText(body.model);
    if (model !== DEMO_MODEL) {
      const message = `the demo endpoint has one model, \`${DEMO_MODEL}\``;
      return refuse(response, 404, message, "model_not_found");
    }
    const problem = problemIn(body.messages);
    if (problem) return refuse(response, 400, problem.message, problem.code, problem.param);
    const { prompt, promptTokens } = readPrompt(body.messages);
    const reply = cut(replyTo(prompt, body.response_format), body.max_completion_tokens ?? body.max_tokens);
    const usage = {
      prompt_tokens: promptTokens,
      completion_tokens: reply.words.length,
      total_tokens: promptTokens + reply.words.length,
    };
    const head = { id: "chatcmpl-demo", created: Math.floor(Date.now() / 1_000), model };
    if (body.stream !== true) {
      const message = { role: "assistant", content: reply.words.join("") };
      const choice = { index: 0, message, finish_reason: reply.finishReason };
      return json(response, 200, { ...head, object: "chat.completion", choices: [choice], usage });
    }
    const wantsUsage = asObject(body.stream_options)?.include_usage === true;
    await this.#stream(response, head, reply, wantsUsage ? usage : undefined);
  }

  async #stream(response: ServerResponse, head: object, { words, finishReason }: Words, usage: object | undefined) {
    response.writeHead(200, { "content-type": "text/event-stream" });
    const chunk = (fields: object) => {
      response.write(`data: ${JSON.stringify({ ...head, object: "chat.completion.chunk", ...fields })}\n\n`);
    };
    const delta = (delta: object, finish_reason: string | null = null) => {
      chunk({ choices: [{ index: 0, delta, finish_reason }] });
    };
    delta({ role: "assistant", content: "" });
    for (const content of words) {
      await pause(PACE_MS, undefined, { signal: this.#stopping.signal });
      if (response.destroyed) return;
      delta({ content });
    }
    delta({}, finishReason);
    if (usage) chunk({ choices: [], usage });
    response.end("data: [DONE]\n\n");
  }
}

function replyTo(prompt: string, format: unknown): readonly string[] {
  const { type = "text" } = asObject(format) ?? {};
  if (type !== "text") return [JSON.stringify({ said: prompt })];
  const said = prompt === "" ? "You said nothing." : `You said: ${prompt}`;
  return `${said}\n(This is Patchbay's demo endpoint, and no model.)`.match(/\s*\S+/g) ?? [];
}

function cut(words: readonly string[], limit: unknown): Words {
  const isCut = typeof limit === "number" && limit < words.length;
  return isCut ? { words: words.slice(0, limit), finishReason: "length" } : { words, finishReason: "stop" };
}

/** What is wrong with a request, in the words of OpenAI's API. */
interface Problem {
  readonly message: string;
  readonly param: string;
  readonly code: "missing_required_parameter" | "invalid_type" | "empty_array" | "invalid_value";
}

const ROLES = ["system", "assistant", "user", "function", "tool", "developer"];

/** What OpenAI's API would refuse of the messages; undefined for nothing. */
function problemIn(messages: unknown): Problem | undefined {
  if (messages === undefined || messages === null) return missing("messages");
  if (!Array.isArray(messages)) return wrongType("messages", "an array of objects");
  if (messages.length === 0) {
    const message = "Invalid 'messages': empty array. Expected an array with minimum length 1.";
    return { message, param: "messages", code: "empty_array" };
  }
  return messages.map((message, index) => problemInMessage(asObject(message), `messages[${index}]`)).find(Boolean);
}

function problemInMessage(message: JsonObject | undefined, param: string): Problem | undefined {
  if (!message) return wrongType(param, "an object");
  const { role, content } = message;
  if (role === undefined) return missing(`${param}.role`);
  if (typeof role !== "string" || !ROLES.includes(role)) {
    const known = ROLES.map((one) => `'${one}'`).join(", ");
    return {
      message: `Invalid value: '${param}.role' must be one of ${known}.`,
      param: `${param}.role`,
      code: "invalid_value",
    };
  }
  const isCall = role === "assistant" && (message.tool_calls !== undefined || message.function_call !== undefined);
  if (content === undefined || content === null) return isCall ? undefined : missing(`${param}.content`);
  if (typeof content === "string" || Array.isArray(content)) return undefined;
  return wrongType(`${param}.content`, "a string or an array of objects");
}

function missing(param: string): Problem {
  return { message: `Missing required parameter: '${param}'.`, param, code: "missing_required_parameter" };
}

function wrongType(param: string, wanted: string): Problem {
  return { message: `Invalid type for '${param}': expected ${wanted}.`, param, code: "invalid_type" };
}

function readPrompt(messages: unknown): { prompt: string; promptTokens: number } {
  const texts = asObjects(messages).map(textOf);
  return { prompt: texts.at(-1) ?? "", promptTokens: texts.join(" ").match(/\S+/g)?.length ?? 0 };
}

/** The text of a message, which may be in parts beside images. */
function textOf({ content }: JsonObject): string {
  return Array.isArray(content)
    ? asObjects(content)
        .map(({ text }) => asText(text))
        .join("")
    : asText(content);
}

/** Undefined when it is no object of JSON, or too large. */
async function readBody(request: IncomingMessage): Promise<JsonObject | undefined> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of request) {
    length += piece.length;
    if (length > MAX_BODY_BYTES) return undefined;
    pieces.push(piece);
  }
  return parseObject(Buffer.concat(pieces).toString());
}

/** An error in the words of OpenAI's API. */
function refuse(
  response: ServerResponse,
  status: number,
  message: string,
  code: string | null,
  param: string | null = null,
): void {
  json(response, status, { error: { message, type: "invalid_request_error", param, code } });
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
