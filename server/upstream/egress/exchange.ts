import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";
import { GrowingBuffer } from "../models/event-stream.ts";
import { UpstreamFailure } from "../models/failure.ts";
import type { Patience } from "../models/patience.ts";
import type { Route } from "./check-url.ts";
import { Deadline } from "./deadline.ts";
import { EgressDenied } from "./denial.ts";
import type { Limits } from "./limits.ts";
import { connectionFailure } from "./network-failure.ts";

/** What an endpoint answered: its head, and its body as it arrives. */
export interface EgressResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** All pieces that have arrived since the last call, at least one; undefined after the last. */
  read(): Promise<readonly Buffer[] | undefined>;
  /** The whole body as text. Throws UpstreamFailure, and closes the connection, when it is longer. */
  text(maxBytes: number): Promise<string>;
  /**
   * Says that the reply has begun: from now on the patience between two pieces holds. Until then it is that for the first
   * piece, whatever comes: a head, a comment or a role is none.
   */
  hear(): void;
  /** Says that the body has told all: its connection is used again if it ends by itself soon, and closed otherwise. */
  finish(): void;
  /** Closes the connection, unless the body has ended or has told all. */
  cancel(): void;
}

/** What an exchange keeps to. */
export interface ExchangeOptions {
  readonly limits: Limits;
  /** Where the call goes. */
  readonly route: Route;
  /** Whether the reply is read as it is written. */
  readonly streamed: boolean;
  readonly patience: Patience;
  readonly signal: AbortSignal;
  /** Called once, when the connection is free again or closed. */
  readonly onClose: () => void;
}

/** Bytes that wait for a reader before the socket is told to hold back. */
const HIGH_WATER_BYTES = 256 * 1024;
/** What a piece costs beside its bytes, which may be one. */
const PIECE_BYTES = 128;
/** How much more a finished body may bring, and for how long, before its connection is given up. */
const DRAIN_BYTES = 64 * 1024;
const DRAIN_MS = 1_000;

/** For what has arrived to be read by us. */
const READ_MS = 500;

