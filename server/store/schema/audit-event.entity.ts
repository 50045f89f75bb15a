import { defineEntity, type Opt, p } from "@mikro-orm/postgresql";

const AuditEventSchema = defineEntity({
  name: "AuditEvent",
  indexes: [
    { name: "audit_event_resource_idx", properties: ["accountId", "resourceId", "sequence"] },
    { name: "audit_event_type_idx", properties: ["accountId", "resourceType", "sequence"] },
    { name: "audit_event_action_idx", properties: ["accountId", "action", "sequence"] },
  ],
  properties: {
    /** No reference: what was done to an account outlives it. */
    accountId: p.uuid().primary(),
    /** Counts the events of the account, from 1, without a gap. */
    sequence: p.bigint("bigint").primary(),
    /** By it the table is partitioned; the event itself has its time, too. */
    recordedAt: p.datetime(3).primary().defaultRaw("clock_timestamp()"),
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

const AuditChainStartSchema = defineEntity({
  name: "AuditChainStart",
  properties: {
    accountId: p.uuid().primary(),
    /** The last event that is no longer kept. */
    sequence: p.bigint("bigint"),
    /** Its hash. */
    hash: p.blob().$type<Buffer>(),
  },
});

/** Where an account's chain begins whose first events are no longer kept. */
export class AuditChainStart extends AuditChainStartSchema.class {}
AuditChainStartSchema.setClass(AuditChainStart);

/** Where an account's chain of events ends; its row is the lock under which events are appended. */
export class AuditChain extends AuditChainSchema.class {}
AuditChainSchema.setClass(AuditChain);
