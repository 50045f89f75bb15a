import type { IncomingHttpHeaders } from "node:http";
import type { DescMethod } from "@bufbuild/protobuf";
import { invalidRequest } from "../call/wire-error.ts";
import type { NodeRequest } from "./exchange.ts";

/** How long calls may take, in milliseconds. */
export interface DeadlineOptions {
  /** For callers that say nothing; without it, their calls have no deadline. */
  readonly defaultTimeoutMs?: number;
  /** Callers that ask for more are refused, as Connect does it. */
  readonly maxTimeoutMs?: number;
}

const UNIT_MS: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/** Timers take no more; a longer timeout would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The headers that tell a timeout, and what they tell in milliseconds: NaN if that is none. */
export const TIMEOUT_HEADERS = {
  "x-server-timeout": (value: string) => (/^\d{1,10}(\.\d{1,9})?$/.test(value) ? Number(value) * 1000 : Number.NaN),
  "connect-timeout-ms": (value: string) => (/^\d{1,10}$/.test(value) ? Number(value) : Number.NaN),
  "grpc-timeout": (value: string) => {
    const [, amount, unit] = /^(\d{1,8})([HMSmun])$/.exec(value) ?? [];
    return Number(amount) * (UNIT_MS[unit ?? ""] ?? Number.NaN);
  },
};

const TIMEOUTS = Object.entries(TIMEOUT_HEADERS);

/**
 * The time that a call has, from the first of the headers X-Server-Timeout (seconds), Connect-Timeout-Ms and
 * Grpc-Timeout that is there.
 */
export function readTimeoutMs(headers: IncomingHttpHeaders, options: DeadlineOptions): number | undefined {
  for (const [name, parse] of TIMEOUTS) {
    const value = headers[name];
    if (value === undefined) continue;
    const timeoutMs = parse(String(value));
    if (Number.isNaN(timeoutMs)) throw invalidRequest(`the header ${name} holds no timeout`);
    if (options.maxTimeoutMs !== undefined && timeoutMs > options.maxTimeoutMs) {
      throw invalidRequest(`the header ${name} asks for more than ${options.maxTimeoutMs} ms`);
    }
    return Math.min(timeoutMs, LONGEST_TIMER_MS);
  }
  return options.defaultTimeoutMs;
}

/** A caller that says nothing waits this long for an endpoint; the endpoints of Llms have limits of their own. */
export const ENDPOINT_TIMEOUT_MS = 15 * 60_000;
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
