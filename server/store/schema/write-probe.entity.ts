import { defineEntity, p } from "@mikro-orm/postgresql";

const WriteProbeSchema = defineEntity({
  name: "WriteProbe",
  properties: {
    /** 1 is the row that proves it; 2 has the time, which tells how far a replica is behind. */
    id: p.smallint().primary().autoincrement(false),
    probedAt: p.datetime(3),
    filler: p.text(),
  },
});

/** Rows that are written to prove that rows can be, and that they arrive. */
export class WriteProbe extends WriteProbeSchema.class {}
WriteProbeSchema.setClass(WriteProbe);
