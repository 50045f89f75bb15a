import { defineEntity, p } from "@mikro-orm/postgresql";

const AnsweredRequestSchema = defineEntity({
  name: "AnsweredRequest",
  indexes: [{ name: "answered_request_created_idx", properties: ["createdAt"] }],
  properties: {
    /** Who called. No reference: it goes by itself. */
    accountId: p.uuid().primary(),
    /** Which rpc, as `<service>/<method>`. */
    rpc: p.string().length(255).primary(),
    /** The request_id that the caller gave. */
    requestId: p.uuid().primary(),
    /** Keyed hash of the request, which may hold secrets. */
    digest: p.blob().$type<Buffer>().hidden(),
    /** The answer, without its secrets; null only inside of the transaction that makes it. */
    answer: p.blob().$type<Buffer>().nullable(),
    /** The version of the contract that the answer is written in; servers of the first one do not say it. */
    contractVersion: p.smallint().default(1),
    /** What the caller was allowed and made use of; null of servers that did not say so. */
    permissions: p.array().nullable(),
    createdAt: p.datetime(3),
  },
});

/** A call that was carried out, and what it answered. */
export class AnsweredRequest extends AnsweredRequestSchema.class {}
AnsweredRequestSchema.setClass(AnsweredRequest);
