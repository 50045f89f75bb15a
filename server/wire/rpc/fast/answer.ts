import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { ConnectError, HandlerContext } from "@connectrpc/connect";
import {
  type Compression,
  compressedFlag,
  encodeEnvelope,
  mergeNonProtocolHeaders,
  type Serialization,
} from "@connectrpc/connect/protocol";
import { codeToHttpStatus, type EndStreamResponse, endStreamFlag } from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import { FrameWriter } from "../../call/frame-writer.ts";
import { plainGrpcMessage } from "../../call/wire-error.ts";
import type { Form } from "./forms.ts";

/** What an answer is written with. */
export interface AnswerDeps {
  readonly response: ServerResponse;
  readonly context: HandlerContext;
  readonly form: Form;
  /** What messages may be compressed with. */
  readonly compression: Compression | null;
  readonly endOfStream: Serialization<EndStreamResponse>;
  readonly errorToBytes: (error: ConnectError) => Uint8Array;
}

/** Writes the answer to one call in its protocol. */
export interface DirectAnswer {
  /** Undefined if the caller keeps up, else a promise for when it does again, or is gone. */
  readonly ready: Promise<void> | undefined;
  /** Sends the head alone: the caller is told that the call was taken. */
  open(): void;
  /** Sends a message; the first takes the head of the answer along. */
  message(data: Uint8Array, isCompressed: boolean): void;
  /** Ends the answer, with an error or well. */
  end(error?: ConnectError): void;
}

/** The answer to a call in a form. */
export function answerIn(deps: AnswerDeps): DirectAnswer {
  if (!deps.form.isEnveloped) return new ConnectUnaryAnswer(deps);
  return new EnvelopedAnswer(deps, CONCLUSIONS[deps.form.protocolName]);
}

/** Tells how a call went; what it returns is the last frame of the answer. */
type Conclude = (deps: AnswerDeps, error: ConnectError | undefined) => Uint8Array | undefined;

const addTrailers: Conclude = ({ response, context }, error) => {
  response.addTrailers(nodeHeadersOf(trailersOf(context, error)));
  return undefined;
};

const trailerEnvelope: Conclude = ({ context }, error) => {
  return encodeEnvelope(trailerFlag, trailerSerialize(trailersOf(context, error)));
};

const endEnvelope: Conclude = ({ context, endOfStream }, error) => {
  const metadata = context.responseTrailer;
  return encodeEnvelope(endStreamFlag, endOfStream.serialize(error ? { metadata, error } : { metadata }));
};

const CONCLUSIONS: Readonly<Record<Form["protocolName"], Conclude>> = {
  grpc: addTrailers,
  "grpc-web": trailerEnvelope,
  connect: endEnvelope,
};

function trailersOf({ responseTrailer }: HandlerContext, error: ConnectError | undefined): Headers {
  const trailers = setTrailerStatus(responseTrailer, error);
  const message = trailers.get("grpc-message");
  if (message !== null) trailers.set("grpc-message", plainGrpcMessage(message));
  return trailers;
}

/** Messages in envelopes, as gRPC and gRPC-Web have them and the streams of Connect. */
class EnvelopedAnswer implements DirectAnswer {
  readonly #deps: AnswerDeps;
  readonly #conclude: Conclude;
  readonly #frames: FrameWriter<Uint8Array | string>;

  constructor(deps: AnswerDeps, conclude: Conclude) {
    this.#deps = deps;
    this.#conclude = conclude;
    this.#frames = new FrameWriter<Uint8Array | string>(deps.response);
  }

  get ready(): Promise<void> | undefined {
    return this.#frames.ready;
  }

  open(): void {
    this.#begin();
    this.#deps.response.flushHeaders();
  }

  message(data: Uint8Array, isCompressed: boolean): void {
    this.#begin();
    this.#frames.write(this.#encode(encodeEnvelope(isCompressed ? compressedFlag : 0, data)));
  }

  end(error?: ConnectError): void {
    this.#begin();
    const last = this.#conclude(this.#deps, error);
    this.#frames.end(last && this.#encode(last));
  }

  /** Each frame is a text of its own, so that it can be read as soon as it is there. */
  #encode(frame: Uint8Array): Uint8Array | string {
    return this.#deps.form.isText ? Buffer.from(frame).toString("base64") : frame;
  }

  #begin(): void {
    const { response, context, form, compression } = this.#deps;
    if (response.headersSent) return;
    const headers = nodeHeadersOf(context.responseHeader);
    if (compression) headers[form.encodingHeader] = compression.name;
    response.writeHead(200, { ...headers, "content-type": form.contentType });
  }
}

/** A message as it is, or an error as JSON; trailers are among the headers. */
class ConnectUnaryAnswer implements DirectAnswer {
  readonly ready = undefined;
  readonly #deps: AnswerDeps;
  #message: { readonly data: Uint8Array; readonly isCompressed: boolean } | undefined;

  constructor(deps: AnswerDeps) {
    this.#deps = deps;
  }

  /** How it went is said in the head. */
  open(): void {}

  message(data: Uint8Array, isCompressed: boolean): void {
    this.#message = { data, isCompressed };
  }

  end(error?: ConnectError): void {
    const { response, context, form, compression, errorToBytes } = this.#deps;
    if (error) mergeNonProtocolHeaders(context.responseHeader, error.metadata);
    const headers = {
      ...nodeHeadersOf(context.responseHeader),
      ...nodeHeadersOf(context.responseTrailer, "trailer-"),
      "content-type": error ? "application/json" : form.contentType,
    } as OutgoingHttpHeaders;
    const { data = new Uint8Array(0), isCompressed = false } = error
      ? { data: errorToBytes(error) }
      : (this.#message ?? {});
    if (isCompressed) headers[form.encodingHeader] = compression?.name;
    headers["content-length"] = data.length;
    response.writeHead(error ? codeToHttpStatus(error.code) : 200, headers);
    response.end(data);
  }
}

function nodeHeadersOf(headers: Headers, prefix = ""): OutgoingHttpHeaders {
  const result: OutgoingHttpHeaders = {};
  for (const [name, value] of headers) {
    const before = result[prefix + name];
    // Of Set-Cookie alone there may be several.
    result[prefix + name] = before === undefined ? value : [before, value].flat().map(String);
  }
  return result;
}
