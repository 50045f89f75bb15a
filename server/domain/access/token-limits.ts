import { createHash } from "node:crypto";
import { picoUsdOf } from "../../base/usd.ts";
import type { HolderLimits } from "../call/holder-limits.ts";

const MAX_MODELS = 100;
const LONGEST_NAME = 63;
const PERIODS = ["DAY", "MONTH", "TOTAL"];
/** The most that the contract takes of each. */
const MOST = { requestsPerMinute: 1_000_000, tokensPerMinute: 1_000_000_000, parallelCalls: 1_000 };

/**
 * Limits as a token or a setting has them, in the JSON of the contract: {"allowedModels": ["fast"], "requestsPerMinute": 60,
 * "budget": {"amountUsd": "25", "period": "MONTH"}}. Throws an Error for anything else: a limit that is misspelt would
 * limit nobody.
 */
export function readTokenLimits(value: unknown): HolderLimits {
  const { allowedModels = [], budget, ...rates } = objectIn(value, "the limits");
  const { requestsPerMinute, tokensPerMinute, parallelCalls, ...others } = rates;
  const [other] = Object.keys(others);
  if (other !== undefined) throw new Error(`${other} is no limit`);
  return {
    allowedModels: namesIn(allowedModels),
    requestsPerMinute: numberIn("requestsPerMinute", requestsPerMinute),
    tokensPerMinute: numberIn("tokensPerMinute", tokensPerMinute),
    parallelCalls: numberIn("parallelCalls", parallelCalls),
    budget: budget === undefined ? undefined : budgetIn(budget),
  };
}

/** By which what a person uses is counted, who has no row of their own: the same on every server. */
export function subjectLimitsId(accountId: string, subject: string): string {
  const digest = createHash("sha256").update(`${accountId} ${subject}`).digest("hex");
  // Version 8 is for ids that are made in a way of one's own.
  return [
    digest.slice(0, 8),
    digest.slice(8, 12),
    `8${digest.slice(13, 16)}`,
    `8${digest.slice(17, 20)}`,
    digest.slice(20, 32),
  ].join("-");
}

function objectIn(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Error(`${what} must be an object`);
}

function namesIn(value: unknown): readonly string[] {
  const isName = (name: unknown) => typeof name === "string" && name !== "" && name.length <= LONGEST_NAME;
  if (Array.isArray(value) && value.length <= MAX_MODELS && value.every(isName)) return [...new Set<string>(value)];
  throw new Error(`allowedModels must be a list of at most ${MAX_MODELS} names`);
}

function numberIn(name: keyof typeof MOST, value: unknown = 0): number {
  if (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MOST[name]) return Number(value);
  throw new Error(`${name} must be a whole number from 0 to ${MOST[name]}`);
}

function budgetIn(value: unknown): HolderLimits["budget"] {
  const { amountUsd, period } = objectIn(value, "budget");
  const amount = typeof amountUsd === "string" ? picoUsdOf(amountUsd) : undefined;
  if (amount === undefined || amount >= 2n ** 63n) throw new Error('budget.amountUsd must be a text such as "25"');
  if (typeof period !== "string" || !PERIODS.includes(period))
    throw new Error(`budget.period must be one of ${PERIODS}`);
  return { amount, period };
}
