import type { Message } from "@bufbuild/protobuf";
import type { HandlerContext, Interceptor, MethodImplSpec } from "@connectrpc/connect";
import { createAsyncIterable, transformInvokeImplementation } from "@connectrpc/connect/protocol";
import { AbortWatch } from "./abort-watch.ts";

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
