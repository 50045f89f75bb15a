import { readFileSync } from "node:fs";
import { extname } from "node:path";
import { type MessageInitShape, toJson } from "@bufbuild/protobuf";
import { type Client, createClient } from "@connectrpc/connect";
import { Command } from "commander";
import {
  type ContentPartSchema,
  Message_Role,
  type MessageSchema,
  StopReason,
} from "../../../gen/patchbay/v1/chat_pb.ts";
import {
  type ChatRequestSchema,
  ChatResponseSchema,
  ChatService,
  type StreamEnd,
} from "../../../gen/patchbay/v1/chat_service_pb.ts";
import { inWords, namesFrom } from "../calls/field-names.ts";
import { resolveChatTarget } from "../calls/references.ts";
import { EXIT, reportFailure, UsageError } from "../failure.ts";
import { addExamples, collect, type Invocation, invocationOf } from "../invocation.ts";
import { readNumber } from "../resources/input.ts";
import { presentMoney } from "../terminal/columns.ts";
import { writeValue } from "../terminal/output.ts";
import { readLines } from "../terminal/repl.ts";
import { readStdin } from "../terminal/stdin.ts";

type Request = Exclude<MessageInitShape<typeof ChatRequestSchema>, { $typeName: string }>;
type Message = MessageInitShape<typeof MessageSchema>;

const OPTIONS = namesFrom({
  sessionId: "--session",
  "samplingParams.maxTokens": "--max-tokens",
  "samplingParams.temperature": "--temperature",
});

interface ChatFlags {
  readonly system?: string;
  readonly image?: string[];
  readonly session?: string;
  readonly maxTokens?: string;
  readonly temperature?: string;
  readonly reasoning?: boolean;
  readonly stream: boolean;
}

/** `patchbay chat`: one message, or a conversation where none is given. */
export function chatCommand(): Command {
  const command = new Command("chat").description("chat through an Llm: one message, or a conversation");
  command
    .helpGroup("Using Llms:")
    .argument("[llm-or-route]", "its name or id; - for your default")
    .argument("[message...]", "what to say; - is the standard input. Without one, a conversation begins")
    .option("--system <text>", "instructions to the model")
    .option("--image <path>", "an image that goes with the message; may be repeated", collect)
    .option("--session <id>", "go on with a conversation that the server remembers; new begins one")
    .option("--max-tokens <count>", "the most tokens of a reply")
    .option("--temperature <number>", "randomness, from 0 to 2")
    .option("--reasoning", "show the reasoning, where the provider does")
    .option("--no-stream", "wait for the whole reply");
  const examples = [
    "patchbay chat demo 'Hello, what can you do?'",
    "echo 'Summarize this.' | patchbay chat demo -",
    "patchbay chat demo 'What is this?' --image photo.png",
    "patchbay chat demo 'Hello' -o json",
  ];
  return addExamples(command, examples).action(async (word: string | undefined, words: string[], flags: ChatFlags) => {
    const invocation = invocationOf(command);
    const connection = await invocation.connect();
    const llmId = word === undefined || word === "-" ? "" : await resolveChatTarget(connection, word);
    const conversation = new Conversation(createClient(ChatService, connection.transport), llmId, flags, invocation);
    if (words.length > 0) return conversation.say(await readMessage(words));
    if (!process.stdin.isTTY) return conversation.say(await readMessage(["-"]));
    await converse(conversation, invocation);
  });
}

async function readMessage(words: readonly string[]): Promise<string> {
  const message = words.join(" ") === "-" ? (await readStdin()).trimEnd() : words.join(" ");
  if (message === "") throw new UsageError("the message is empty.");
  return message;
}

/** Each line is a message; Ctrl-C stops a reply, Ctrl-D the conversation. */
async function converse(conversation: Conversation, { terminal, environment }: Invocation): Promise<void> {
  terminal.note("Type a message. Ctrl-C stops a reply, Ctrl-D ends; /clear begins anew, /image PATH adds an image.");
  for await (const line of readLines(terminal.style("bold", "> "), environment.chatHistory)) {
    if (line.text === "/clear") conversation.clear();
    else if (line.text.startsWith("/image ")) conversation.addImage(line.text.slice("/image ".length).trim());
    else if (line.text !== "") {
      await conversation.say(line.text, line.signal).catch((error: unknown) => {
        if (!line.signal.aborted) reportFailure(error, terminal);
      });
    }
  }
}

/** What was said so far, here or, in a session, on the server. */
class Conversation {
  readonly #client: Client<typeof ChatService>;
  readonly #llmId: string;
  readonly #flags: ChatFlags;
  readonly #invocation: Invocation;
  #before: Message[] = [];
  #images: string[];
  #sessionId: string;

  constructor(client: Client<typeof ChatService>, llmId: string, flags: ChatFlags, invocation: Invocation) {
    this.#client = client;
    this.#llmId = llmId;
    this.#flags = flags;
    this.#invocation = invocation;
    this.#images = [...(flags.image ?? [])];
    this.#sessionId = flags.session === "new" ? "" : (flags.session ?? "");
    this.clear();
  }

