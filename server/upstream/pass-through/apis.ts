import type { SamplingParams } from "../../base/sampling.ts";
import {
  readReply as readMessage,
  readBilling as readMessageBilling,
  readUsage as readMessageUsage,
} from "../anthropic/reply.ts";
import { openStream as openMessageStream } from "../anthropic/stream.ts";
import { adapterOf } from "../calls/adapters.ts";
import type { StreamReader } from "../models/adapter.ts";
import type { Billing, Reply, Usage } from "../models/conversation.ts";
import { type ErrorWords, errorIn } from "../models/error-words.ts";
import { asCount, asObject, asObjects, asText, type JsonObject } from "../models/json-value.ts";
import type { ProviderType, Target } from "../models/provider-types.ts";
import { readBilling as readCompletionBilling } from "../openai/billing.ts";
import { readReply as readCompletion, readUsage as readCompletionUsage } from "../openai/reply.ts";
import { openStream as openCompletionStream } from "../openai/stream.ts";
import { openResponseStream, readResponse, readResponseError, readResponseUsage } from "./responses.ts";

/** The APIs whose calls can be passed through to an endpoint that speaks them, too. */
export type ApiName = "chat-completions" | "responses" | "embeddings" | "messages" | "count-tokens";

/** What there is to know of an API to pass its calls through: where it is served, and how its replies are watched. */
export interface Api {
  readonly name: ApiName;
  /** What is appended to an endpoint's URL; undefined when the endpoint does not speak this API. */
  pathAt(target: Pick<Target, "providerType" | "apiPath">): string | undefined;
  /** The members of a request that say what sampling parameters say. */
  writeSampling(target: Target, sampling: SamplingParams): JsonObject;
  /** Members of which a caller who says one has said all: none of the others is added. */
  readonly together: readonly (readonly string[])[];
  /** What of a client configuration its requests take. */
  takesMember(name: string): boolean;
  /** A reply has at least one of these. */
  readonly replyMembers: readonly string[];
  /** Undefined when the body is no error of this API. */
  readError(body: JsonObject): ErrorWords | undefined;
  readReply(body: JsonObject): Reply | undefined;
  /** What the usage of a whole reply says. */
  readUsage(usage: JsonObject): Usage;
  /** What the head of a reply says of what it cost: its usage, and how it was served. */
  readBilling(head: JsonObject, providerType: ProviderType): Billing;
  /** Undefined where nothing is streamed. */
  readonly stream: StreamedApi | undefined;
}

/** What there is to know of an API's streams. */
export interface StreamedApi {
  open(): StreamReader;
  /**
   * Finds, in bytes read as Latin-1, what every event has that tells of usage, of an error or of the end: one pass for all of it,
   * a tenth of what a search of the bytes for one after the other takes.
   */
  readonly marks: RegExp;
  /** The head of the reply as far as an event tells of it: its usage, and how it was served. */
  headIn(event: JsonObject, before: JsonObject): JsonObject;
  /** Whether an event says that the reply is whole. */
  isLast(event: JsonObject): boolean;
  /** Whether an event says no more than that there will be a reply. What is not known says something. */
  isSilent(event: JsonObject): boolean;
}

/** Whether an endpoint takes chats of ours, which are written as chat completions or messages: that of Responses takes neither. */
export function takesChats({ apiPath }: Pick<Target, "apiPath">): boolean {
  return !apiPath.endsWith("/responses");
}

const chatCompletions: Api = {
  name: "chat-completions",
  pathAt: (target) => (target.providerType === "ANTHROPIC" || !takesChats(target) ? undefined : target.apiPath),
  writeSampling: (target, sampling) => samplingMembers(target, sampling),
  together: [["max_tokens", "max_completion_tokens"]],
  takesMember: () => true,
  replyMembers: ["choices"],
  readError: errorIn,
  readReply: readCompletion,
  readUsage: readCompletionUsage,
  readBilling: readCompletionBilling,
  stream: {
    open: openCompletionStream,
    // An end has a reason, which may be a failure; in all other events it is null.
    marks: marks('usage":{', 'usage": {', 'rror"', "DONE]", '_reason":"', '_reason": "'),
    headIn: (event, before) => (asObject(event.usage) ? event : before),
    isLast: () => false,
    isSilent: ({ choices }) =>
      asObjects(choices).every(
        ({ delta, message, text, finish_reason }) =>
          !message && !text && !finish_reason && isBlank(asObject(delta), "role"),
      ),
  },
};

const responses: Api = {
  name: "responses",
  pathAt: ({ providerType, apiPath }) => {
    if (!takesChats({ apiPath })) return apiPath;
    return providerType === "OPENAI" ? besideChat(apiPath, "/responses") : undefined;
  },
  writeSampling: (_, { maxTokens, temperature, topP }) => ({ max_output_tokens: maxTokens, temperature, top_p: topP }),
  together: [],
  takesMember: (name) => RESPONSES_MEMBERS.has(name),
  replyMembers: ["output", "object"],
  readError: readResponseError,
  readReply: readResponse,
  readUsage: readResponseUsage,
  readBilling: (head, providerType) => ({
    ...readCompletionBilling(head, providerType),
    ...(hasHostedCalls(head) && { hasExtras: true }),
  }),
  stream: {
    open: openResponseStream,
    marks: marks('.completed"', '.incomplete"', '.failed"', 'rror"'),
    headIn: (event, before) => asObject(event.response) ?? before,
    isLast: ({ type }) => type === "response.completed" || type === "response.incomplete",
    isSilent: ({ type, delta, item, part }) =>
      /^(response\.(created|queued|in_progress)|keepalive)$/.test(asText(type)) ||
      (type === "response.output_item.added" && /^(message|reasoning)$/.test(asText(asObject(item)?.type))) ||
      (/^response\.\w+_part\.added$/.test(asText(type)) && isBlank(asObject(part), "type")) ||
      delta === "",
  },
};

