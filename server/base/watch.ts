/**
 * Told of the calls of endpoints that are made for one call of ours, which it counts and traces. It never throws, and is
 * told nothing of what is asked or answered. Passed by hand, in the scope: ambient state is empty inside of streams.
 */
export interface Watch {
  /** Names the call of ours in the log and to its caller. */
  readonly requestId: string;
  /** A call of an endpoint begins. */
  begin(providerType: string): WatchedCall;
}

/** One call of an endpoint. */
export interface WatchedCall {
  /** Sent along, so that the endpoint's trace joins ours; undefined when nothing is traced. */
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** The first piece of the reply has come. To be told once, and only of streamed replies. */
  replied(): void;
  /** It is over. One of a few words: `ok`, `left`, `aborted`, or the kind of failure. To be told once. */
  end(outcome: string): void;
}
