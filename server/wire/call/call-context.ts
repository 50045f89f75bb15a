import type { DescMethod, Message } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ContextValues,
  createContextValues,
  type HandlerContext,
  type Interceptor,
  type MethodImplSpec,
} from "@connectrpc/connect";
import { createAsyncIterable, transformInvokeImplementation } from "@connectrpc/connect/protocol";
import { SlotList } from "../../base/slot-list.ts";

/** What is known of a call when it begins. */
export interface CallStart {
  readonly method: DescMethod;
  readonly protocolName: string;
  readonly requestMethod: string;
  readonly url: string;
  readonly requestHeader: Headers;
  /** Undefined: it has no end. */
  readonly timeoutMs: number | undefined;
  readonly values: ContextValues | undefined;
}

/** The context of a call, which whoever began the call ends. */
export type CallContext = HandlerContext & {
  /** Ends the call: its signal is aborted for this reason, unless it was before. */
  abort(reason: unknown): void;
  /** Ends the call, of which nothing is left that could be aborted: its signal stays as it is from now on. */
  finish(): void;
};

/** Why the signal of a call that is over aborts: without a reason, Node makes a DOMException with a stack for each. */
export const OVER = new Error("the call is over");

/**
 * The calls that run, each with its context. It stands in for connect's createHandlerContext, which takes two abort
 * controllers for a call and a listener at the signal of the shutdown, which then has as many as there are calls.
 */
export class RunningCalls {
  readonly #shutdownSignal: AbortSignal | undefined;
  /** What ends each of them: not their contexts' `abort`, which is for those who serve a call. */
  readonly #running = new SlotList<(reason: unknown) => void>();

  constructor(shutdownSignal: AbortSignal | undefined) {
    this.#shutdownSignal = shutdownSignal;
    shutdownSignal?.addEventListener("abort", () => {
      for (const abort of this.#running) abort(shutdownSignal.reason);
    });
  }

  /** The context of a call that begins; `abort` or `finish` must be called when it is over. */
  begin({ method, values = createContextValues(), timeoutMs, ...start }: CallStart): CallContext {
    const controller = new AbortController();
    const deadline = timeoutMs === undefined ? undefined : Date.now() + timeoutMs;
    let timer: NodeJS.Timeout | undefined;
    let isOver = false;
    const finish = () => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      this.#running.remove(place);
    };
    const abort = (reason: unknown) => {
      if (isOver) return;
      finish();
      controller.abort(reason);
    };
    const place = this.#running.add(abort);
    if (this.#shutdownSignal?.aborted) abort(this.#shutdownSignal.reason);
    else if (timeoutMs !== undefined) {
      const stop = () => abort(new ConnectError("the operation timed out", Code.DeadlineExceeded));
      if (timeoutMs <= 0) stop();
      else timer = setTimeout(stop, timeoutMs);
    }
    return {
      ...start,
      method,
      service: method.parent,
      values,
      signal: controller.signal,
      responseHeader: new Headers(),
      responseTrailer: new Headers(),
      timeoutMs: () => (deadline === undefined ? undefined : deadline - Date.now()),
      abort,
      finish,
    };
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
  readonly watch: AbortWatch;
  readonly #opened: Promise<AsyncIterator<Message>>;

  constructor(spec: MethodImplSpec, context: HandlerContext, input: Promise<Message>, interceptors: Interceptor[]) {
    const invoke = transformInvokeImplementation(spec, context, interceptors);
    this.watch = new AbortWatch(context.signal);
    this.#opened = input.then((message) => invoke(createAsyncIterable([message]))[Symbol.asyncIterator]());
  }

  next(): Promise<IteratorResult<Message>> {
    return this.watch.wait(this.#opened.then((iterator) => iterator.next()));
  }

  /** Lets the handler clean up, without waiting for it. */
  leave(): void {
    this.#opened.then((iterator) => iterator.return?.()).catch(() => {});
  }
}
