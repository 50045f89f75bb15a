import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  type Message,
  Message_RoleSchema,
  StopReason,
  type Tool,
  type UsageSchema,
} from "../../../gen/patchbay/v1/chat_pb.ts";
import type {
  ChatRequest,
  ChatService,
  StreamChatRequest,
  StreamChatResponseSchema,
} from "../../../gen/patchbay/v1/chat_service_pb.ts";
import { UsageSourceSchema } from "../../../gen/patchbay/v1/usage_pb.ts";
import { invalidField } from "../../base/fault.ts";
import { usdOf } from "../../base/usd.ts";
import type { ReplyFacts } from "../../domain/chat/attempt.ts";
import type { ChatAsk, ChatEvent, ReplyOrigin, RouteOrigin } from "../../domain/chat/chats.ts";
import type { RoutedChats } from "../../domain/chat/routed-chats.ts";
import type { Sessions } from "../../domain/chat/sessions.ts";
import type {
  ChatMessage,
  ContentPart,
  ModelRequest,
  Role,
  StopReason as StopWord,
  Usage,
} from "../../upstream/models/conversation.ts";
import { scopeOf } from "../call/context.ts";
import { nameOf, numberOf } from "../call/enums.ts";
import { eachOf } from "../call/streams.ts";
import { presentNotice } from "../llms/present.ts";
import { readSampling } from "../llms/read.ts";
import { presentReply, tellAttempts, tellEnding } from "./present.ts";
import { presentState, readState } from "./provider-state.ts";
import { readResponseFormat, readToolChoice } from "./read.ts";
import { sessionRpcs } from "./sessions.ts";

const STOP_REASONS: Readonly<Record<StopWord, StopReason>> = {
  end: StopReason.END,
  "max-tokens": StopReason.MAX_TOKENS,
  "stop-sequence": StopReason.STOP_SEQUENCE,
  "tool-calls": StopReason.TOOL_CALLS,
  "content-filter": StopReason.CONTENT_FILTER,
  other: StopReason.OTHER,
};

/** The rpcs of ChatService: unpack, ask the domain, present. */
export function chatRpcs({
  chats,
  sessions,
}: {
  chats: RoutedChats;
  sessions: Sessions;
}): ServiceImpl<typeof ChatService> {
  return {
    ...sessionRpcs({ sessions }),

    async chat(request, context) {
      const { origin, reply, facts } = await chats.reply(scopeOf(context), readAsk(request));
      if (origin.ending) tellEnding(context.responseHeader, origin.ending);
      if (origin.route) tellAttempts(context.responseHeader, origin.route);
      return {
        ...presentOrigin(origin),
        ...presentFacts(facts),
        model: reply.model,
        message: presentReply(reply),
        reasoning: reply.reasoning,
        stopReason: STOP_REASONS[reply.stopReason],
        rawStopReason: reply.rawStopReason,
      };
    },

    streamChat(request, context) {
      return eachOf(chats.stream(scopeOf(context), readAsk(request)), (event) => {
        // The headers leave with the first event.
        if (event.type === "start" && event.ending) tellEnding(context.responseHeader, event.ending);
        if (event.type === "start" && event.route) tellAttempts(context.responseHeader, event.route);
        return presentEvent(event);
      });
    },
  };
}

function presentEvent(event: ChatEvent): MessageInitShape<typeof StreamChatResponseSchema> {
  switch (event.type) {
    case "start":
      return { event: { case: "start", value: { ...presentOrigin(event), model: event.model } } };
    case "text-delta":
      return { event: { case: "textDelta", value: event.text } };
    case "reasoning-delta":
      return { event: { case: "reasoningDelta", value: event.text } };
    case "tool-call-delta": {
      const { index, id = "", name = "", argumentsDelta } = event;
      return { event: { case: "toolCallDelta", value: { index, toolCallId: id, name, argumentsDelta } } };
    }
    case "end": {
      const { stopReason, rawStopReason, state } = event;
      const providerState = presentState(state);
      const value = { ...presentFacts(event), stopReason: STOP_REASONS[stopReason], rawStopReason, providerState };
      return { event: { case: "end", value } };
    }
  }
}

