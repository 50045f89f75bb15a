import type { ServerResponse } from "node:http";
import { create, type DescMessage, type DescMethod, getOption, type Message } from "@bufbuild/protobuf";
import { Code, ConnectError, type ContextValues, type HandlerContext, type MethodImplSpec } from "@connectrpc/connect";
import {
  type Compression,
  compressionNegotiate,
  createMethodSerializationLookup,
  type MethodSerializationLookup,
} from "@connectrpc/connect/protocol";
import { createEndStreamSerialization, errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { says_nothing_when_silent } from "../../../../gen/patchbay/v1/options_pb.ts";
import { type CallContext, MessageReader, OVER, ownError, type RunningCalls } from "../../call/call-context.ts";
import type { Invoke } from "../../call/invoke.ts";
import { parseJson, readMessage as readJsonMessage } from "../../call/json-body.ts";
import { HEAD_MS, Silence } from "../../call/silence.ts";
import { noteSpelling, spellingIn } from "../../call/spelling.ts";
import { callCancelled } from "../../call/wire-error.ts";
import { COMPRESS_FROM_BYTES } from "../../http/body.ts";
import { mustCloseAfter, type NodeRequest, type NodeResponse } from "../../http/exchange.ts";
import type { Intake } from "../../http/intake.ts";
import { type AnswerDeps, answerIn, type DirectAnswer } from "./answer.ts";
import { encodingOf, type Form, formOf, readMessage, timeoutOf } from "./forms.ts";

/** How calls are served directly: what connect's handlers are given, too. */
export interface DirectOptions {
  readonly calls: RunningCalls<NodeRequest>;
  readonly invoke: Invoke;
  readonly requestGate: ((context: HandlerContext) => void | Promise<void>) | undefined;
  /** Gives an error that no interceptor has seen what every error has. */
  readonly refine: (context: HandlerContext, error: unknown) => void;
  readonly acceptCompression: Compression[];
  readonly jsonOptions?: Parameters<typeof createMethodSerializationLookup>[2];
  readonly readMaxBytes: (method: DescMethod) => number;
  readonly intake: Intake;
  readonly defaultTimeoutMs: number | undefined;
}

/** What connect allows. */
const WRITE_MAX_BYTES = 0xffffffff;

/**
 * Serves the calls of one rpc that most callers make, one message in over gRPC, gRPC-Web or Connect, for much less than
 * connect's own handlers take: they are ready for all that may come, and chain a dozen async iterables for each call. What
 * can be had of connect is connect's: the codecs and the errors. Its conformance suite runs over both ways.
 */
export class DirectRpc {
  readonly #spec: MethodImplSpec;
  readonly #options: DirectOptions;
  readonly #maxBytes: number;
  readonly #codecs: MethodSerializationLookup<DescMessage, DescMessage>;
  /** The bytes of messages that nobody changes any more: what is sent to many, or held in memory, is written once. */
  readonly #written = new WeakMap<Message, { readonly isBinary: boolean; readonly bytes: Uint8Array }>();
  readonly #errorCodecs: Pick<AnswerDeps, "endOfStream" | "errorToBytes">;

  constructor(spec: MethodImplSpec, options: DirectOptions) {
    this.#spec = spec;
    this.#options = options;
    this.#maxBytes = options.readMaxBytes(spec.method);
    this.#codecs = createMethodSerializationLookup(spec.method, undefined, options.jsonOptions, {
      readMaxBytes: this.#maxBytes,
      writeMaxBytes: WRITE_MAX_BYTES,
    });
    this.#errorCodecs = {
      endOfStream: createEndStreamSerialization(options.jsonOptions),
      errorToBytes: (error) => errorToJsonBytes(error, options.jsonOptions),
    };
  }

  /** The form of a request that is served directly; undefined if connect is to serve it. */
  formOf(request: NodeRequest): Form | undefined {
    return formOf(request, this.#spec.method, this.#options.acceptCompression);
  }

  /** Throws only what nobody can be told any more. */
  async serve(form: Form, request: NodeRequest, response: NodeResponse, values: ContextValues): Promise<void> {
    const { method } = this.#spec;
    const { calls, acceptCompression, defaultTimeoutMs } = this.#options;
    const context = calls.begin({
      method,
      protocolName: form.protocolName,
      request,
      timeoutMs: timeoutOf(request, form) ?? (method.methodKind === "unary" ? defaultTimeoutMs : undefined),
      values,
    });
    const onClose = () => context.abort(callCancelled());
    response.once("close", onClose);
    const said = (name: string) => request.headers[name]?.toString() ?? null;
    const compression = compressionNegotiate(
      acceptCompression,
      encodingOf(request, form),
      said(form.acceptEncodingHeader),
      form.acceptEncodingHeader,
    );
    const answer = answerIn({
      response: response as ServerResponse,
      context,
      form,
      compression: compression.response,
      ...this.#errorCodecs,
    });
    try {
      const input = this.#read(form, request, response, context, compression.request);
      const send = (message: Message) => this.#send(answer, form, message, compression.response);
      if (this.#spec.kind === "unary") await this.#serveUnary(context, input, send);
      else await this.#serveStream(context, input, send, answer);
      closeAfter(request, response);
      answer.end();
    } catch (thrown) {
      const error = presentable(thrown, context);
      this.#options.refine(context, error);
      context.abort(error);
      closeAfter(request, response);
      answer.end(error);
    } finally {
      response.off("close", onClose);
      context.abort(OVER);
    }
  }

  async #read(
    form: Form,
    request: NodeRequest,
    response: NodeResponse,
    context: CallContext,
    compression: Compression | null,
  ) {
    await this.#options.requestGate?.(context);
    const bytes = await readMessage(
      request,
      { intake: this.#options.intake, response },
      form,
      this.#spec.method,
      compression,
      this.#maxBytes,
    );
    context.signal.throwIfAborted(); // Who was told that it is too late must not find it done.
    const { ignoreUnknownFields, registry } = this.#options.jsonOptions ?? {};
    // Where unknown fields are an error, that tells all of them, and what was meant: as for REST, of a body.
    const isPatient = !form.isBinary && !form.query && ignoreUnknownFields === false && registry !== undefined;
    if (isPatient) {
      const json = parseJson(bytes);
      const spelling = spellingIn(this.#spec.method.input, json);
      noteSpelling(context.values, spelling);
      return readJsonMessage(this.#spec.method.input, json, "", registry, spelling);
    }
    return this.#codecs.getI(form.isBinary).parse(bytes) as Message;
  }

  async #serveUnary(context: CallContext, input: Promise<Message>, send: Send): Promise<void> {
    const { invoke } = this.#options;
    const message = await context.wait(input.then((asked) => invoke.unary(this.#spec, context, asked)));
    context.finish();
    await send(message);
  }

  async #serveStream(context: CallContext, input: Promise<Message>, send: Send, answer: DirectAnswer): Promise<void> {
    const { invoke } = this.#options;
    const messages = new MessageReader(
      context,
      input.then((asked) => invoke.stream(this.#spec, context, asked)),
    );
    const { method } = this.#spec;
    const head = setTimeout(() => answer.open(), HEAD_MS);
    const silence = getOption(method, says_nothing_when_silent)
      ? new Silence(() => void send(create(method.output)))
      : undefined;
    try {
      for (let next = await messages.next(); !next.done; next = await messages.next()) {
        silence?.break();
        clearTimeout(head);
        await send(next.value);
        if (answer.ready) await context.wait(answer.ready);
      }
    } finally {
      clearTimeout(head);
      silence?.end();
      messages.leave();
    }
  }

  #serialized({ isBinary }: Form, message: Message): Uint8Array {
    const serialize = () => this.#codecs.getO(isBinary).serialize(message as never);
    if (!Object.isFrozen(message)) return serialize();
    let written = this.#written.get(message);
    if (written?.isBinary !== isBinary) {
      written = { isBinary, bytes: serialize() };
      this.#written.set(message, written);
    }
    return written.bytes;
  }

  /** Undefined where there is nothing to wait for. */
  #send(
    answer: DirectAnswer,
    form: Form,
    message: Message,
    compression: Compression | null,
  ): Promise<void> | undefined {
    const bytes = this.#serialized(form, message);
    if (!compression || bytes.length < COMPRESS_FROM_BYTES) return void answer.message(bytes, false);
    return compression.compress(bytes).then((compressed) => answer.message(compressed, true));
  }
}

type Send = (message: Message) => Promise<void> | undefined;

function presentable(thrown: unknown, { signal }: HandlerContext): ConnectError {
  if (!(thrown instanceof ConnectError)) {
    return new ConnectError("internal error", Code.Internal, undefined, undefined, thrown);
  }
  return ownError(thrown, signal);
}

/** Over HTTP/1.1, a caller who still sends would be read to the end. */
function closeAfter(request: NodeRequest, response: NodeResponse): void {
  if (!response.headersSent && mustCloseAfter(request)) response.setHeader("connection", "close");
}
