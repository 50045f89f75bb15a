import { defineEntity, p } from "@mikro-orm/postgresql";

const ChangeSchema = defineEntity({
  name: "Change",
  indexes: [
    { name: "change_position_idx", properties: ["position"] },
    { name: "change_unplaced_idx", properties: ["id"], where: "position is null" },
    { name: "change_owner_idx", properties: ["ownerId", "position"] },
  ],
  properties: {
    /** Counts changes as they are made: of one resource in their order, of all not in that in which they are seen. */
    id: p.bigint("bigint").primary().generated("by default as identity"),
    /** Counts changes as they are seen; null until that is known. */
    position: p.bigint("bigint").nullable(),
    /** No reference: a change is told even if its owner is gone by then. */
    ownerId: p.uuid(),
    /** What changed, such as `llm`. */
    noun: p.string().length(32),
    resourceId: p.uuid(),
    kind: p.string().length(32),
    /** By it the table is partitioned. */
    happenedAt: p.datetime(3).primary(),
  },
});

/** Something that happened to a resource. It holds nothing of the resource, so that nothing is to be erased here. */
export class Change extends ChangeSchema.class {}
ChangeSchema.setClass(Change);

const ChangeHeadSchema = defineEntity({
  name: "ChangeHead",
  properties: {
    /** There is one row, and it is 1. */
    id: p.smallint().primary().autoincrement(false),
    /** The last position that was given. */
    position: p.bigint("bigint"),
    /** The last position whose change is no longer kept. */
    forgotten: p.bigint("bigint"),
  },
});

/** How far changes are placed; its row is the lock under which they are. */
export class ChangeHead extends ChangeHeadSchema.class {}
ChangeHeadSchema.setClass(ChangeHead);
