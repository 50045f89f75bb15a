import type { Egress } from "../egress/egress.ts";
import type { EgressResponse } from "../egress/exchange.ts";
import type { StreamReader } from "../models/adapter.ts";
import { type ReplyEvent, saidOf, type Usage } from "../models/conversation.ts";
import { MALFORMED } from "../models/error-words.ts";
import { EventStreamSplitter } from "../models/event-stream.ts";
import { UpstreamFailure } from "../models/failure.ts";
import { withoutKey } from "../models/own-key.ts";
import type { Target } from "../models/provider-types.ts";
import { apiFailure } from "../verdicts/refusal.ts";
import { adapterOf, headReaderOf } from "./adapters.ts";
import { stateOfReply } from "./state-owner.ts";

/** Told what the provider has counted of a streamed reply, however it ends. */
export type OnCount = ((usage: Usage) => void) | undefined;

/**
 * A streamed reply as it is read: what arrived together in one array. No generator, as each layer of those costs a stream as
 * much as the bytes that come through it.
 */
export class ReplyEvents implements AsyncIterableIterator<readonly ReplyEvent[]> {
  readonly #target: Target;
  readonly #response: EgressResponse;
  readonly #onCount: OnCount;
  readonly #reader: StreamReader;
  readonly #splitter: EventStreamSplitter;
  /** What was read before anybody asked. */
  #ahead: IteratorResult<readonly ReplyEvent[]> | undefined;
  /** What it ends with, once what came before that is told. */
  #failure: UpstreamFailure | undefined;
  #isHeard = false;
  #isOver = false;

  private constructor(egress: Egress, target: Target, response: EgressResponse, onCount: OnCount) {
    this.#target = target;
    this.#response = response;
    this.#onCount = onCount;
    this.#reader = adapterOf(target.providerType).openStream(target.providerType);
    this.#splitter = new EventStreamSplitter(egress.limits.lineBytes, response.status);
  }

  /** With its first piece read: an endpoint may refuse to stream in its stream. */
  static async begin(egress: Egress, target: Target, response: EgressResponse, onCount: OnCount): Promise<ReplyEvents> {
    const events = new ReplyEvents(egress, target, response, onCount);
    events.#ahead = await events.next();
    return events;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<readonly ReplyEvent[]>> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    if (ahead) return ahead;
    if (this.#isOver) return { done: true, value: undefined };
    try {
      for (;;) {
        if (this.#failure) throw this.#failure;
        let pieces: readonly Buffer[] | undefined;
        try {
          pieces = await this.#response.read();
        } catch (error) {
          // A lost connection is the end, too, once the reply is whole.
          if (!(error instanceof UpstreamFailure) || this.#reader.end() === undefined) throw error;
        }
        const events = this.#read(pieces);
        if (events.length > 0) return { done: false, value: events };
        if (this.#isOver) return { done: true, value: undefined };
      }
    } catch (error) {
      this.#leave();
      throw error;
    }
  }

  async return(): Promise<IteratorResult<readonly ReplyEvent[]>> {
    this.#leave();
    return { done: true, value: undefined };
  }

  /** The events of some pieces; of no pieces, those of the end. */
  #read(pieces: readonly Buffer[] | undefined): ReplyEvent[] {
    const [reader, response, target] = [this.#reader, this.#response, this.#target];
    const events: ReplyEvent[] = [];
    const data = pieces === undefined ? this.#splitter.flush() : this.#splitter.push(pieces);
    const error = readData(
      reader,
      data.map((text) => withoutKey(text, target)),
      events,
    );
    const hasStopped = pieces === undefined || reader.isComplete;
    const end = hasStopped && (error === undefined || error === MALFORMED) ? reader.end() : undefined;
    if (end?.type === "end") {
      const head = headReaderOf(target.providerType)?.(response.headers, target);
      const state = stateOfReply(target, reader.stateValue);
      events.push({ ...end, ...saidOf(end.billing, head), ...(state && { state }) });
      response.finish();
      this.#leave();
      return events;
    }
    if (!this.#isHeard && events.some(({ type }) => type !== "start")) {
      this.#isHeard = true;
      response.hear();
    }
    // A last line that is only half there is the cut itself.
    const isFailure = error !== undefined && !(error === MALFORMED && hasStopped);
    const failure = isFailure ? apiFailure(target, error, response) : hasStopped ? cut(response) : undefined;
    if (failure === undefined) return events;
    // What came before it is told first.
    if (events.length === 0) throw failure;
    this.#failure = failure;
    return events;
  }

  #leave(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#response.cancel();
    this.#onCount?.(this.#reader.usage);
  }
}

function readData(reader: StreamReader, data: readonly string[], events: ReplyEvent[]) {
  for (const item of data) {
    const error = reader.read(item, events);
    if (error !== undefined || reader.isComplete) return error;
  }
  return undefined;
}

/** A stream that ended before its reply did. */
export function cut({ status }: EgressResponse): UpstreamFailure {
  return new UpstreamFailure("bad-reply", "the endpoint ended its stream before the reply was whole", {
    httpStatus: status,
  });
}
