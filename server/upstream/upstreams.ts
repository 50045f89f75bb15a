import { testConnection } from "./connection-test.ts";
import type { TestResult } from "./connection-verdict.ts";
import type { ModelRequest, Reply, ReplyEvent } from "./conversation.ts";
import type { Egress } from "./egress/egress.ts";
import { readReply, readReplyEvents, sendCall } from "./model-call.ts";
import type { Target } from "./target.ts";

/**
 * All models, behind one way to call them.
 *
 * What an endpoint does wrong is thrown as UpstreamFailure; when the signal aborts, its reason is thrown. A call that is
 * aborted or left closes its connection at once. Nothing is tried again.
 */
export class Upstreams {
  readonly #egress: Egress;

  constructor({ egress }: { readonly egress: Egress }) {
    this.#egress = egress;
  }

  /** A whole reply. */
  async reply(target: Target, request: ModelRequest, signal: AbortSignal): Promise<Reply> {
    const response = await sendCall(this.#egress, target, request, { streamed: false, signal });
    return readReply(this.#egress, target, response);
  }

  /** A reply as it is written. */
  async *stream(target: Target, request: ModelRequest, signal: AbortSignal): AsyncGenerator<ReplyEvent> {
    for await (const events of this.batches(target, request, signal)) yield* events;
  }

  /** The same, with the events that arrived together in one array, so that they can be passed on together. */
  async *batches(target: Target, request: ModelRequest, signal: AbortSignal): AsyncGenerator<readonly ReplyEvent[]> {
    const response = await sendCall(this.#egress, target, request, { streamed: true, signal });
    yield* readReplyEvents(this.#egress, target, response);
  }

  /** What comes of asking for one small reply, the same way as for any other. What the endpoint does is a result. */
  test(target: Target, signal: AbortSignal): Promise<TestResult> {
    return testConnection(this.#egress, target, signal);
  }
}
