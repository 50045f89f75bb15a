import { defineEntity, type Opt, p } from "@mikro-orm/postgresql";

/** The holder of what belongs to no account. */
export const INSTALLATION = "installation";

const WrappedKeySchema = defineEntity({
  name: "WrappedKey",
  indexes: [{ name: "wrapped_key_holder_idx", properties: ["holder", "createdAt"] }],
  uniques: [
    {
      name: "wrapped_key_installation_key",
      expression: `create unique index wrapped_key_installation_key on wrapped_key (holder) where holder = '${INSTALLATION}'`,
    },
  ],
  properties: {
    id: p.uuid().primary(),
    /** An account, whose secrets it seals, or INSTALLATION. */
    holder: p.string().length(64),
    /** Which key of the provider wraps it. */
    wrappedBy: p.string().length(128),
    wrapped: p.json<Record<string, string>>().lazy().hidden(),
    createdAt: p.datetime(3).onCreate(() => new Date()),
    /** Since when its holder has a newer one that is to take over all it sealed. */
    supersededAt: p.datetime(3).nullable(),
    /** It has encrypted so often at most. */
    encryptions: p.bigint().defaultRaw("0").$type<Opt<bigint>>(),
  },
});

/** A data key, itself encrypted by a key of the provider. */
export class WrappedKey extends WrappedKeySchema.class {}
WrappedKeySchema.setClass(WrappedKey);

const RetiredKeySchema = defineEntity({
  name: "RetiredKey",
  properties: {
    id: p.string().length(128).primary(),
    retiredAt: p.datetime(3),
  },
});

/** A key of the provider that wraps nothing, and never shall again: a server that has not heard of it yet is refused. */
export class RetiredKey extends RetiredKeySchema.class {}
RetiredKeySchema.setClass(RetiredKey);
