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
    /** In pico-dollars; null for anything. What is spent of it is a row of `holder_spending`. */
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

const HolderSpendingSchema = defineEntity({
  name: "HolderSpending",
  properties: {
    holder: () =>
      p.manyToOne(HolderLimits).mapToPk().primary().deleteRule("cascade").foreignKeyName("holder_spending_holder_fkey"),
    /** In pico-dollars, in the window that begins at windowStart; in a later one, nothing yet. */
    spent: p.bigint("bigint"),
    reserved: p.bigint("bigint"),
    windowStart: p.datetime(3),
  },
});

/** What one of them has spent of a budget, whatever Llms they chat with. */
export class HolderSpending extends HolderSpendingSchema.class {}
HolderSpendingSchema.setClass(HolderSpending);

const HolderReservationSchema = defineEntity({
  name: "HolderReservation",
  indexes: [{ name: "holder_reservation_expires_idx", properties: ["expiresAt"] }],
  properties: {
    /** The id that the usage row of the reply will have, which settles it. */
    usageId: p.uuid().primary(),
    holder: () =>
      p
        .manyToOne(HolderSpending)
        .mapToPk()
        .primary()
        .joinColumn("holder_id")
        .deleteRule("cascade")
        .foreignKeyName("holder_reservation_holder_fkey"),
    amount: p.bigint("bigint"),
    /** When whoever holds it is taken for dead. */
    expiresAt: p.datetime(3),
  },
});

/** What a chat under way holds of such a budget. */
export class HolderReservation extends HolderReservationSchema.class {}
HolderReservationSchema.setClass(HolderReservation);
