import http from "node:http";
import type { AddressInfo } from "node:net";

/** How long a provider takes that is slower than anybody waits. */
const SLOW_MS = 8_000;

const REFUSALS: Readonly<Record<string, readonly [number, object]>> = {
  "key-refused": refusal(401, "Incorrect API key provided", "invalid_request_error", "invalid_api_key"),
  missing: refusal(404, "The model does not exist", "invalid_request_error", "model_not_found"),
  limited: refusal(429, "Rate limit reached on requests per min (RPM)", "requests", "rate_limit_exceeded"),
  broke: refusal(
    429,
    "You exceeded your current quota, please check your plan and billing details.",
    "insufficient_quota",
    "insufficient_quota",
  ),
  broken: refusal(500, "The server had an error", "server_error", null),
  long: refusal(
    400,
    "This model's maximum context length is 4096 tokens. However, your messages resulted in 5000 tokens.",
    "invalid_request_error",
    "context_length_exceeded",
  ),
  flagged: refusal(
    400,
    "Your prompt was flagged by our usage policy.",
    "invalid_request_error",
    "content_policy_violation",
  ),
  blind: refusal(400, "This model does not support image input.", "invalid_request_error", null),
};

function refusal(status: number, message: string, type: string, code: string | null): readonly [number, object] {
  return [status, { error: { message, type, param: null, code } }];
}

/** A provider behind a gateway, which does what the name of the model says. */
export async function startProvider(): Promise<{ readonly url: string; close(): void }> {
  const server = http.createServer(async (request, response) => {
    let text = "";
    for await (const piece of request) text += piece;
    const { model = "", stream = false, tools, response_format } = text ? JSON.parse(text) : {};
    if (model === "late" || model === "slow") await new Promise((done) => setTimeout(done, SLOW_MS));
    const [status, body] = REFUSALS[model] ?? [200, undefined];
    response.writeHead(status, { "content-type": stream && !body ? "text/event-stream" : "application/json" });
    if (body) response.end(JSON.stringify(body));
    else if (stream) response.end(streamOf(model));
    else response.end(JSON.stringify(replyOf(model, tools !== undefined, response_format !== undefined)));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  server.unref();
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return { url, close: () => server.closeAllConnections() };
}

const USAGE = { prompt_tokens: 11, completion_tokens: 5, total_tokens: 16 };

function replyOf(model: string, callsTool: boolean, isJson: boolean): object {
  const call = { id: "call_1", type: "function", function: { name: "look", arguments: '{"city":"A"}' } };
  const message = callsTool
    ? { role: "assistant", content: null, tool_calls: [call] }
    : { role: "assistant", content: isJson ? '{"ok":true}' : "Hello." };
  const choices = [{ index: 0, message, finish_reason: callsTool ? "tool_calls" : "stop" }];
  return { id: "c", object: "chat.completion", created: 1, model, choices, usage: USAGE };
}

function streamOf(model: string): string {
  const head = { id: "c", object: "chat.completion.chunk", created: 1, model };
  const chunk = (delta: object, finish_reason: string | null = null) =>
    `data: ${JSON.stringify({ ...head, choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
  const usage = `data: ${JSON.stringify({ ...head, choices: [], usage: USAGE })}\n\n`;
  return `${chunk({ role: "assistant", content: "Hello." })}${chunk({}, "stop")}${usage}data: [DONE]\n\n`;
}
