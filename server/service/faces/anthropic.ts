import type { DescMethod } from "@bufbuild/protobuf";
import { AnthropicService } from "../../../gen/dialects/anthropic/v1/anthropic_service_pb.ts";
import { watchOf } from "../call/context.ts";
import { anthropicErrors } from "./anthropic-errors.ts";
import type { FaceCalls } from "./calls.ts";
import type { Face, FaceHandler } from "./face.ts";

/** Anthropic's Messages. */
export function anthropicFace(calls: FaceCalls): Face {
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
  return (request, context) => {
    context.responseHeader.set("request-id", watchOf(context)?.requestId ?? "");
    return handler(request, context);
  };
}
