import { create, type DescMessage, type Message, type MessageInitShape } from "@bufbuild/protobuf";
import type { HandlerContext, MethodImplSpec } from "@connectrpc/connect";

type Init = MessageInitShape<DescMessage>;

/**
 * Calls the implementations of rpcs that take one message. What connect has for it makes an object of some ten members a
 * call and a layer for each interceptor: of a chat that was a tenth of our CPU.
 */
export interface Invoke {
  unary(spec: MethodImplSpec, context: HandlerContext, input: Message): Promise<Message>;
  /** Nothing happens before the first message is asked for. */
  stream(spec: MethodImplSpec, context: HandlerContext, input: Message): AsyncIterator<Message>;
}

/** Calls implementations as they are: nothing is checked, and nothing noted. */
export const plainInvoke: Invoke = {
  async unary({ method, impl }, context, input) {
    const rpc = impl as (input: Message, context: HandlerContext) => Promise<Init> | Init;
    return create(method.output, await rpc(input, context));
  },

  stream({ method, impl }, context, input) {
    const rpc = impl as (input: Message, context: HandlerContext) => AsyncIterable<Init>;
    let iterator: AsyncIterator<Init> | undefined;
    const first = async () => {
      iterator = rpc(input, context)[Symbol.asyncIterator]();
      return iterator.next();
    };
    const made = ({ done, value }: IteratorResult<Init>): IteratorResult<Message> =>
      done ? { done, value: undefined } : { done: false, value: create(method.output, value) };
    return {
      // No async function, which would take longer for a message than what is done for it.
      next: () => (iterator ? iterator.next() : first()).then(made),
      async return() {
        await iterator?.return?.();
        return { done: true, value: undefined };
      },
    };
  },
};
