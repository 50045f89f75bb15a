import type { IncomingHttpHeaders } from "node:http";
import { waitIn } from "../models/error-numbers.ts";
import type { ErrorWords } from "../models/error-words.ts";

const MAX_RETRY_AFTER_MS = 24 * 60 * 60 * 1_000;

/**
 * When to try again, in milliseconds, a day at most: by `retry-after-ms` of OpenAI and Azure, or else by `retry-after`, in
 * seconds or as a date, each also of a provider behind LiteLLM, or else by what the body says, or else by
 * when the limit that is used up begins anew.
 */
export function readRetryAfter(headers: IncomingHttpHeaders, words: ErrorWords, now: number): number | undefined {
  const found =
    millisecondsOf(headers["retry-after-ms"]) ??
    delayOf(headers["retry-after"], now) ??
    millisecondsOf(headers["llm_provider-retry-after-ms"]) ??
    delayOf(headers["llm_provider-retry-after"], now) ??
    words.retryAfterMs ??
    resetOf(headers, now);
  return found === undefined ? undefined : Math.min(Math.max(0, Math.round(found)), MAX_RETRY_AFTER_MS);
}

function millisecondsOf(value: unknown): number | undefined {
  const milliseconds = Number(value ?? Number.NaN);
  return milliseconds >= 0 ? milliseconds : undefined;
}

function delayOf(value: unknown, now: number): number | undefined {
  if (typeof value !== "string" || value.trim() === "") return undefined;
  const seconds = Number(value);
  const waitMs = Number.isNaN(seconds) ? Date.parse(value) - now : seconds * 1_000;
  return Number.isNaN(waitMs) ? undefined : waitMs;
}

/** Of the limit of which nothing remains: OpenAI's and Groq's spans ("1m30s"), Anthropic's dates, others' seconds or times. */
function resetOf(headers: IncomingHttpHeaders, now: number): number | undefined {
  const resets = Object.keys(headers).filter((name) => /ratelimit-(.*-)?reset(-|$)/.test(name));
  const waits = resets
    .filter((name) => headers[name.replace("reset", "remaining")] === "0")
    .map((name) => spanOf(String(headers[name]), now));
  return waits.includes(undefined) || waits.length === 0 ? undefined : Math.max(...(waits as number[]));
}

function spanOf(text: string, now: number): number | undefined {
  const seconds = Number(text);
  if (seconds > 1e11) return seconds - now;
  if (seconds > 1e9) return seconds * 1_000 - now;
  if (/^[\d.]+(ms|[hms])/.test(text)) return waitIn(`wait ${text}`);
  return delayOf(text, now);
}