/** One call and its answer, within the limits. */
export class Exchange implements Dispatcher.DispatchHandler, EgressResponse {
  status = 0;
  headers: IncomingHttpHeaders = {};
  readonly #options: ExchangeOptions;
  readonly #maxBytes: number;
  readonly #head = Promise.withResolvers<EgressResponse>();
  readonly #deadline: Deadline;
  readonly #onAbort = () => {
    this.#pieces = [];
    this.#fail(this.#options.signal.reason);
  };
  readonly #firstPieceBy: number;
  #readBy: number | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #pieces: Buffer[] = [];
  #waitingBytes = 0;
  #receivedBytes = 0;
  #wake: (() => void) | undefined;
  #state: "open" | "finished" | "ended" | "failed" = "open";
  #isHeard: boolean;
  #error: unknown;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    const { limits, streamed, patience, signal } = options;
    this.#maxBytes = streamed ? limits.streamBytes : limits.bodyBytes;
    // The first byte of a reply that is not streamed is its first piece.
    this.#isHeard = !streamed;
    this.#firstPieceBy = performance.now() + patience.firstPieceMs;
    const { firstPieceMs, wholeMs, betweenPiecesMs } = patience;
    this.#deadline = new Deadline(firstPieceMs, wholeMs, () => this.#fail(timeout(this.status)), betweenPiecesMs);
    signal.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** The answer, once its head is there. */
  get response(): Promise<EgressResponse> {
    return this.#head.promise;
  }

  read(): Promise<readonly Buffer[] | undefined> {
    // What a read of the socket brings comes in several pieces, of which the first one wakes us: all of them are taken then.
    return new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (this.#pieces.length > 0 || this.#state !== "open") resolve();
    }).then(this.#take);
  }

  readonly #take = (): readonly Buffer[] | undefined => {
    if (this.#pieces.length === 0) {
      if (this.#state === "failed") throw this.#error;
      return undefined;
    }
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#waitingBytes = 0;
    if (this.#controller?.paused && this.#state === "open") {
      this.#waitForMore();
      this.#controller.resume();
    }
    return pieces;
  };

  async text(maxBytes: number): Promise<string> {
    const bytes = new GrowingBuffer();
    for (let pieces = await this.read(); pieces !== undefined; pieces = await this.read()) {
      for (const piece of pieces) bytes.append(piece);
      if (bytes.length <= maxBytes) continue;
      const failure = tooLarge(this.status);
      this.#fail(failure);
      throw failure; // Also when all of it had come already.
    }
    return bytes.takeText();
  }

  hear(): void {
    if (this.#isHeard) return;
    this.#isHeard = true;
    if (this.#state === "open") this.#waitForMore();
  }

  #waitForMore(): void {
    const { betweenPiecesMs } = this.#options.patience;
    const now = performance.now();
    // What came in time while this process was busy is read first, once.
    if (now > this.#firstPieceBy) this.#readBy ??= now + READ_MS;
    this.#deadline.wait(this.#isHeard ? betweenPiecesMs : (this.#readBy ?? this.#firstPieceBy) - now, now);
  }

  finish(): void {
    if (this.#state !== "open") return;
    this.#state = "finished";
    this.#options.signal.removeEventListener("abort", this.#onAbort);
    this.#deadline.wait(DRAIN_MS);
    this.#receivedBytes = 0;
    this.#controller?.resume();
  }

  cancel(): void {
    if (this.#state === "open") this.#fail(left());
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#state === "failed") controller.abort(asError(this.#error));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.status = status;
    this.headers = headers;
    const failure = this.#refuseHead((controller.rawHeaders as unknown[] | null)?.length ?? 0);
    if (failure === undefined) this.#head.resolve(this);
    else this.#fail(failure);
  }

  onResponseData(controller: Dispatcher.DispatchController, piece: Buffer): void {
    this.#receivedBytes += piece.length;
    if (this.#state === "finished") {
      if (this.#receivedBytes > DRAIN_BYTES) this.#fail(left());
      return;
    }
    if (this.#receivedBytes > this.#maxBytes) {
      this.#fail(tooLarge(this.status));
      return;
    }
    this.#pieces.push(piece);
    this.#waitingBytes += piece.length + PIECE_BYTES;
    if (this.#waitingBytes > HIGH_WATER_BYTES) {
      controller.pause();
      // The reader's time now, not the endpoint's.
      this.#deadline.wait(Number.POSITIVE_INFINITY);
    } else {
      this.#waitForMore();
    }
    this.#wake?.();
  }

  onResponseEnd(): void {
    if (this.#state !== "failed") this.#state = "ended";
    this.#close();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(connectionFailure(error, this.status, this.#controller !== undefined, this.#options));
    this.#close();
  }

  #refuseHead(rawHeaders: number): UpstreamFailure | undefined {
    const { limits } = this.#options;
    const facts = { httpStatus: this.status };
    // undici follows none by itself; this is so that nobody else does.
    if (this.status >= 300 && this.status < 400) {
      return new UpstreamFailure(
        "bad-reply",
        "the endpoint redirects, which is never followed: register the URL it redirects to",
        facts,
        new EgressDenied("redirect"),
      );
    }
    if (rawHeaders > limits.headerCount * 2) {
      return new UpstreamFailure("bad-reply", `the endpoint sent more than ${limits.headerCount} headers`, facts);
    }
    // We asked for identity. Decoding what we did not ask for is how a small reply becomes a large one.
    const encoding = this.headers["content-encoding"] ?? "identity";
    if (String(encoding).toLowerCase() !== "identity") {
      return new UpstreamFailure("bad-reply", "the endpoint compressed its reply though asked not to", facts);
    }
    if (Number(this.headers["content-length"] ?? 0) > this.#maxBytes) return tooLarge(this.status);
  }

  #fail(error: unknown): void {
    if (this.#state === "ended" || this.#state === "failed") return;
    this.#state = "failed";
    this.#error = error;
    this.#head.reject(error);
    // Nobody may be waiting for the head any more.
    this.#head.promise.catch(() => undefined);
    this.#wake?.();
    this.#deadline.stop();
    this.#options.signal.removeEventListener("abort", this.#onAbort);
    this.#controller?.abort(asError(error));
  }

  #close(): void {
    this.#deadline.stop();
    this.#options.signal.removeEventListener("abort", this.#onAbort);
    this.#wake?.();
    this.#options.onClose();
  }
}

function left(): UpstreamFailure {
  return new UpstreamFailure("bad-reply", "the reply was left before its end");
}

/** Status is 0 when it came before the head of the answer. */
function timeout(status: number): UpstreamFailure {
  return new UpstreamFailure("timeout", "the endpoint kept us waiting too long for its reply", {
    httpStatus: status === 0 ? undefined : status,
  });
}

function tooLarge(httpStatus: number): UpstreamFailure {
  return new UpstreamFailure("bad-reply", "the endpoint's reply is too large", { httpStatus });
}

/** An abort's reason may be anything; undici wants an Error. */
function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error("aborted");
}
