import { ConnectError, type ContextValues, createContextKey } from "@connectrpc/connect";
import { AbortWatch } from "../call/abort-watch.ts";
import type { NodeRequest } from "../call/exchange.ts";

const bodyKey = createContextKey<RequestBody | undefined>(undefined, { description: "the body as it arrives" });

/**
 * The body of a request, which ends with its call: a caller may go on for ever, or stop in the middle, and connect would
 * wait for the end of it whatever the deadline says. What is left unread does not cut the connection, so that the answer
 * arrives.
 */
export class RequestBody implements AsyncIterable<Uint8Array> {
  readonly #request: NodeRequest;
  #signal: AbortSignal | undefined;
  #isCut = false;

  constructor(request: NodeRequest, values: ContextValues) {
    this.#request = request;
    values.set(bodyKey, this);
  }

  /** Whether the call ended before the body did. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** The signal of the call, which is known before the body is read. */
  endWith(signal: AbortSignal): void {
    this.#signal = signal;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    const chunks: AsyncIterator<Uint8Array> = this.#request.iterator({ destroyOnReturn: false });
    if (this.#signal === undefined) return chunks;
    const watch = new AbortWatch(this.#signal);
    return {
      next: () => watch.wait(chunks.next()).catch((error) => this.#cut(error)),
      // Not waited for: behind a read that goes on for ever it would never come.
      return: async (value) => {
        chunks.return?.().catch(() => {});
        return { done: true, value };
      },
    };
  }

  /** Errors get details on their way to the caller, and the signal's reason may be that of other calls too. */
  #cut(error: unknown): never {
    this.#isCut = true;
    throw error === this.#signal?.reason && error instanceof ConnectError
      ? new ConnectError(error.rawMessage, error.code, undefined, undefined, error)
      : error;
  }
}

/** The body of the call that a context belongs to; REST reads its own. */
export function bodyOf(values: ContextValues): RequestBody | undefined {
  return values.get(bodyKey);
}
