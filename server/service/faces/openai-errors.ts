import { attemptsComment, attemptsIn, USUAL_WAIT_SECONDS, verdictOf } from "./errors.ts";
import type { FaceError, FaceErrors } from "./face.ts";

/**
 * Errors as OpenAI's API has them: `{"error": {"message", "type", "param", "code"}}`. The id of the call, which OpenAI has
 * in a header only, stands beside these: Python's SDK and programs that show whole bodies show it.
 */
export const openAiErrors: FaceErrors = {
  paths:
    "chat responses embeddings models completions audio images moderations files batches assistants threads realtime"
      .split(" ")
      .map((name) => `/v1/${name}`),

  present(error, path) {
    const verdict = verdictOf(error);
    const stops = isResponses(path) && STOPS_CODEX.has(verdict.httpStatus);
    return {
      httpStatus: stops ? 400 : verdict.httpStatus,
      body: { error: bodyOf(error) },
      headers: {
        ...attemptsIn(error),
        ...(verdict.isWorthRepeating ? { "retry-after": USUAL_WAIT_SECONDS } : { "x-should-retry": "false" }),
      },
    };
  },

  presentEvent(error, path) {
    const attempts = attemptsComment(error);
    if (!isResponses(path)) return `${attempts}data: ${JSON.stringify({ error: bodyOf(error) })}\n\n`;
    const { message, code, param, request_id } = bodyOf(error);
    const event = { type: "error", code: code ?? "server_error", message, param, sequence_number: 0, request_id };
    return `${attempts}event: error\ndata: ${JSON.stringify(event)}\n\n`;
  },
};

/** Codex calls again five times at each of these, and stops at once at a 400 (measured with 0.171.0). */
const STOPS_CODEX = new Set([402, 403]);

function isResponses(path: string): boolean {
  return path === "/v1/responses" || path.startsWith("/v1/responses/");
}

function bodyOf(error: FaceError) {
  const { openAiType, openAiCode } = verdictOf(error);
  return {
    message: error.message,
    type: openAiType,
    param: error.fields[0] || error.metadata.parameter || null,
    code: openAiCode,
    request_id: error.requestId,
  };
}
