import {
  create,
  type DescMessage,
  type DescMethod,
  type MessageInitShape,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import { ChatService } from "../../gen/patchbay/v1/chat_service_pb.ts";
import { LlmService } from "../../gen/patchbay/v1/llm_service_pb.ts";
import type { Expectation } from "../load/expectation.ts";
import type { GrpcRequest } from "../load/grpc.ts";
import type { HttpRequest } from "../load/http1.ts";
import { MODELS, type Model, tokenOf, WHOLE_REPLY } from "../peers/replies.ts";
import { type PatchbayServer, UPSTREAM_KEY } from "../stage/patchbay.ts";

const PROMPT = "Hello, what can you do? Answer in one sentence.";
const JSON_TYPE = { "content-type": "application/json" };

/** What of a Patchbay a request depends on. */
type Addressee = Pick<PatchbayServer, "authorization" | "llmIds">;

/** GetLlm over REST; Fastify serves the same path. */
export function getLlmRest(name: string, { authorization, llmIds }: Addressee): HttpRequest {
  const path = `/v1/llms/${llmIds.brief}`;
  return { name, method: "GET", path, headers: { authorization }, expects: expectLlm(llmIds.brief, `"etag":"r1"`) };
}

/** GetLlm as Connect JSON. */
export function getLlmConnect(name: string, { authorization, llmIds }: Addressee): HttpRequest {
  const headers = { authorization, ...JSON_TYPE };
  const body = JSON.stringify({ llmId: llmIds.brief });
  return {
    name,
    method: "POST",
    path: pathOf(LlmService.method.getLlm),
    headers,
    body: () => body,
    expects: expectLlm(llmIds.brief, `"etag":"r1"`),
  };
}

/** GetLlm over gRPC. */
export function getLlmGrpc(name: string, { authorization, llmIds }: Addressee): GrpcRequest {
  const message = encode(LlmService.method.getLlm.input, { llmId: llmIds.brief });
  return {
    name,
    path: pathOf(LlmService.method.getLlm),
    headers: { authorization },
    message,
    expects: expectLlm(llmIds.brief, "r1"),
  };
}

/** A chat in OpenAI's words: to the mock itself or to a gateway, by its headers. */
export function chatOpenAi(name: string, model: Model, stream: boolean, gatewayHeaders = {}): HttpRequest {
  const headers = { ...JSON_TYPE, authorization: `Bearer ${UPSTREAM_KEY}`, ...gatewayHeaders };
  const messages = [{ role: "user", content: PROMPT }];
  const body = JSON.stringify({ model, messages, temperature: 0.7, max_tokens: 1024, ...(stream ? { stream } : {}) });
  return {
    name,
    method: "POST",
    path: "/v1/chat/completions",
    headers,
    body: () => body,
    expects: stream ? expectStream(model, "[DONE]") : expectReply(),
  };
}

/** What tells Portkey's gateway where the mock is. */
export function portkeyHeaders(modelUrl: string): Record<string, string> {
  return { "x-portkey-provider": "openai", "x-portkey-custom-host": `${modelUrl}/v1` };
}

/** A chat over REST; a streamed one as server-sent events, which is what OpenAI and Portkey stream. */
export function chatRest(
  name: string,
  model: Model,
  stream: boolean,
  { authorization, llmIds }: Addressee,
): HttpRequest {
  const headers = { ...JSON_TYPE, authorization, ...(stream ? { accept: "text/event-stream" } : {}) };
  const body = JSON.stringify({ message: PROMPT });
  const path = `/v1/llms/${llmIds[model]}:${stream ? "streamChat" : "chat"}`;
  return {
    name,
    method: "POST",
    path,
    headers,
    body: () => body,
    expects: stream ? expectStream(model, "event: end") : expectReply(),
  };
}

/** A chat as Connect JSON. */
export function chatConnect(name: string, model: Model, { authorization, llmIds }: Addressee): HttpRequest {
  const body = toJsonString(
    ChatService.method.chat.input,
    create(ChatService.method.chat.input, { llmId: llmIds[model], message: PROMPT }),
  );
  const headers = { ...JSON_TYPE, authorization };
  return {
    name,
    method: "POST",
    path: pathOf(ChatService.method.chat),
    headers,
    body: () => body,
    expects: expectReply(),
  };
}

/** A chat over gRPC. */
export function chatGrpc(
  name: string,
  model: Model,
  stream: boolean,
  { authorization, llmIds }: Addressee,
): GrpcRequest {
  const method = stream ? ChatService.method.streamChat : ChatService.method.chat;
  const message = encode(method.input, { llmId: llmIds[model], message: PROMPT });
  return {
    name,
    path: pathOf(method),
    headers: { authorization },
    message,
    expects: stream ? expectStream(model) : expectReply(),
  };
}

function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

function encode<Type extends DescMessage>(type: Type, message: MessageInitShape<Type>): Uint8Array {
  return toBinary(type, create(type, message));
}

function expectLlm(llmId: string, etag: string): Expectation {
  return { contains: [llmId, etag, "Replies at once"] };
}

function expectReply(): Expectation {
  return { contains: [WHOLE_REPLY] };
}

function expectStream(model: Model, ...end: string[]): Expectation {
  const last = tokenOf(MODELS[model].tokens - 1);
  return { contains: [tokenOf(0), last, ...end], first: tokenOf(0) };
}
