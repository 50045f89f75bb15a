import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { AnthropicService } from "../../../gen/dialects/anthropic/v1/anthropic_service_pb.ts";
import { OpenAiService } from "../../../gen/dialects/openai/v1/openai_service_pb.ts";
import { watchOf } from "../call/context.ts";
import { anthropicErrors } from "./anthropic-errors.ts";
import { FaceCalls, type FaceDeps } from "./calls.ts";
import type { Face, FaceHandler } from "./face.ts";
import { FaceModels } from "./models.ts";
import { openAiErrors } from "./openai-errors.ts";

/** Their services, each of whose rpcs declares the permission it requires. */
export const FACE_SERVICES: readonly DescService[] = [OpenAiService, AnthropicService];

/** All APIs that programs speak already. */
export function openFaces(deps: FaceDeps): readonly Face[] {
  const calls = new FaceCalls(deps);
  return [openAiFace(calls, new FaceModels(deps)), anthropicFace(calls)];
}

/** OpenAI's Chat Completions, Responses, Embeddings and Models. */
function openAiFace(calls: FaceCalls, models: FaceModels): Face {
  const { createChatCompletion, createResponse, createEmbedding, listModels, getModel } = OpenAiService.method;
  return {
    handlers: new Map<DescMethod, FaceHandler>([
      [createChatCompletion, (request, context) => calls.reply("chat-completions", request, context)],
      [createResponse, (request, context) => calls.reply("responses", request, context)],
      [createEmbedding, (request, context) => calls.reply("embeddings", request, context)],
      [listModels, (request, context) => models.list(request, context)],
      [getModel, (request, context) => models.get(request, context)],
    ]),
    errors: openAiErrors,
  };
}

/** Anthropic's Messages. */
function anthropicFace(calls: FaceCalls): Face {
  const { createMessage, countTokens } = AnthropicService.method;
  return {
    handlers: new Map<DescMethod, FaceHandler>([
      [createMessage, withRequestId((request, context) => calls.reply("messages", request, context))],
      [countTokens, withRequestId((request, context) => calls.count(request, context))],
    ]),
    errors: anthropicErrors,
  };
}

/** Anthropic's SDKs look for the id of a call in a header of their own. */
function withRequestId(handler: FaceHandler): FaceHandler {
  return async (request, context) => {
    const reply = await handler(request, context);
    return { ...reply, headers: new Map(reply.headers).set("request-id", watchOf(context)?.requestId ?? "") };
  };
}
