import { defineEntity, type Opt, p } from "@mikro-orm/postgresql";
import { limitsFormula, type StoredLimits } from "./holder-limits.entity.ts";
import { Llm } from "./llm.entity.ts";

const AccountSchema = defineEntity({
  name: "Account",
  properties: {
    id: p.uuid().primary(),
    displayName: p.string().length(255),
    /**
     * A pointer here, and not a flag on the Llms, so that there is one default at most and writers wait for each other
     * instead of failing.
     */
    defaultLlm: () =>
      p.manyToOne(Llm).mapToPk().nullable().deleteRule("set null").foreignKeyName("account_default_llm_fkey"),
    /** Whom to ask for more; empty for nobody. */
    contact: p.string().length(255).default(""),
    createdAt: p.datetime(3).onCreate(() => new Date()),
    /** What all who call for it may take together; null for anything. */
    ownLimits: p
      .json<StoredLimits>()
      .formula((_, { alias }) => limitsFormula(`${alias}.id`))
      .nullable()
      .persist(false)
      .$type<Opt<StoredLimits | null>>(),
  },
});

/** Who owns things. */
export class Account extends AccountSchema.class {}
AccountSchema.setClass(Account);
