/**
 * Told of the calls of endpoints that are made for one call of ours, which it counts and traces. It never throws, and is
 * told nothing of what is asked or answered. Passed by hand, in the scope: ambient state is empty inside of streams.
 */
export interface Watch {
  /** Names the call of ours in the log and to its caller. */
  readonly requestId: string;
  /** A call of an endpoint begins; a model is named where one is asked for a reply. */
  begin(providerType: string, asked?: AskedModel): WatchedCall;
  /** The caller is to be told more if its deadline ends the call; what that is, is asked then. */
  tellAtDeadline(facts: () => Readonly<Record<string, string>>): void;
}

/** What is asked of which model; of what is said, nothing. */
export interface AskedModel {
  readonly model: string;
  readonly isStreamed: boolean;
}

/** What is known of a reply beside what it says. */
export interface ReplyFacts {
  /** As the endpoint names it. */
  readonly model?: string | undefined;
  /** Of a few words of ours. */
  readonly stopReason?: string | undefined;
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
  readonly cacheReadTokens?: number | undefined;
  readonly cacheWriteTokens?: number | undefined;
}

/** One call of an endpoint. */
export interface WatchedCall {
  /** Sent along, so that the endpoint's trace joins ours; undefined when nothing is traced. */
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** The first piece of the reply has come. To be told once, and only of streamed replies. */
  replied(): void;
  /** What is known of the reply so far; what is told again counts. */
  told(facts: ReplyFacts): void;
  /** It is over. One of a few words: `ok`, `left`, `aborted`, or the kind of failure. To be told once. */
  end(outcome: string): void;
}
