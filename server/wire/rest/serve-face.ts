import type { ConnectError, HandlerContext } from "@connectrpc/connect";
import type { FaceHandler, FaceReply, FaceRequest } from "../../service/faces/face.ts";
import type { CallContext } from "../call/call-context.ts";
import { FrameWriter } from "../call/frame-writer.ts";
import { Silence } from "../call/silence.ts";
import type { Answer, HeaderSource } from "./answer.ts";

/** Notes what comes of calls that no interceptor sees. */
export interface FaceRecords {
  succeeded(context: HandlerContext): void;
  /** The error as it goes to the caller. */
  failed(context: HandlerContext, error: unknown): ConnectError;
}

const COMMENT = Buffer.from(":\n\n");

/** One call of an API that programs speak already, from the request that is being read to the answer. */
export interface FaceCall {
  readonly handler: FaceHandler;
  readonly context: CallContext;
  readonly input: Promise<FaceRequest>;
  readonly answer: Answer;
  readonly records: FaceRecords;
  /** The last event of a stream that fails. */
  readonly presentEvent: (error: ConnectError) => string;
}

/**
 * Answers a call with the bytes that its handler gives, as they are. The status of a stream is sent with its first piece:
 * what fails before that throws.
 */
export async function serveFace(call: FaceCall): Promise<void> {
  const { handler, context, answer, records } = call;
  const request = await context.wait(call.input);
  let reply: FaceReply;
  try {
    reply = await context.wait(handler(request, context));
  } catch (error) {
    throw records.failed(context, error);
  }
  if ("pieces" in reply) return serveStream(call, reply.pieces, sourcesOf(reply));
  records.succeeded(context);
  context.finish();
  const bytes = typeof reply.body === "string" ? Buffer.from(reply.body) : reply.body;
  // The bytes are those of the endpoint; at a terminal, the prompt comes on a line of its own.
  const whole = answer.indent === undefined ? bytes : Buffer.concat([bytes, Buffer.from("\n")]);
  answer.bytes(200, whole, "application/json", sourcesOf(reply));
}

function sourcesOf({ headers }: FaceReply): readonly HeaderSource[] {
  return headers ? [headers] : [];
}

async function serveStream(
  { context, answer, records, presentEvent }: FaceCall,
  pieces: AsyncIterator<readonly Buffer[], void>,
  headers: readonly HeaderSource[],
): Promise<void> {
  const frames = new FrameWriter<Uint8Array>(answer.stream("text/event-stream", headers));
  // Proxies and programs give up on a stream that is silent; a comment is an event to nobody.
  const silence = new Silence(() => frames.write(COMMENT));
  try {
    for (let next = await context.wait(pieces.next()); !next.done; next = await context.wait(pieces.next())) {
      silence.break();
      for (const piece of next.value) frames.write(piece);
      if (frames.ready) await context.wait(frames.ready);
    }
    records.succeeded(context);
    context.finish();
    frames.end();
  } catch (error) {
    frames.end(Buffer.from(presentEvent(records.failed(context, error))));
  } finally {
    silence.end();
    // Lets the handler clean up, without waiting for it.
    Promise.resolve(pieces.return?.()).catch(() => {});
  }
}
