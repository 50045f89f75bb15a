import { defineEntity, p } from "@mikro-orm/postgresql";
import type { SealedSecret } from "./sealing.ts";

const WrappedKeySchema = defineEntity({
  name: "WrappedKey",
  indexes: [{ name: "wrapped_key_holder_idx", properties: ["holder", "createdAt"] }],
  properties: {
    id: p.uuid().primary(),
    /** An account, whose secrets it seals, or "installation", for what belongs to no account. */
    holder: p.string().length(64),
    /** Which key of the key ring wraps it. */
    wrappedBy: p.string().length(64),
    wrapped: p.json<SealedSecret>().lazy().hidden(),
    createdAt: p.datetime(3).onCreate(() => new Date()),
  },
});

/** A data key, itself encrypted by a key of the key ring. */
export class WrappedKey extends WrappedKeySchema.class {}
WrappedKeySchema.setClass(WrappedKey);
