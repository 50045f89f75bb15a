import { defineEntity, p } from "@mikro-orm/postgresql";

const LimitNoticeSchema = defineEntity({
  name: "LimitNotice",
  uniques: [{ name: "limit_notice_once_key", properties: ["holderId", "limitName", "threshold", "periodStart"] }],
  indexes: [{ name: "limit_notice_due_idx", properties: ["nextTryAt"], where: "next_try_at is not null" }],
  properties: {
    id: p.uuid().primary(),
    /** The id of the limits. */
    holderId: p.uuid(),
    /** A word of LimitState.Limit in limits.proto. */
    limitName: p.string().length(32),
    /** 80 or 100, in percent. */
    threshold: p.smallint(),
    periodStart: p.datetime(3),
    /** A word of LimitState.Holder in limits.proto. */
    kind: p.string().length(16),
    /** The id of the API key or the account, or the subject. */
    holderName: p.text(),
    accountId: p.uuid(),
    allowed: p.bigint("bigint"),
    used: p.bigint("bigint"),
    noticedAt: p.datetime(3),
    tries: p.integer().default(0),
    /** Null: it was told, or nobody is told any more. */
    nextTryAt: p.datetime(3).nullable(),
  },
});

/** That a limit is near, or reached: once in each period. */
export class LimitNotice extends LimitNoticeSchema.class {}
LimitNoticeSchema.setClass(LimitNotice);
