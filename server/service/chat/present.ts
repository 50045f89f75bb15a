import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  type ContentPartSchema,
  Message_Role,
  Message_RoleSchema,
  type MessageSchema,
} from "../../../gen/patchbay/v1/chat_pb.ts";
import type { RouteOrigin } from "../../domain/chat/chats.ts";
import type { ModelEnding } from "../../domain/models/model-state.ts";
import { attemptsText } from "../../domain/routes/route-run.ts";
import type { ChatMessage, ContentPart, Reply, ToolCall } from "../../upstream/models/conversation.ts";
import { numberOf } from "../call/enums.ts";
import { presentState } from "./provider-state.ts";

/** What a model replied, as a message. */
export function presentReply({ text, toolCalls, state }: Pick<Reply, "text" | "toolCalls" | "state">) {
  return {
    role: Message_Role.ASSISTANT,
    content: text,
    toolCalls: toolCalls.map(presentCall),
    providerState: presentState(state),
  };
}

/** A message as it was sent: a single text is its content. */
export function presentMessage(message: ChatMessage): MessageInitShape<typeof MessageSchema> {
  const { role, parts, toolCalls, toolCallId = "", state } = message;
  const [first] = parts;
  const isPlain = parts.length === 1 && first?.type === "text";
  return {
    role: numberOf(Message_RoleSchema, role.toUpperCase()),
    ...(isPlain ? { content: first.text } : { parts: parts.map(presentPart) }),
    toolCalls: toolCalls.map(presentCall),
    toolCallId,
    providerState: presentState(state),
  };
}

function presentPart(part: ContentPart): MessageInitShape<typeof ContentPartSchema> {
  if (part.type === "text") return { part: { case: "text", value: part.text } };
  if (part.type === "image-url") {
    return { part: { case: "image", value: { source: { case: "url", value: part.url } } } };
  }
  if (part.type === "file-url") {
    return { part: { case: "file", value: { source: { case: "url", value: part.url }, name: part.name } } };
  }
  const { mediaType } = part;
  const data = part.data as Uint8Array<ArrayBuffer>;
  if (part.type === "audio-data") return { part: { case: "audio", value: { data, mediaType } } };
  const source = { case: "data" as const, value: data };
  if (part.type === "file-data") return { part: { case: "file", value: { source, mediaType, name: part.name } } };
  return { part: { case: "image", value: { source, mediaType } } };
}

function presentCall({ id, name, arguments: text }: ToolCall) {
  return { toolCallId: id, name, arguments: text };
}

const STATE = "patchbay-model-state";
const RETIRES_AT = "patchbay-model-retires-at";
const SUCCESSOR = "patchbay-model-successor";

/** The headers by which replies tell that their model ends, with what they say. */
export const MODEL_HEADERS: Readonly<Record<string, string>> = {
  [STATE]: "What has become of the model: DEPRECATED, RETIRED or MISSING. Absent of a model that goes on.",
  [RETIRES_AT]: "The last day of that model, a date such as 2026-12-01, if it is known.",
  [SUCCESSOR]: "The model to use instead, if it is known.",
};

/** What a route tried before, in its order: `<llm_id> <reason>, …`. Absent when the first Llm replied. */
export const ATTEMPTS = "patchbay-attempts";

/** Where the headers of a reply are told: the Headers of a context, or a map of those of an answer to come. */
export interface HeaderSink {
  set(name: string, value: string): unknown;
}

/** Tells in a header of a reply which Llms a route tried before. */
export function tellAttempts(header: HeaderSink, { attempts }: Pick<RouteOrigin, "attempts">): void {
  if (attempts.length > 0) header.set(ATTEMPTS, attemptsText(attempts));
}

/** Tells it in the headers of a reply; of a model that goes on, nothing is told. */
export function tellEnding(header: HeaderSink, ending: ModelEnding | undefined): void {
  if (!ending) return;
  header.set(STATE, ending.state);
  if (ending.retiresAt) header.set(RETIRES_AT, ending.retiresAt);
  if (ending.successor) header.set(SUCCESSOR, ending.successor);
}
