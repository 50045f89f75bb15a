import { defineEntity, p } from "@mikro-orm/postgresql";

const WriteProbeSchema = defineEntity({
  name: "WriteProbe",
  properties: {
    /** There is one row, and it is 1. */
    id: p.smallint().primary().autoincrement(false),
    probedAt: p.datetime(3),
    filler: p.text(),
  },
});

/** A row that is written to prove that rows can be. */
export class WriteProbe extends WriteProbeSchema.class {}
WriteProbeSchema.setClass(WriteProbe);
