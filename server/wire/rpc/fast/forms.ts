import type { DescMethod } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { type Compression, envelopeDecompress } from "@connectrpc/connect/protocol";
import { endStreamFlag } from "@connectrpc/connect/protocol-connect";
import { trailerFlag } from "@connectrpc/connect/protocol-grpc-web";
import { messageTooLarge } from "../../call/wire-error.ts";
import { LONGEST_TIMEOUT_MS, TIMEOUT_HEADERS } from "../../http/deadline.ts";
import type { NodeRequest } from "../../http/exchange.ts";
import { type Intaking, readBytes } from "../../http/intake.ts";
import { queryOf, readFromQuery } from "./query.ts";

/** How a protocol carries a call, by the content type of its request. */
export interface Form {
  readonly protocolName: "grpc" | "grpc-web" | "connect";
  readonly isBinary: boolean;
  /** Whether each message is in an envelope, with flags and its length before it. */
  readonly isEnveloped: boolean;
  /** Whether envelopes are in base64, as the gRPC-Web of browsers has them that read a stream as text. */
  readonly isText?: true;
  /** Has the message, its encoding and its compression, where a GET has no body for them. */
  readonly query?: URLSearchParams;
  /** The content type of the answer. */
  readonly contentType: string;
  readonly timeoutHeader: "grpc-timeout" | "connect-timeout-ms";
  readonly encodingHeader: string;
  readonly acceptEncodingHeader: string;
}

const GRPC = {
  protocolName: "grpc",
  isEnveloped: true,
  timeoutHeader: "grpc-timeout",
  encodingHeader: "grpc-encoding",
  acceptEncodingHeader: "grpc-accept-encoding",
} as const;
const GRPC_WEB = { ...GRPC, protocolName: "grpc-web" } as const;
const GRPC_WEB_TEXT = {
  ...GRPC_WEB,
  isBinary: true,
  isText: true,
  contentType: "application/grpc-web-text+proto",
} as const;
const CONNECT = { protocolName: "connect", timeoutHeader: "connect-timeout-ms" } as const;
const CONNECT_UNARY = {
  ...CONNECT,
  isEnveloped: false,
  encodingHeader: "content-encoding",
  acceptEncodingHeader: "accept-encoding",
} as const;
const CONNECT_JSON = { ...CONNECT_UNARY, isBinary: false, contentType: "application/json" } as const;
const CONNECT_STREAM = {
  ...CONNECT,
  isEnveloped: true,
  encodingHeader: "connect-content-encoding",
  acceptEncodingHeader: "connect-accept-encoding",
} as const;

const FORMS: ReadonlyMap<string, Form> = new Map<string, Form>([
  ["application/grpc", { ...GRPC, isBinary: true, contentType: "application/grpc+proto" }],
  ["application/grpc+proto", { ...GRPC, isBinary: true, contentType: "application/grpc+proto" }],
  ["application/grpc+json", { ...GRPC, isBinary: false, contentType: "application/grpc+json" }],
  ["application/grpc-web", { ...GRPC_WEB, isBinary: true, contentType: "application/grpc-web+proto" }],
  ["application/grpc-web+proto", { ...GRPC_WEB, isBinary: true, contentType: "application/grpc-web+proto" }],
  ["application/grpc-web-text", GRPC_WEB_TEXT],
  ["application/grpc-web-text+proto", GRPC_WEB_TEXT],
  ["application/grpc-web+json", { ...GRPC_WEB, isBinary: false, contentType: "application/grpc-web+json" }],
  ["application/proto", { ...CONNECT_UNARY, isBinary: true, contentType: "application/proto" }],
  ["application/json", CONNECT_JSON],
  ["application/json; charset=utf-8", CONNECT_JSON],
  ["application/json;charset=utf-8", CONNECT_JSON],
  ["application/connect+proto", { ...CONNECT_STREAM, isBinary: true, contentType: "application/connect+proto" }],
  ["application/connect+json", { ...CONNECT_STREAM, isBinary: false, contentType: "application/connect+json" }],
]);

/**
 * The form of a request that can be served directly: a POST with one message, over gRPC, gRPC-Web or Connect, or Connect's
 * GET, of which nothing is unusual. Undefined for all others, also those that are wrong: what is to be said of them, connect
 * knows.
 */
export function formOf(request: NodeRequest, method: DescMethod, accepted: readonly Compression[]): Form | undefined {
  const { headers } = request;
  const form = request.method === "GET" ? getFormOf(request, method) : postFormOf(request, method);
  if (form === undefined) return undefined;
  const encoding = encodingOf(request, form) ?? "identity";
  if (encoding !== "identity" && !accepted.some(({ name }) => name === encoding)) return undefined;
  const timeout = headers[form.timeoutHeader];
  // Not a number is not within it either.
  if (timeout !== undefined && !(TIMEOUT_HEADERS[form.timeoutHeader](String(timeout)) <= LONGEST_TIMEOUT_MS)) {
    return undefined;
  }
  return form;
}

