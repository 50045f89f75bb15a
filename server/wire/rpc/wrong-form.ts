import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { mediaTypeNotSupported, methodNotAllowed, type WireError } from "../call/wire-error.ts";
import type { NodeRequest } from "../http/exchange.ts";

const UNARY = ["application/json", "application/proto"];
const STREAM = ["application/connect+json", "application/connect+proto"];
const GRPC = ["application/grpc", "application/grpc-web", "application/grpc-web-text"];

/** What connect refuses by a status alone, in words; undefined for all that it says itself. */
export function refusalOf(status: number, handler: UniversalHandler, request: NodeRequest): WireError | undefined {
  const { method = "" } = request;
  if (status === 405) return methodNotAllowed(method, handler.allowedMethods.join(", "));
  if (status !== 415) return undefined;
  const isStream = handler.method.methodKind !== "unary";
  if (method === "GET") return mediaTypeNotSupported(isStream ? "a stream has no GET; send a POST" : QUERY, {});
  const types = [...(isStream ? STREAM : UNARY), ...GRPC];
  const hint = isStream
    ? ", whose messages are in envelopes; plain JSON is streamed over REST, at the path that /docs has"
    : "; with curl: -H 'content-type: application/json'";
  const sentence = `the content type must be ${types.slice(0, -1).join(", ")} or ${types.at(-1)}${hint}`;
  return mediaTypeNotSupported(sentence, { "accept-post": types.join(", ") });
}

const QUERY = "the query must have encoding=json or encoding=proto";
