import type { SamplingParams } from "../../base/sampling.ts";
import { type CallOptions, readReply, readReplyEvents, sendCall } from "../calls/call.ts";
import type { Egress } from "../egress/egress.ts";
import type { ModelRequest, StopReason, Usage } from "../models/conversation.ts";
import { UpstreamFailure } from "../models/failure.ts";
import type { Target } from "../models/provider-types.ts";
import { type Proof, type TestResult, verdictOf, verdictOfReply } from "./verdict.ts";

const MAX_TOKENS = 16;

/**
 * Asks for one small reply, as a chat would. Its result is OK only if one came.
 *
 * One streamed call proves all there is. Where its form is refused, a second call shows how far that matters: without
 * the limit of tokens, if that is what a model refuses that thinks before it speaks, and else not streamed.
 */
export async function testConnection(
  egress: Egress,
  target: Target,
  signal: AbortSignal,
  headers?: Readonly<Record<string, string>>,
): Promise<TestResult> {
  const timeout = AbortSignal.timeout(egress.limits.testMs);
  const attempt = new Attempt(egress, target, { signal: AbortSignal.any([signal, timeout]), headers });
  try {
    return await attempt.run();
  } catch (error) {
    const seconds = egress.limits.testMs / 1_000;
    const failure = timeout.aborted
      ? new UpstreamFailure("timeout", `no complete reply came within ${seconds} s`, attempt.proof)
      : error;
    if (!(failure instanceof UpstreamFailure)) throw failure;
    return verdictOf(failure, target, attempt.proof, attempt.latencyMs);
  }
}

class Attempt {
  proof: Proof = {};
  readonly #startedAt = performance.now();
  readonly #egress: Egress;
  readonly #target: Target;
  readonly #options: Omit<CallOptions, "streamed">;

  constructor(egress: Egress, target: Target, options: Omit<CallOptions, "streamed">) {
    this.#egress = egress;
    this.#target = target;
    this.#options = options;
  }

  get latencyMs(): number {
    return Math.round(performance.now() - this.#startedAt);
  }

  async run(): Promise<TestResult> {
    try {
      await this.#stream({ maxTokens: MAX_TOKENS });
    } catch (error) {
      if (!(error instanceof UpstreamFailure)) throw error;
      const { kind, parameter } = error;
      if (kind === "request-refused" && isTokenLimit(parameter)) {
        await this.#stream({});
      } else if (kind === "request-refused" || parameter === "stream") {
        await this.#reply({ maxTokens: MAX_TOKENS });
        return verdictOfReply(this.#target, this.proof, this.latencyMs, error);
      } else {
        throw error;
      }
    }
    return verdictOfReply(this.#target, this.proof, this.latencyMs);
  }

  async #stream(sampling: SamplingParams): Promise<void> {
    this.proof = {};
    const response = await sendCall(this.#egress, this.#target, question(sampling), {
      ...this.#options,
      streamed: true,
    });
    Object.assign(this.proof, { httpStatus: response.status, headersMs: this.latencyMs });
    let hasText = false;
    for await (const events of readReplyEvents(this.#egress, this.#target, response)) {
      for (const event of events) {
        if (event.type === "start") this.proof.model = event.model;
        else if (event.type === "end") this.#checkReply(hasText, event);
        else {
          hasText = true;
          this.proof.firstTokenMs ??= this.latencyMs;
        }
      }
    }
  }

  async #reply(sampling: SamplingParams): Promise<void> {
    this.proof = {};
    const response = await sendCall(this.#egress, this.#target, question(sampling), {
      ...this.#options,
      streamed: false,
    });
    Object.assign(this.proof, { httpStatus: response.status, headersMs: this.latencyMs });
    const reply = await readReply(this.#egress, this.#target, response);
    this.proof.model = reply.model;
    this.#checkReply(reply.text !== "", reply);
  }

  /**
   * A model that thinks first can spend all tokens before its first word. It has replied all the same if the reply's end
   * is well-formed: if it says why it ended, or what it cost. An end with neither text nor that is no reply.
   */
  #checkReply(hasText: boolean, end: { rawStopReason: string; stopReason: StopReason; usage: Usage }): void {
    if (hasText || end.rawStopReason !== "" || end.usage.outputTokens !== undefined) return;
    throw new UpstreamFailure("bad-reply", "the endpoint's reply is empty", this.proof);
  }
}

function isTokenLimit(parameter: string | undefined): boolean {
  return parameter === "max_tokens" || parameter === "max_completion_tokens";
}

function question(sampling: SamplingParams): ModelRequest {
  const text = "Reply with the word OK.";
  return { messages: [{ role: "user", parts: [{ type: "text", text }], toolCalls: [] }], sampling, tools: [] };
}