/** What chat completions and Responses call the same. */
const RESPONSES_MEMBERS = new Set(
  "metadata parallel_tool_calls prompt_cache_key prompt_cache_retention reasoning safety_identifier service_tier store user".split(
    " ",
  ),
);

const embeddings: Api = {
  name: "embeddings",
  pathAt: ({ providerType, apiPath }) => {
    if (apiPath.endsWith("/embeddings")) return apiPath;
    return providerType === "ANTHROPIC" ? undefined : besideChat(apiPath, "/embeddings");
  },
  writeSampling: () => ({}),
  together: [],
  takesMember: () => false,
  replyMembers: ["data", "embeddings"],
  readError: errorIn,
  readReply: ({ model }) => ({ ...NOTHING_SAID, model: typeof model === "string" ? model : "" }),
  // Nothing is written: what is read is all there is to bill.
  readUsage: (usage) => {
    const inputTokens = asCount(usage.prompt_tokens) ?? asCount(usage.total_tokens);
    return inputTokens === undefined ? {} : { inputTokens, outputTokens: 0 };
  },
  readBilling: readCompletionBilling,
  stream: undefined,
};

const NOTHING_SAID: Reply = {
  model: "",
  text: "",
  reasoning: "",
  toolCalls: [],
  stopReason: "end",
  rawStopReason: "",
  usage: {},
};

const messages: Api = {
  name: "messages",
  pathAt: ({ providerType, apiPath }) => (providerType === "ANTHROPIC" ? apiPath : undefined),
  writeSampling: (target, sampling) => {
    const { max_tokens, ...written } = samplingMembers(target, sampling);
    return sampling.maxTokens === undefined ? written : { max_tokens, ...written };
  },
  // Since Claude 4.1 only one of the two is taken, and none of them by a model that thinks.
  together: [
    ["temperature", "top_p", "thinking"],
    ["top_k", "thinking"],
  ],
  takesMember: () => true,
  replyMembers: ["content"],
  readError: errorIn,
  readReply: readMessage,
  readUsage: readMessageUsage,
  readBilling: ({ usage }) => readMessageBilling(asObject(usage) ?? {}),
  stream: {
    open: openMessageStream,
    marks: marks('usage"', 'rror"', '_stop"'),
    headIn: (event, before) => ({
      usage: { ...asObject(before.usage), ...asObject(asObject(event.message)?.usage), ...asObject(event.usage) },
    }),
    isLast: ({ type }) => type === "message_stop",
    isSilent: ({ type, delta, content_block }) =>
      /^(message_start|ping|content_block_stop)$/.test(asText(type)) ||
      (type === "content_block_start" && isBlank(asObject(content_block), "type")) ||
      (type === "content_block_delta" && isBlank(asObject(delta), "type")),
  },
};

const countTokens: Api = {
  ...messages,
  name: "count-tokens",
  pathAt: ({ providerType, apiPath }) => (providerType === "ANTHROPIC" ? `${apiPath}/count_tokens` : undefined),
  writeSampling: () => ({}),
  takesMember: () => false,
  replyMembers: ["input_tokens"],
  readReply: () => NOTHING_SAID,
  stream: undefined,
};

/** By their names. */
export const APIS: Readonly<Record<ApiName, Api>> = {
  "chat-completions": chatCompletions,
  responses,
  embeddings,
  messages,
  "count-tokens": countTokens,
};

/** Sampling parameters as the adapter of the endpoint's API writes them into a chat. */
function samplingMembers(target: Target, sampling: SamplingParams): JsonObject {
  const adapter = adapterOf(target.providerType);
  const {
    model: _,
    messages: __,
    ...members
  } = adapter.writeRequest(target, { messages: [], sampling, tools: [] }, false);
  return members;
}

/** Whether tools were called that the endpoint has itself, and bills by the call. */
function hasHostedCalls({ output }: JsonObject): boolean {
  return asObjects(output).some(({ type }) =>
    /^(web_search|file_search|code_interpreter|image_generation)_call$/.test(asText(type)),
  );
}

/** The path of another API of an endpoint, such as Azure's `…/chat/completions?api-version=…`; undefined if chat has none of that form. */
function besideChat(apiPath: string, path: string): string | undefined {
  return /\/chat\/completions(?=$|\?)/.test(apiPath) ? apiPath.replace(/\/chat\/completions(?=$|\?)/, path) : undefined;
}

/** Whether there is nothing in any member of an object beside one. */
function isBlank(value: JsonObject | undefined, beside: string): boolean {
  const said = Object.entries(value ?? {}).filter(([name]) => name !== beside);
  return said.every(([, member]) => member === null || member === "" || (Array.isArray(member) && member.length === 0));
}

function marks(...texts: string[]): RegExp {
  return new RegExp(texts.map(RegExp.escape).join("|"));
}
