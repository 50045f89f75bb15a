import type { DescMethod } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import type { Compression } from "@connectrpc/connect/protocol";
import { messageTooLarge } from "../../call/wire-error.ts";
import { announcesBody, type NodeRequest, readTarget } from "../../http/exchange.ts";

/**
 * The query of a Connect GET that can be served directly: of an rpc without side effects, in an encoding that is known.
 * Undefined for all others, and for one that brings a body.
 *
 * https://connectrpc.com/docs/protocol#unary-get-request
 */
export function queryOf(request: NodeRequest, { methodKind, idempotency }: DescMethod): URLSearchParams | undefined {
  if (methodKind !== "unary" || idempotency !== MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS) return undefined;
  const target = request.url ?? "/";
  if (announcesBody(request) || target.includes("#")) return undefined;
  const query = new URLSearchParams(readTarget(target).query);
  const isKnown = ["proto", "json"].includes(query.get("encoding") ?? "") && (query.get("connect") ?? "v1") === "v1";
  return isKnown ? query : undefined;
}

/** The message in a query: text, or base64 of either alphabet. Whether that is base64 was seen at the gate. */
export async function readFromQuery(
  query: URLSearchParams,
  compression: Compression | null,
  limitBytes: number,
): Promise<Uint8Array> {
  const said = query.get("message") ?? "";
  const bytes = query.get("base64") === "1" ? base64Decode(said) : new TextEncoder().encode(said);
  if (bytes.length > limitBytes) throw messageTooLarge(limitBytes);
  return compression ? compression.decompress(bytes, limitBytes) : bytes;
}
