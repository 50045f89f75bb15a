import { once } from "node:events";
import type { Writable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import type { ScriptedCall } from "./scripted-upstream.ts";

/** What the scripted upstream does with one request. */
export type Behaviour = (call: ScriptedCall) => void | Promise<void>;

/** A reply of these words, one token each; the prompt counts four characters a token. */
export function says(...words: string[]): Behaviour {
  return (call) => speak(call, words, 0);
}

/** Replies with words, with a pause before each and before the head. */
export function saysSlowly(paceMs: number, ...words: string[]): Behaviour {
  return async (call) => {
    await pause(paceMs);
    await speak(call, words, paceMs);
  };
}

/** An error in the words of the API that was called. */
export function refuses(status: number, headers: Record<string, string> = {}, message?: string): Behaviour {
  return ({ dialect, response, model }) => {
    const text = message ?? (status === 404 ? `model: ${model} does not exist` : `refused with ${status}`);
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(JSON.stringify(dialect.error(status, text)));
  };
}

/** A body as it is given, with a status of 200 unless the headers come with another. */
export function sends(body: string | Buffer, headers: Record<string, string>, status = 200): Behaviour {
  return ({ response }) => {
    response.writeHead(status, headers);
    response.end(body);
  };
}

const PAGE = "<!DOCTYPE html><html><body><h1>Welcome to nginx!</h1></body></html>";

const refusesTools = sends(
  JSON.stringify({
    type: "error",
    error: { type: "invalid_request_error", message: "This model does not support tools." },
  }),
  { "content-type": "application/json" },
  400,
);

/** The behaviours that a model's name alone asks for. */
export const behaviours: Readonly<Record<string, Behaviour>> = {
  slow: saysSlowly(50, "Hello", ", ", "world"),
  /** Takes the request and never answers. */
  silent: () => undefined,
  /** Says two words and then nothing more. */
  stalling: (call) => {
    begin(call);
    sayWord(call, "Hello");
    sayWord(call, ", ");
  },
  "endless-line": async ({ response, isStreamed }) => {
    response.writeHead(200, { "content-type": isStreamed ? "text/event-stream" : "application/json" });
    response.write(isStreamed ? "data: " : '{"text": "');
    await pour(response, Buffer.alloc(64 * 1024, "x"));
  },
  /** Says the same word for ever, in well-formed events. */
  endless: async (call) => {
    begin(call);
    await pour(call.response, Buffer.from(call.dialect.streamWord(call.model, "la ").repeat(256)));
  },
  /** Words of 3 kB without end: little of what is sent is not passed on. */
  "endless-long-words": async (call) => {
    begin(call);
    await pour(call.response, Buffer.from(call.dialect.streamWord(call.model, "la ".repeat(1_000)).repeat(16)));
  },
  /** Words without end in chunks of one byte, each of which costs a reader more than its size. */
  "endless-crumbs": async ({ response, isStreamed }) => {
    response.writeHead(200, { "content-type": isStreamed ? "text/event-stream" : "application/json" });
    response.flushHeaders();
    await pour(response.socket, Buffer.from("1\r\nx\r\n".repeat(10_000)));
  },
  /** 300 kB that are 300 MB. */
  "gzip-bomb": ({ response }) => {
    response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
    response.end(bomb());
  },
  html: sends(PAGE, { "content-type": "text/html" }),
  "html-403": sends(PAGE, { "content-type": "text/html" }, 403),
  "html-404": sends(PAGE, { "content-type": "text/html" }, 404),
  "wrong-type": sends(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), { "content-type": "image/png" }),
  /** Replies well, but calls it something else. */
  mistyped: (call) => {
    call.response.setHeader("content-type", "application/octet-stream");
    return speak(call, ["Hello"], 0);
  },
  /** Replies at once even when it is asked to stream. */
  unstreamed: ({ dialect, response, model, tokens }) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(dialect.reply(model, "Hello", tokens)));
  },
  /** Calls the first tool that it is offered, and talks when it is offered none. */
  "tool-calling": (call) => {
    const [tool] = (call.body.tools ?? []) as { function?: { name: string }; name?: string }[];
    const name = tool?.function?.name ?? tool?.name;
    if (name === undefined) return speak(call, ["Hello"], 0);
    call.response.writeHead(200, { "content-type": "application/json" });
    call.response.end(JSON.stringify(call.dialect.toolCall(call.model, name)));
  },
  /** Replies well, and refuses every request with tools. */
  toolless: (call) => (call.body.tools === undefined ? speak(call, ["Hello"], 0) : refusesTools(call)),
  /** Refuses tools without a word of why. */
  picky: (call) => (call.body.tools === undefined ? speak(call, ["Hello"], 0) : refuses(400)(call)),
  empty: sends("", {}),
  redirect: sends("", { location: "http://169.254.169.254/latest/meta-data/" }, 307),
  "many-headers": sends("{}", Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`x-${n}`, "y"]))),
  unauthorized: refuses(401),
  forbidden: refuses(403),
  "missing-model": refuses(404),
  busy: refuses(429, { "retry-after": "7" }),
  broken: refuses(500),
  overloaded: refuses(529),
  /** Refuses the key and repeats it, in words and as the code. */
  "echo-key": ({ headers, response }) => {
    const key = String(headers["x-api-key"] ?? headers.authorization).replace("Bearer ", "");
    response.writeHead(401, { "content-type": "application/json" });
    const error = { message: `Incorrect API key provided: ${key}`, type: key, code: key };
    response.end(JSON.stringify({ type: "error", error }));
  },
  /** Replies, and repeats the key as its model's name and as the reason of the end. */
  "boast-key": ({ headers, response, isStreamed }) => {
    const key = String(headers["x-api-key"] ?? headers.authorization).replace("Bearer ", "");
    const choice = { index: 0, finish_reason: key };
    const call = {
      index: 0,
      id: "call_1",
      type: "function",
      function: { name: "tell", arguments: `{"key":"${key}"}` },
    };
    const message = {
      role: "assistant",
      content: `Hello ${key}`,
      reasoning_content: `I have ${key}`,
      tool_calls: [call],
    };
    const chunk = (choices: object[]) =>
      `data: ${JSON.stringify({ object: "chat.completion.chunk", model: key, choices })}\n\n`;
    response.writeHead(200, { "content-type": isStreamed ? "text/event-stream" : "application/json" });
    if (!isStreamed) return void response.end(JSON.stringify({ model: key, choices: [{ ...choice, message }] }));
    response.end(`${chunk([{ index: 0, delta: message }])}${chunk([{ ...choice, delta: {} }])}data: [DONE]\n\n`);
  },
  /** Closes the connection after two words. */
  cut: async (call) => {
    begin(call);
    sayWord(call, "Hello");
    sayWord(call, ", ");
    await pause(20);
    call.response.destroy();
  },
  /** Closes the connection before it answers. */
  hangup: ({ response }) => {
    response.destroy();
  },
  /** Replies well and then does not close the body, in a stream only. */
  lingering: async (call) => {
    if (!call.isStreamed) return speak(call, ["Hello"], 0);
    begin(call);
    sayWord(call, "Hello");
    call.response.write(call.dialect.streamTail(call.model, call.tokens));
  },
  /** Closes the connection in the middle of a line of a stream. */
  "half-line": (call) => {
    begin(call);
    sayWord(call, "Hello");
    call.response.end(call.dialect.streamWord(call.model, "world").slice(0, -20));
  },
  /** Streams well up to the sign of its end, which it leaves out. */
  "no-end": (call) => {
    begin(call);
    sayWord(call, "Hello");
    call.response.end();
  },
  /** Answers once too often on one connection: the second answer is for whoever asks next. */
  "two-replies": async (call) => {
    await speak(call, ["Hello"], 0);
    const poison = JSON.stringify(call.dialect.reply("poison", "poison", { input: 1, output: 1 }));
    const head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
    call.response.socket?.write(`${head}content-length: ${Buffer.byteLength(poison)}\r\n\r\n${poison}`);
  },
};

