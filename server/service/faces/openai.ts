import type { DescMethod } from "@bufbuild/protobuf";
import { OpenAiService } from "../../../gen/dialects/openai/v1/openai_service_pb.ts";
import type { FaceCalls } from "./calls.ts";
import type { Face, FaceHandler } from "./face.ts";
import type { FaceModels } from "./models.ts";
import { openAiErrors } from "./openai-errors.ts";

/** OpenAI's Chat Completions, Responses, Embeddings and Models. */
export function openAiFace(calls: FaceCalls, models: FaceModels): Face {
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
