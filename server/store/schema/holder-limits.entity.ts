import { defineEntity, p } from "@mikro-orm/postgresql";
import { Account } from "./account.entity.ts";

/** Limits as JSON has them, which has no large numbers. */
export interface StoredLimits {
  readonly allowedModels: readonly string[];
  readonly requestsPerMinute: number;
  readonly tokensPerMinute: string;
  readonly parallelCalls: number;
  readonly budgetAmount: string | null;
  readonly budgetPeriod: string | null;
}

/** The members of that JSON, in SQL, of a row by its alias. */
export function limitMembers(row: string): string {
  return `'allowedModels', ${row}.allowed_models, 'requestsPerMinute', ${row}.requests_per_minute,
    'tokensPerMinute', ${row}.tokens_per_minute::text, 'parallelCalls', ${row}.parallel_calls,
    'budgetAmount', ${row}.budget_amount::text, 'budgetPeriod', ${row}.budget_period`;
}

/** The limits with an id, in SQL. */
export function limitsFormula(id: string): string {
  return `(select json_build_object(${limitMembers("own")}) from holder_limits own where own.id = ${id})`;
}

const HolderLimitsSchema = defineEntity({
  name: "HolderLimits",
  indexes: [
    { name: "holder_limits_account_idx", properties: ["account"] },
    { name: "holder_limits_within_idx", properties: ["within"] },
  ],
  properties: {
    /** An account's is the account's own; a person's is made from the account and the subject. */
    id: p.uuid().primary(),
    account: () => p.manyToOne(Account).mapToPk().deleteRule("cascade").foreignKeyName("holder_limits_account_fkey"),
    /** Those of who made the key, which hold as well. */
    within: () =>
      p.manyToOne(HolderLimits).mapToPk().nullable().deleteRule("set null").foreignKeyName("holder_limits_within_fkey"),
    /** A word of LimitState.Holder in limits.proto. */
    kind: p.string().length(16),
    /** Of a person. */
    subject: p.text().nullable(),
    /** Empty for all. */
    allowedModels: p.array<string>().columnType("text[]"),
    /** This and the next two: 0 for any number. */
    requestsPerMinute: p.integer(),
    tokensPerMinute: p.bigint("bigint"),
    parallelCalls: p.integer(),
    /** In pico-dollars; null for anything. What is spent of it is a row of `budget`. */
    budgetAmount: p.bigint("bigint").nullable(),
    /** In the words of budget.proto. */
    budgetPeriod: p.string().length(16).nullable(),
  },
});

/** What the holder of an API key, an account as a whole, or a person with a token may take. */
export class HolderLimits extends HolderLimitsSchema.class {}
HolderLimitsSchema.setClass(HolderLimits);

const HolderCallsSchema = defineEntity({
  name: "HolderCalls",
  properties: {
    holderId: p.uuid().primary(),
    /** The end of each call's lease, in milliseconds since 1970, by the call's id. */
    calls: p.json<Record<string, number>>(),
  },
});

/** The calls under way of one of them: one row, so that whoever wants another waits for its turn. */
export class HolderCalls extends HolderCallsSchema.class {}
HolderCallsSchema.setClass(HolderCalls);
