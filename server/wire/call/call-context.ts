import type { DescMethod, DescService, Message } from "@bufbuild/protobuf";
import { Code, ConnectError, type ContextValues, createContextValues, type HandlerContext } from "@connectrpc/connect";
import { SlotList } from "../../base/slot-list.ts";

/** What is known of a call when it begins. */
export interface CallStart<Request> {
  readonly method: DescMethod;
  readonly protocolName: string;
  readonly request: Request;
  /** Undefined: it has no end. */
  readonly timeoutMs: number | undefined;
  readonly values: ContextValues | undefined;
}

/** Takes from a request what few handlers ask for, when one does. */
export interface RequestReader<Request> {
  methodOf(request: Request): string;
  urlOf(request: Request): string;
  headersOf(request: Request): Headers;
}

/** The context of a call, which whoever began the call ends. */
export interface CallContext extends HandlerContext {
  /** The headers of the answer as far as anybody set any. */
  readonly responseHeaders: readonly Headers[];
  /** Ends the call: its signal is aborted for this reason, unless it was before. */
  abort(reason: unknown): void;
  /** Ends the call, of which nothing is left that could be aborted: its signal stays as it is from now on. */
  finish(): void;
  /**
   * Waits for a promise, one at a time, but not beyond the abort of the call: then it throws the reason. What the promise
   * comes to afterwards is of no interest, so a handler that ignores its signal holds up nobody.
   */
  wait<T>(promise: Promise<T>): Promise<T>;
}

/** Why the signal of a call that is over aborts: without a reason, Node makes a DOMException with a stack for each. */
export const OVER = new Error("the call is over");

/** An error of its own for each call: on its way out it gets details, and the reason of a signal may be that of others. */
export function ownError(error: ConnectError, signal: AbortSignal): ConnectError {
  if (error !== signal.reason) return error;
  return new ConnectError(error.rawMessage, error.code, undefined, undefined, error);
}

/**
 * The calls that run, each with its context. It stands in for connect's createHandlerContext, which takes two abort
 * controllers for a call and a listener at the signal of the shutdown, which then has as many as there are calls.
 */
export class RunningCalls<Request> {
  readonly #shutdownSignal: AbortSignal | undefined;
  /** What ends each of them: not their contexts' `abort`, which is for those who serve a call. */
  readonly #running = new SlotList<(reason: unknown) => void>();

  readonly #reader: RequestReader<Request>;

  constructor(shutdownSignal: AbortSignal | undefined, reader: RequestReader<Request>) {
    this.#shutdownSignal = shutdownSignal;
    this.#reader = reader;
    shutdownSignal?.addEventListener("abort", () => {
      for (const abort of this.#running) abort(shutdownSignal.reason);
    });
  }

  /** The context of a call that begins; `abort` or `finish` must be called when it is over. */
  begin(start: CallStart<Request>): CallContext {
    return new RunningCall(start, this.#reader, this.#running, this.#shutdownSignal);
  }
}

/**
 * A call that runs. Most of what a handler may ask for, most never do: headers, the URL and the signal are made for who
 * asks.
 */
class RunningCall<Request> implements CallContext {
  readonly method: DescMethod;
  readonly protocolName: string;
  readonly values: ContextValues;
  readonly #request: Request;
  readonly #reader: RequestReader<Request>;
  readonly #running: SlotList<(reason: unknown) => void>;
  readonly #place: number;
  readonly #deadline: number | undefined;
  readonly #timer: NodeJS.Timeout | undefined;
  #controller: AbortController | undefined;
  #requestHeader: Headers | undefined;
  #responseHeader: Headers | undefined;
  #responseTrailer: Headers | undefined;
  #leave: ((reason: unknown) => void) | undefined;
  #isOver = false;
  #isAborted = false;
  #reason: unknown;

  constructor(
    { method, protocolName, request, timeoutMs, values = createContextValues() }: CallStart<Request>,
    reader: RequestReader<Request>,
    running: SlotList<(reason: unknown) => void>,
    shutdownSignal: AbortSignal | undefined,
  ) {
    this.method = method;
    this.protocolName = protocolName;
    this.values = values;
    this.#request = request;
    this.#reader = reader;
    this.#running = running;
    this.#place = running.add((reason) => this.abort(reason));
    this.#deadline = timeoutMs === undefined ? undefined : Date.now() + timeoutMs;
    if (shutdownSignal?.aborted) this.abort(shutdownSignal.reason);
    else if (timeoutMs !== undefined) {
      const stop = () => this.abort(new ConnectError("the operation timed out", Code.DeadlineExceeded));
      if (timeoutMs <= 0) stop();
      else this.#timer = setTimeout(stop, timeoutMs);
    }
  }

  get service(): DescService {
    return this.method.parent;
  }

  get requestMethod(): string {
    return this.#reader.methodOf(this.#request);
  }

  get url(): string {
    return this.#reader.urlOf(this.#request);
  }

  get requestHeader(): Headers {
    this.#requestHeader ??= this.#reader.headersOf(this.#request);
    return this.#requestHeader;
  }

  get responseHeader(): Headers {
    this.#responseHeader ??= new Headers();
    return this.#responseHeader;
  }

  get responseTrailer(): Headers {
    this.#responseTrailer ??= new Headers();
    return this.#responseTrailer;
  }

  get responseHeaders(): readonly Headers[] {
    return [this.#responseHeader, this.#responseTrailer].filter((headers) => headers !== undefined);
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#isAborted) this.#controller.abort(this.#reason);
    }
    return this.#controller.signal;
  }

  timeoutMs = (): number | undefined => {
    return this.#deadline === undefined ? undefined : this.#deadline - Date.now();
  };

  abort(reason: unknown): void {
    if (this.#isOver) return;
    this.finish();
    this.#isAborted = true;
    this.#reason = reason;
    this.#controller?.abort(reason);
    this.#leave?.(reason);
  }

  finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#running.remove(this.#place);
  }

  wait<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#isAborted) reject(this.#reason);
      this.#leave = reject;
      promise.then(resolve, reject);
    });
  }
}

/**
 * Waits for promises, but not beyond the abort of a signal: then it throws the reason. What a promise comes to afterwards
 * is of no interest, so a handler that ignores its signal holds up nobody.
 */
export class AbortWatch {
  readonly #signal: AbortSignal;
  #onAbort: (reason: unknown) => void = () => {};

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#onAbort(signal.reason), { once: true });
  }

  /** One promise at a time. */
  wait<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#signal.aborted) reject(this.#signal.reason);
      this.#onAbort = reject;
      promise.then(resolve, reject);
    });
  }
}

/** The messages that a server-streaming rpc answers with, until its call is aborted. */
export class MessageReader {
  readonly #context: CallContext;
  #opening: Promise<AsyncIterator<Message>> | undefined;
  #messages: AsyncIterator<Message> | undefined;

  constructor(context: CallContext, opening: Promise<AsyncIterator<Message>>) {
    this.#context = context;
    this.#opening = opening;
  }

  next(): Promise<IteratorResult<Message>> {
    return this.#context.wait(this.#messages ? this.#messages.next() : this.#first());
  }

  /** Lets the handler clean up, without waiting for it. */
  leave(): void {
    const opened = this.#opening ?? Promise.resolve(this.#messages);
    opened.then((messages) => messages?.return?.()).catch(() => {});
  }

  async #first(): Promise<IteratorResult<Message>> {
    this.#messages = await this.#opening;
    this.#opening = undefined;
    return (this.#messages as AsyncIterator<Message>).next();
  }
}