function postFormOf(request: NodeRequest, { methodKind }: DescMethod): Form | undefined {
  const form = FORMS.get(request.headers["content-type"] ?? "");
  if (form === undefined || request.method !== "POST") return undefined;
  if (form.protocolName === "grpc" && !("stream" in request)) return undefined;
  if (form.protocolName === "connect" && form.isEnveloped !== (methodKind !== "unary")) return undefined;
  return form;
}

function getFormOf(request: NodeRequest, method: DescMethod): Form | undefined {
  const query = queryOf(request, method);
  const form = query && FORMS.get(`application/${query.get("encoding")}`);
  return form && { ...form, query };
}

/** What a caller says that the message is compressed with. */
export function encodingOf({ headers }: NodeRequest, { query, encodingHeader }: Form): string | null {
  return query ? query.get("compression") : (headers[encodingHeader]?.toString() ?? null);
}

/** The time that a caller gives a call; undefined if nothing is said. */
export function timeoutOf({ headers }: NodeRequest, { timeoutHeader }: Form): number | undefined {
  const said = headers[timeoutHeader];
  return said === undefined ? undefined : TIMEOUT_HEADERS[timeoutHeader](String(said));
}

/** What marks the envelope that is the end of an answer, and no message. */
const END_FLAGS: Readonly<Record<Form["protocolName"], number>> = {
  grpc: 0,
  "grpc-web": trailerFlag,
  connect: endStreamFlag,
};

/** The flags of an envelope, and the length of what is in it. */
const HEAD_BYTES = 5;

/** The bytes of the one message of a request; never more than the limit, before and after decompression. */
export async function readMessage(
  request: NodeRequest,
  intaking: Intaking,
  form: Form,
  method: DescMethod,
  compression: Compression | null,
  limitBytes: number,
): Promise<Uint8Array> {
  if (form.query) return readFromQuery(form.query, compression, limitBytes);
  const tooLarge = () => messageTooLarge(limitBytes);
  if (!form.isEnveloped) {
    const declared = Number(request.headers["content-length"] ?? 0);
    if (declared > limitBytes) throw tooLarge();
    const body = await readBytes(request, intaking, limitBytes, tooLarge);
    return compression ? held(intaking, await compression.decompress(body, limitBytes)) : body;
  }
  const body = form.isText
    ? await readText(request, intaking, limitBytes + HEAD_BYTES, tooLarge)
    : await readBytes(request, intaking, limitBytes + HEAD_BYTES, tooLarge);
  const envelope = open(body, form, method);
  const { data } = await envelopeDecompress(envelope, compression, limitBytes);
  return data === envelope.data ? data : held(intaking, data);
}

function held({ intake, response }: Intaking, bytes: Uint8Array): Uint8Array {
  intake.hold(response, bytes.length);
  return bytes;
}

/** The bytes of a body in base64: one text, or several in a row, each with the padding of its own. */
async function readText(
  request: NodeRequest,
  intaking: Intaking,
  limitBytes: number,
  tooLarge: () => Error,
): Promise<Uint8Array> {
  const longest = (Math.ceil(limitBytes / 3) + 1) * 4;
  const text = Buffer.from(await readBytes(request, intaking, longest, tooLarge)).toString("latin1");
  if (!/^[\w+/=-]*$/.test(text)) throw violation("the body is no base64", Code.InvalidArgument);
  const pieces = text.match(/[^=]+=*/g) ?? [];
  const body = Buffer.concat(pieces.map((piece) => Buffer.from(piece, "base64")));
  if (body.length > limitBytes) throw tooLarge();
  return body;
}

function open(body: Uint8Array, { protocolName }: Form, { methodKind }: DescMethod) {
  const kind = methodKind.replace("_", "-");
  if (body.length === 0) throw violation(`missing input message for ${kind} method`, Code.Unimplemented);
  const size =
    body.length < HEAD_BYTES ? Number.POSITIVE_INFINITY : new DataView(body.buffer, body.byteOffset).getUint32(1);
  if (body.length < HEAD_BYTES + size) throw violation("incomplete envelope", Code.InvalidArgument);
  const flags = body[0] as number;
  if ((flags & END_FLAGS[protocolName]) !== 0) throw violation("unexpected end flag", Code.InvalidArgument);
  if (body.length > HEAD_BYTES + size) {
    throw violation(`received extra input message for ${kind} method`, Code.Unimplemented);
  }
  return { flags, data: body.subarray(HEAD_BYTES) };
}

function violation(message: string, code: Code): ConnectError {
  return new ConnectError(`protocol error: ${message}`, code);
}
