import { announcesBody, type NodeRequest } from "../call/exchange.ts";
import { readBytes } from "../call/read-bytes.ts";
import { mediaTypeNotSupported, messageTooLarge } from "../call/wire-error.ts";
import { decompress, readContentEncoding } from "./compression.ts";

const NONE = new Uint8Array(0);

/**
 * Reads the body of a request and decompresses it. Neither what arrives nor what comes out of it is ever more than the
 * limit; whatever else the caller sends is not kept.
 */
export async function readBody(request: NodeRequest, limitBytes: number): Promise<Uint8Array> {
  const coding = readContentEncoding(request.headers["content-encoding"]);
  if (!announcesBody(request)) return NONE;
  if (Number(request.headers["content-length"] ?? 0) > limitBytes) throw messageTooLarge(limitBytes);
  const body = await readBytes(request, limitBytes, () => messageTooLarge(limitBytes));
  return coding === undefined || body.length === 0 ? body : decompress(coding, body, limitBytes);
}

/**
 * Refuses a body that is not declared as JSON, before it is read. A body without a content type passes: whether it is
 * JSON will show.
 */
export function requireJson(request: NodeRequest): void {
  const contentType = request.headers["content-type"];
  if (contentType === undefined || !announcesBody(request)) return;
  const [mediaType = "", ...parameters] = contentType.toLowerCase().split(";");
  const charset = parameters
    .map((parameter) => /^\s*charset\s*=\s*"?([^"\s]*)"?\s*$/.exec(parameter)?.[1])
    .find(Boolean);
  if (mediaType.trim() === "application/json" && /^utf-?8$/.test(charset ?? "utf-8")) return;
  const header = { POST: "accept-post", PATCH: "accept-patch" }[request.method ?? ""] ?? "accept";
  throw mediaTypeNotSupported("the body must be application/json, in UTF-8", { [header]: "application/json" });
}