  /** Begins anew: a session that was begun here is left as it is. */
  clear(): void {
    const { system, session } = this.#flags;
    this.#before = system ? [{ role: Message_Role.SYSTEM, content: system }] : [];
    if (session === "new") this.#sessionId = "";
  }

  addImage(path: string): void {
    this.#images.push(path);
  }

  /** Says one message and shows the reply; one that was stopped is not part of the conversation. */
  async say(text: string, signal?: AbortSignal): Promise<void> {
    const said = userMessage(text, this.#images);
    const request = this.#request([...this.#before, said]);
    const options = signal ? { signal } : {};
    const isWhole = this.#invocation.format !== "table" || !this.#flags.stream;
    const reply = await inWords(OPTIONS, () =>
      isWhole ? this.#replyWhole(request, options) : this.#replyStreamed(request, options),
    );
    this.#images = [];
    this.#sessionId = reply.sessionId || this.#sessionId;
    // The server remembers what was said in a session.
    if (this.#sessionId) this.#before = [];
    else this.#before.push(said, { role: Message_Role.ASSISTANT, content: reply.text });
  }

  async #replyWhole(request: Request, options: { signal?: AbortSignal }) {
    const { terminal, format } = this.#invocation;
    const response = await this.#client.chat(request, options);
    const text = response.message?.content ?? "";
    if (format === "table" || format === "name") terminal.writeData(`${text}\n`);
    else writeValue(terminal, toJson(ChatResponseSchema, response), format);
    return { text, sessionId: response.sessionId };
  }

  async #replyStreamed(request: Request, options: { signal?: AbortSignal }) {
    const { terminal } = this.#invocation;
    let text = "";
    let sessionId = "";
    let end: StreamEnd | undefined;
    for await (const { event } of this.#client.streamChat(request, options)) {
      if (event.case === "start") sessionId = event.value.sessionId;
      if (event.case === "end") end = event.value;
      if (event.case === "reasoningDelta" && this.#flags.reasoning) terminal.writeData(event.value);
      if (event.case !== "textDelta") continue;
      text += event.value;
      terminal.writeData(event.value);
    }
    if (text !== "" && !text.endsWith("\n")) terminal.write("\n");
    if (!end) throw new UsageError("the reply ended without its end: it may be cut.", { exitCode: EXIT.failed });
    this.#tellEnd(end, sessionId);
    return { text, sessionId };
  }

  #request(messages: Message[]): Request {
    const { maxTokens, temperature, session } = this.#flags;
    const isNew = session === "new" && this.#sessionId === "";
    return {
      llmId: this.#llmId,
      messages,
      ...(this.#sessionId ? { sessionId: this.#sessionId } : {}),
      ...(isNew ? { newSession: true } : {}),
      samplingParams: {
        ...(maxTokens === undefined ? {} : { maxTokens: readNumber("max-tokens", maxTokens) }),
        ...(temperature === undefined ? {} : { temperature: readNumber("temperature", temperature) }),
      },
    };
  }

  #tellEnd({ usage, cost, overBudget, rawStopReason, stopReason }: StreamEnd, sessionId: string): void {
    const { terminal } = this.#invocation;
    if (overBudget) terminal.note("note: a budget is used up.");
    if (!process.stdout.isTTY) return;
    const facts = [
      `${usage?.inputTokens ?? "?"} + ${usage?.outputTokens ?? "?"} tokens`,
      cost === undefined ? "cost not known" : presentMoney(cost),
      ...(stopReason === StopReason.END ? [] : [`ended by ${rawStopReason}`]),
      ...(sessionId ? [`session ${sessionId}`] : []),
    ];
    terminal.note(`(${facts.join(", ")})`);
  }
}

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  ".png": "image/png",
  ".jpg": "image/jpeg",
  ".jpeg": "image/jpeg",
  ".gif": "image/gif",
  ".webp": "image/webp",
};

function userMessage(text: string, images: readonly string[]): Message {
  if (images.length === 0) return { role: Message_Role.USER, content: text };
  const parts: MessageInitShape<typeof ContentPartSchema>[] = images.map((path) => ({
    part: { case: "image", value: readImage(path) },
  }));
  return { role: Message_Role.USER, parts: [{ part: { case: "text", value: text } }, ...parts] };
}

function readImage(path: string) {
  if (/^https:\/\//.test(path)) return { source: { case: "url" as const, value: path } };
  const mediaType = MEDIA_TYPES[extname(path).toLowerCase()];
  const known = Object.keys(MEDIA_TYPES).join(", ");
  if (!mediaType) throw new UsageError(`${path} is not a kind of image that can be sent; known are ${known}.`);
  try {
    return { source: { case: "data" as const, value: new Uint8Array(readFileSync(path)) }, mediaType };
  } catch (error) {
    throw new UsageError(`${path} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
