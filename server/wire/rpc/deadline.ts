import type { DescMethod } from "@bufbuild/protobuf";
import { TIMEOUT_HEADERS } from "../call/deadline.ts";
import type { NodeRequest } from "../call/exchange.ts";

/** A caller that says nothing waits this long for an answer; the endpoints of Llms have limits of their own. */
export const DEFAULT_TIMEOUT_MS = 15 * 60_000;
/** Callers that ask for more are refused. */
export const LONGEST_TIMEOUT_MS = 60 * 60_000;

/**
 * Connect has no default deadline, and takes one from headers only; streams may be meant to last. It starts a timer
 * before it refuses what is over the limit, and timers take no more than 25 days: so that header is made one that it
 * refuses without.
 */
export function limitDeadline(
  { headers }: NodeRequest,
  { methodKind }: DescMethod,
  defaultTimeoutMs: number | undefined,
): void {
  const isGrpc = /^application\/grpc/i.test(headers["content-type"] ?? "");
  const name = isGrpc ? "grpc-timeout" : "connect-timeout-ms";
  const said = headers[name];
  if (said === undefined) {
    if (methodKind !== "unary" || defaultTimeoutMs === undefined) return;
    headers[name] = isGrpc ? `${defaultTimeoutMs}m` : String(defaultTimeoutMs);
  } else if (TIMEOUT_HEADERS[name](String(said)) > LONGEST_TIMEOUT_MS) {
    headers[name] = `${said} is over the limit of ${LONGEST_TIMEOUT_MS} ms`;
  }
}