function presentOrigin({ llmId, sessionId = "", turnId = "", route }: ReplyOrigin) {
  return route ? { llmId, sessionId, turnId, ...presentRoute(route) } : { llmId, sessionId, turnId };
}

function presentRoute({ routeId, attempts }: RouteOrigin) {
  return { routeId, attempts: attempts.map((attempt) => ({ ...attempt })) };
}

function presentFacts({ usage, source, cost, priceSource = "", overBudget, notices }: ReplyFacts) {
  return {
    usage: presentUsage(usage),
    usageSource: numberOf(UsageSourceSchema, source ?? ""),
    overBudget,
    priceSource,
    statuses: notices.map(presentNotice),
    ...(cost === undefined ? {} : { cost, costUsd: usdOf(cost) }),
  };
}

/** What is not known stays unset. */
function presentUsage(usage: Usage): MessageInitShape<typeof UsageSchema> {
  const present: Record<string, bigint> = {};
  for (const [kind, tokens] of Object.entries(usage)) if (tokens !== undefined) present[kind] = BigInt(tokens);
  return present;
}

function readAsk(request: ChatRequest | StreamChatRequest): ChatAsk {
  const { llmId, sessionId, newSession, requestId } = request;
  if (requestId && !sessionId)
    throw invalidField("request_id", "names a turn of a session, so session_id is needed, too");
  const session = sessionId || newSession ? { sessionId, requestId } : undefined;
  return { llmId, request: readRequest(request), session };
}

function readRequest(request: ChatRequest | StreamChatRequest): ModelRequest {
  const messages = request.message
    ? [{ role: "user" as const, parts: [{ type: "text" as const, text: request.message }], toolCalls: [] }]
    : request.messages.map(readMessage);
  return {
    messages,
    sampling: readSampling(request.samplingParams),
    tools: request.tools.map(readTool),
    responseFormat: readResponseFormat(request.responseFormat),
    toolChoice: readToolChoice(request.toolChoice, request.tools),
  };
}

function readMessage(message: Message, index: number): ChatMessage {
  const parts = message.parts.map(({ part }, partIndex) => readPart(part, `messages[${index}].parts[${partIndex}]`));
  return {
    role: nameOf<Uppercase<Role>>(Message_RoleSchema, message.role)?.toLowerCase() as Role,
    parts: message.content ? [{ type: "text", text: message.content }] : parts,
    toolCalls: message.toolCalls.map(({ toolCallId, name, arguments: text }) => ({
      id: toolCallId,
      name,
      arguments: text,
    })),
    ...(message.toolCallId ? { toolCallId: message.toolCallId } : {}),
    ...(message.providerState ? { state: readState(message.providerState, `messages[${index}].provider_state`) } : {}),
  };
}

function readPart(part: Message["parts"][number]["part"], field: string): ContentPart {
  if (part.case === "text") return { type: "text", text: part.value };
  if (part.case === "audio") return { type: "audio-data", data: part.value.data, mediaType: mediaTypeOf(part.value) };
  if (part.case === "file") {
    const { source, name } = part.value;
    if (source.case === "url") return { type: "file-url", url: source.value, name };
    const mediaType = mediaTypeOf(part.value);
    if (source.case === "data" && mediaType) return { type: "file-data", data: source.value, mediaType, name };
    throw invalidField(`${field}.file.media_type`, "is required with data, such as application/pdf");
  }
  const { source, mediaType } = part.case === "image" ? part.value : {};
  if (source?.case === "url") return { type: "image-url", url: source.value };
  if (source?.case === "data" && mediaType) return { type: "image-data", data: source.value, mediaType };
  throw invalidField(`${field}.image.media_type`, "is required with data, such as image/png");
}

function mediaTypeOf({ mediaType }: { readonly mediaType: string }): string {
  return mediaType.trim().toLowerCase();
}

function readTool({ name, description, parameters = {} }: Tool) {
  return { name, description, parameters };
}
