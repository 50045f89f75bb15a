import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ReasonSchema } from "../../gen/patchbay/v1/reason_pb.ts";

describe("Reason", () => {
  it("is the enum of the contract", () => {
    const source = readFileSync(join(import.meta.dirname, "fault.ts"), "utf8");
    const [union = ""] = /export type Reason =[^;]+;/.exec(source) ?? [];
    const inCode = [...union.matchAll(/"(\w+)"/g)].map(([, reason]) => reason);
    const inContract = ReasonSchema.values.map(({ name }) => name).filter((name) => name !== "REASON_UNSPECIFIED");
    expect(inCode.sort()).toEqual(inContract.sort());
  });
});
