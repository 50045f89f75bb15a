import {
  create,
  type DescMessage,
  type DescMethodUnary,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { callUnaryMethod } from "@connectrpc/connect-query";
import { transport } from "./transport.ts";

/** A call that no query keeps, such as one that only validates. */
export function call<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
  options: { readonly signal?: AbortSignal; readonly headers?: HeadersInit } = {},
): Promise<MessageShape<O>> {
  return callUnaryMethod(transport, method, request, options);
}

/** The request of a method, for showing it as code. */
export function requestOf<I extends DescMessage>(method: { input: I }, init: MessageInitShape<I>): MessageShape<I> {
  return create(method.input, init);
}
