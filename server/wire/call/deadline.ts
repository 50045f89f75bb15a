import type { IncomingHttpHeaders } from "node:http";
import { invalidRequest } from "./wire-error.ts";

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

/**
 * The time that a call has, from the first of the headers X-Server-Timeout (seconds), Connect-Timeout-Ms and
 * Grpc-Timeout that is there.
 */
export function readTimeoutMs(headers: IncomingHttpHeaders, options: DeadlineOptions): number | undefined {
  for (const [name, parse] of Object.entries(TIMEOUT_HEADERS)) {
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
