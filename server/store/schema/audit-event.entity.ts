import { defineEntity, type Opt, p } from "@mikro-orm/postgresql";

const AuditEventSchema = defineEntity({
  name: "AuditEvent",
  indexes: [
    { name: "audit_event_resource_idx", properties: ["accountId", "resourceId", "sequence"] },
    { name: "audit_event_action_idx", properties: ["accountId", "action", "sequence"] },
  ],
  properties: {
    /** No reference: what was done to an account outlives it. */
    accountId: p.uuid().primary(),
    /** Counts the events of the account, from 1, without a gap. */
    sequence: p.bigint("bigint").primary(),
    /** The event as it was hashed, to the letter. */
    record: p.text().columnType("json"),
    /** SHA-256 of the hash before, the sequence and the record. */
    hash: p.blob().$type<Buffer>(),
    action: p.string().length(64).generated("(record ->> 'action') stored").$type<Opt<string>>(),
    resourceType: p.string().length(64).generated("(record ->> 'resourceType') stored").$type<Opt<string>>(),
    resourceId: p.string().length(255).generated("(record ->> 'resourceId') stored").$type<Opt<string>>(),
  },
});

/** One thing that somebody did, as it is kept for ever. */
export class AuditEvent extends AuditEventSchema.class {}
AuditEventSchema.setClass(AuditEvent);

const AuditChainSchema = defineEntity({
  name: "AuditChain",
  properties: {
    accountId: p.uuid().primary(),
    /** The sequence of the last event. */
    sequence: p.bigint("bigint"),
    /** The hash of the last event. */
    hash: p.blob().$type<Buffer>(),
  },
});

/** Where an account's chain of events ends; its row is the lock under which events are appended. */
export class AuditChain extends AuditChainSchema.class {}
AuditChainSchema.setClass(AuditChain);
