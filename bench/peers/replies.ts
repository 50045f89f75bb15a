/** How the mock model replies, by the name of the model that is asked for. */
export const MODELS = {
  /** At once, streamed or whole. */
  brief: { tokens: 8, paceMs: 0 },
  /** Streamed as fast as the socket takes it. */
  burst: { tokens: 100, paceMs: 0 },
  /** Streamed at the pace of a fast model. */
  paced: { tokens: 50, paceMs: 20 },
  /** One token, and then one each ten seconds: a stream that idles. */
  idle: { tokens: 1_000, paceMs: 10_000 },
} as const;

/** The name of a model of the mock. */
export type Model = keyof typeof MODELS;

/** The text of a token. */
export function tokenOf(index: number): string {
  return ` token-${index}`;
}

/** The text of a whole reply. */
export const WHOLE_REPLY =
  "Hello! I am a mock of a model, and this is a reply of about the usual length of a sentence.";

const SHARED = { id: "chatcmpl-BqZ3x8f0aQ1m7TtJ5vLk2nYw", created: 1_764_000_000, system_fingerprint: "fp_44709d6fcb" };

/** A whole reply as OpenAI writes it. */
export function completion(model: string): string {
  return JSON.stringify({
    ...SHARED,
    object: "chat.completion",
    model,
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: WHOLE_REPLY, refusal: null, annotations: [] },
        logprobs: null,
        finish_reason: "stop",
      },
    ],
    usage: {
      prompt_tokens: 19,
      completion_tokens: 21,
      total_tokens: 40,
      prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
    },
    service_tier: "default",
  });
}

/** One event of a streamed reply as OpenAI writes it. */
export function chunk(model: string, delta: object, finishReason: string | null = null): string {
  const choices = [{ index: 0, delta, logprobs: null, finish_reason: finishReason }];
  return `data: ${JSON.stringify({ ...SHARED, object: "chat.completion.chunk", model, choices })}\n\n`;
}

/** The last events of a streamed reply. */
export function ending(model: string): string {
  const usage = { prompt_tokens: 19, completion_tokens: 50, total_tokens: 69 };
  const last = JSON.stringify({ ...SHARED, object: "chat.completion.chunk", model, choices: [], usage });
  return `${chunk(model, {}, "stop")}data: ${last}\n\ndata: [DONE]\n\n`;
}
