import type { Message } from "@bufbuild/protobuf";
import { type CallContext, MessageReader } from "../call/call-context.ts";
import { FrameWriter } from "../call/frame-writer.ts";
import type { Invoke } from "../call/invoke.ts";
import { Silence } from "../call/silence.ts";
import { type Answer, type Framing, type ResponseWriter, SERVER_SENT_EVENTS } from "./answer.ts";
import type { Binding } from "./binding.ts";
import type { ErrorAnswer } from "./errors.ts";

/** One call of an rpc, from the request that is being read to the answer. */
export interface Call {
  readonly binding: Binding;
  readonly context: CallContext;
  readonly input: Promise<Message>;
  readonly answer: Answer;
  readonly invoke: Invoke;
  readonly writer: ResponseWriter;
}

/** Calls a unary rpc and writes what it returns. */
export async function serveUnary(call: Call): Promise<void> {
  const { binding, context, answer, invoke, writer } = call;
  const message = await context.wait(call.input.then((input) => invoke.unary(binding.spec, context, input)));
  context.finish();
  const headers = context.responseHeaders;
  if (binding.answersHttpBody) {
    const { data, contentType } = writer.httpBody(binding, message);
    answer.bytes(200, data, contentType, headers);
  } else {
    await answer.json(200, writer.json(binding, message, answer.indent), headers);
  }
}

/**
 * Calls a server-streaming rpc and writes each message as it comes.
 *
 * The status waits for the first message: a call that fails before it throws, and gets a status of its own. It does not
 * wait for ever, and the caller hears a comment at least every SILENCE_MS. A later failure is the last frame of the stream; of an HttpBody, which has no frames, it breaks off the answer. Trailers are
 * not sent: most clients could not read them.
 */
export async function serveStream(
  call: Call,
  framing: Framing,
  presentFailure: (thrown: unknown) => ErrorAnswer,
): Promise<void> {
  const { binding, context, answer, writer } = call;
  const opening = call.input.then((input) => call.invoke.stream(binding.spec, context, input));
  const messages = new MessageReader(context, opening);
  try {
    const first = messages.next();
    const isEarly = !binding.answersHttpBody && (await isSlow(first, framing.headMs));
    const contentType = isEarly ? framing.contentType : contentTypeOf(call, framing, await first);
    const frames = new FrameWriter<string | Uint8Array>(answer.stream(contentType, context.responseHeaders));
    const say = sayNothing(frames, binding, framing, contentType);
    const silence = new Silence(say);
    try {
      if (isEarly) say();
      let next = await first;
      for (; !next.done && !answer.isHead; next = await messages.next()) {
        silence.break();
        if (binding.answersHttpBody) frames.write(writer.httpBody(binding, next.value).data);
        else frames.write(framing.message(writer.json(binding, next.value)));
        if (frames.ready) await context.wait(frames.ready);
      }
      if (next.done) context.finish();
      frames.end(binding.answersHttpBody || answer.isHead ? undefined : framing.end);
    } catch (error) {
      if (binding.answersHttpBody) answer.abort();
      else frames.end(framing.failure(JSON.stringify(presentFailure(error).body)));
    } finally {
      silence.end();
    }
  } finally {
    messages.leave();
  }
}

/** Writes what readers pass over; into a body that is not ours, only where that is known to have such a thing. */
function sayNothing(
  frames: FrameWriter<string | Uint8Array>,
  { answersHttpBody }: Binding,
  { comment }: Framing,
  contentType: string,
): () => void {
  if (!answersHttpBody) return () => frames.write(comment);
  if (!contentType.startsWith(SERVER_SENT_EVENTS.contentType)) return () => {};
  return () => frames.write(Buffer.from(SERVER_SENT_EVENTS.comment));
}

/** Whether something takes so long that the caller is told that it is waited for. */
async function isSlow(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(resolve, ms, true);
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
