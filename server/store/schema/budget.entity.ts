import { defineEntity, p } from "@mikro-orm/postgresql";
import { Account } from "./account.entity.ts";
import { HolderLimits } from "./holder-limits.entity.ts";
import { Llm } from "./llm.entity.ts";

const BudgetSchema = defineEntity({
  name: "Budget",
  indexes: [
    {
      name: "budget_owner_llm_period_key",
      expression:
        "create unique index budget_owner_llm_period_key on budget (owner_id, llm_id, period) nulls not distinct",
    },
    {
      name: "budget_holder_key",
      expression: "create unique index budget_holder_key on budget (holder_id) where holder_id is not null",
    },
    { name: "budget_created_idx", properties: ["createdAt", "id"] },
  ],
  properties: {
    id: p.uuid().primary(),
    owner: () => p.manyToOne(Account).mapToPk().foreignKeyName("budget_owner_fkey"),
    llm: () => p.manyToOne(Llm).mapToPk().nullable().deleteRule("cascade").foreignKeyName("budget_llm_fkey"),
    /** Always null: what holders of limits spend is in `holder_spending`. A server of the version before asks for it. */
    holder: () =>
      p.manyToOne(HolderLimits).mapToPk().nullable().deleteRule("cascade").foreignKeyName("budget_holder_fkey"),
    /** This and the mode in the words of budget.proto. */
    period: p.string().length(16),
    mode: p.string().length(16),
    /** All amounts are in pico-dollars. */
    amount: p.bigint("bigint"),
    isImposed: p.boolean(),
    /** In the window that begins at windowStart; in a later one, nothing yet. */
    spent: p.bigint("bigint"),
    reserved: p.bigint("bigint"),
    windowStart: p.datetime(3),
    createdAt: p.datetime(3),
    updatedAt: p.datetime(3),
  },
});

/** What an owner's chats may cost in a period. */
export class Budget extends BudgetSchema.class {}
BudgetSchema.setClass(Budget);

const BudgetReservationSchema = defineEntity({
  name: "BudgetReservation",
  indexes: [{ name: "budget_reservation_expires_idx", properties: ["expiresAt"] }],
  properties: {
    /** The id that the usage row of the reply will have, which settles it. */
    usageId: p.uuid().primary(),
    budget: () =>
      p.manyToOne(Budget).mapToPk().primary().deleteRule("cascade").foreignKeyName("budget_reservation_budget_fkey"),
    amount: p.bigint("bigint"),
    /** When whoever holds it is taken for dead. */
    expiresAt: p.datetime(3),
  },
});

/** What a chat under way holds of a budget. */
export class BudgetReservation extends BudgetReservationSchema.class {}
BudgetReservationSchema.setClass(BudgetReservation);
