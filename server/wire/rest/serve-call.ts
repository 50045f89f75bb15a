import type { Message } from "@bufbuild/protobuf";
import type { Interceptor, MethodImplSpec } from "@connectrpc/connect";
import { invokeUnaryImplementation } from "@connectrpc/connect/protocol";
import type { CallContext } from "../call/call-context.ts";
import { AbortWatch, MessageReader } from "../call/call-context.ts";
import { FrameWriter } from "../call/frame-writer.ts";
import { type Answer, type Framing, type ResponseWriter, SERVER_SENT_EVENTS } from "./answer.ts";
import type { Binding } from "./binding.ts";
import { type ErrorAnswer, readError } from "./errors.ts";

/** One call of an rpc, from the request that is being read to the answer. */
export interface Call {
  readonly binding: Binding;
  readonly context: CallContext;
  readonly input: Promise<Message>;
  readonly answer: Answer;
  readonly interceptors: Interceptor[];
  readonly writer: ResponseWriter;
}

/** Calls a unary rpc and writes what it returns. */
export async function serveUnary(call: Call): Promise<void> {
  const { binding, context, answer, interceptors, writer } = call;
  const spec = binding.spec as Extract<MethodImplSpec, { kind: "unary" }>;
  const output = call.input.then((input) => invokeUnaryImplementation(spec, context, input, interceptors));
  const message = await new AbortWatch(context.signal).wait(output);
  context.finish();
  const headers = [context.responseHeader, context.responseTrailer];
  if (binding.answersHttpBody) {
    const { data, contentType } = writer.httpBody(binding, message);
    answer.bytes(200, data, contentType, headers);
  } else {
    await answer.json(200, writer.json(binding, message, answer.indent), headers);
  }
}

/** A call that fails in this time gets a status of its own, also where callers are told soon that it was taken. */
const HEAD_MS = 2_000;
/** Proxies take a connection on which nothing moves for dead, some after 30 s; the standard of events advises this. */
const COMMENT_MS = 15_000;

/**
 * Calls a server-streaming rpc and writes each message as it comes.
 *
 * The status waits for the first message: a call that fails before it throws, and gets a status of its own. Callers of
 * events do not wait for longer than HEAD_MS, and then hear a comment at least every COMMENT_MS. A later
 * failure is the last frame of the stream; of an HttpBody, which has no frames, it breaks off the answer. Trailers are
 * not sent: most clients could not read them.
 */
export async function serveStream(
  call: Call,
  framing: Framing,
  presentFailure: (thrown: unknown) => ErrorAnswer,
): Promise<void> {
  const { binding, context, answer, writer } = call;
  const messages = new MessageReader(binding.spec, context, call.input, call.interceptors);
  try {
    const first = messages.next();
    const isEarly = framing.comment !== undefined && !binding.answersHttpBody && (await isSlow(first));
    const contentType = isEarly ? framing.contentType : contentTypeOf(call, framing, await first);
    const frames = new FrameWriter<string | Uint8Array>(answer.stream(contentType, [context.responseHeader]));
    const { comment } = contentType.startsWith(SERVER_SENT_EVENTS.contentType) ? SERVER_SENT_EVENTS : framing;
    let writtenAt = performance.now();
    const heartbeat = comment === undefined ? undefined : setInterval(beat, COMMENT_MS / 3, comment);
    function beat(text: string): void {
      if (performance.now() - writtenAt < COMMENT_MS * 0.8) return;
      writtenAt = performance.now();
      frames.write(binding.answersHttpBody ? Buffer.from(text) : text);
    }
    try {
      if (isEarly && comment !== undefined) frames.write(comment);
      for (let next = await first; !next.done && !answer.isHead; next = await messages.next()) {
        writtenAt = performance.now();
        if (binding.answersHttpBody) frames.write(writer.httpBody(binding, next.value).data);
        else frames.write(framing.message(writer.json(binding, next.value)));
        if (frames.ready) await messages.watch.wait(frames.ready);
      }
      frames.end(binding.answersHttpBody || answer.isHead ? undefined : framing.end);
    } catch (error) {
      if (binding.answersHttpBody) answer.abort();
      else frames.end(framing.failure(JSON.stringify(presentFailure(readError(error, context.signal)).body)));
    } finally {
      clearInterval(heartbeat);
    }
  } finally {
    messages.leave();
  }
}

/** Whether something takes so long that the caller is told that it is waited for. */
async function isSlow(promise: Promise<unknown>): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, HEAD_MS, true);
  const isThere = promise.then(
    () => false,
    () => false,
  );
  try {
    return await Promise.race([isThere, late]);
  } finally {
    clearTimeout(timer);
  }
}

function contentTypeOf({ binding, writer }: Call, framing: Framing, first: IteratorResult<Message>): string {
  if (!binding.answersHttpBody) return framing.contentType;
  const contentType = first.done ? "" : writer.httpBody(binding, first.value).contentType;
  return contentType || "application/octet-stream";
}