async function speak(call: ScriptedCall, words: readonly string[], paceMs: number): Promise<void> {
  const { response, dialect, model, tokens } = call;
  const { socket } = response;
  if (call.isStreamed) {
    begin(call);
    for (const word of words) {
      if (paceMs > 0) await pause(paceMs);
      if (socket?.destroyed) return;
      sayWord(call, word);
    }
    response.end(dialect.streamTail(model, tokens));
  } else {
    tokens.input = promptTokens(call);
    tokens.output = words.length;
    if (paceMs > 0) await pause(paceMs * words.length);
    writeHead(call);
    response.end(JSON.stringify(dialect.reply(model, words.join(""), tokens)));
  }
}

/** With the content type that belongs to it, unless another one was set. */
function writeHead({ response, isStreamed }: ScriptedCall): void {
  if (!response.hasHeader("content-type")) {
    response.setHeader("content-type", isStreamed ? "text/event-stream" : "application/json");
  }
  response.writeHead(200);
}

/** The head of a streamed reply; of one that is not streamed, what there can be of it before it is whole. */
function begin(call: ScriptedCall): void {
  const { response, dialect, model, tokens } = call;
  tokens.input = promptTokens(call);
  writeHead(call);
  response.write(call.isStreamed ? dialect.streamHead(model, tokens) : '{"choices": [');
}

function sayWord({ response, dialect, model, tokens, isStreamed }: ScriptedCall, word: string): void {
  tokens.output += 1;
  response.write(isStreamed ? dialect.streamWord(model, word) : " ");
}

function promptTokens({ text }: ScriptedCall): number {
  return Math.ceil(text.length / 4);
}

/** Writes as long as somebody reads. */
async function pour(into: Writable | null, piece: Buffer): Promise<void> {
  while (into !== null && !into.destroyed) {
    if (into.write(piece)) await pause(0);
    else await once(into, "drain", { signal: AbortSignal.timeout(50) }).catch(() => {});
  }
}

/** Made once, in pieces: gzip members one after the other are one gzip. */
let bombOnce: Buffer | undefined;

function bomb(): Buffer {
  bombOnce ??= Buffer.concat(new Array(300).fill(gzipSync(Buffer.alloc(1024 * 1024, " "))));
  return bombOnce;
}
