import { attemptsComment, attemptsIn, sentenceOf, USUAL_WAIT_SECONDS, verdictOf } from "./errors.ts";
import type { FaceError, FaceErrors } from "./face.ts";

/** Errors as Anthropic's API has them: `{"type": "error", "error": {"type", "message"}, "request_id"}`. */
export const anthropicErrors: FaceErrors = {
  paths: ["/v1/messages", "/v1/models", "/v1/complete"],
  claims: (header) => header("anthropic-version") !== undefined,

  present(error) {
    const { httpStatus, isWorthRepeating } = verdictOf(error);
    return {
      httpStatus,
      body: bodyOf(error),
      headers: {
        "request-id": error.requestId,
        ...attemptsIn(error),
        ...(isWorthRepeating ? { "retry-after": USUAL_WAIT_SECONDS } : { "x-should-retry": "false" }),
      },
    };
  },

  presentEvent: (error) => `${attemptsComment(error)}event: error\ndata: ${JSON.stringify(bodyOf(error))}\n\n`,
};

function bodyOf(error: FaceError) {
  const { anthropicType } = verdictOf(error);
  return {
    type: "error",
    error: { type: anthropicType, message: sentenceOf(error, true) },
    request_id: error.requestId,
  };
}
