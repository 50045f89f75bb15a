import { defineEntity, p } from "@mikro-orm/postgresql";
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
    createdAt: p.datetime(3).onCreate(() => new Date()),
  },
});

/** Who owns things. */
export class Account extends AccountSchema.class {}
AccountSchema.setClass(Account);
