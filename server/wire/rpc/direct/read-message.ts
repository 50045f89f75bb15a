import type { DescMethod } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { type Compression, envelopeDecompress } from "@connectrpc/connect/protocol";
import { endStreamFlag } from "@connectrpc/connect/protocol-connect";
import { trailerFlag } from "@connectrpc/connect/protocol-grpc-web";
import type { NodeRequest } from "../../call/exchange.ts";
import { readBytes } from "../../call/read-bytes.ts";
import { messageTooLarge } from "../../call/wire-error.ts";
import type { Form } from "./form.ts";

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
  form: Form,
  method: DescMethod,
  compression: Compression | null,
  limitBytes: number,
): Promise<Uint8Array> {
  const tooLarge = () => messageTooLarge(limitBytes);
  if (!form.isEnveloped) {
    const declared = Number(request.headers["content-length"] ?? 0);
    if (declared > limitBytes) throw tooLarge();
    const body = await readBytes(request, limitBytes, tooLarge);
    return compression ? compression.decompress(body, limitBytes) : body;
  }
  const envelope = open(await readBytes(request, limitBytes + HEAD_BYTES, tooLarge), form, method);
  return (await envelopeDecompress(envelope, compression, limitBytes)).data;
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
