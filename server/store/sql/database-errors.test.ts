import { DatabaseError } from "pg";
import { describe, expect, it } from "vitest";
import { Fault } from "../../base/fault.ts";
import { outageOf } from "./database-errors.ts";

const sqlState = (code: string) => Object.assign(new DatabaseError("no", 2, "error"), { code });

describe("an outage", () => {
  it.each([
    ...["08006", "08P01", "25006", "25P03", "26000", "28000", "28P01", "3D000", "40P01", "42P05", "53100", "53300"],
    ...["55P03", "57014", "57P01", "57P03", "58030"],
  ])("is SQLSTATE %s, and says when to try again", (code) => {
    expect(outageOf(sqlState(code))).toMatchObject({ reason: "STORE_UNAVAILABLE", facts: { retryAfterMs: 1_000 } });
  });

  it.each(["22001", "23505", "42601", "42P01", "0A000"])("is not SQLSTATE %s", (code) => {
    expect(outageOf(sqlState(code))).toBeUndefined();
  });

  it.each(["ECONNRESET", "EHOSTUNREACH", "ENOTFOUND", "SELF_SIGNED_CERT_IN_CHAIN", "08001"])(
    "is a socket's %s",
    (code) => {
      expect(outageOf(Object.assign(new Error("no"), { code }))?.reason).toBe("STORE_UNAVAILABLE");
    },
  );

  it("is a password that is not there, while somebody writes the file that it is in", () => {
    const message = "SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a non-empty string";
    expect(outageOf(new Error(message))?.reason).toBe("STORE_UNAVAILABLE");
  });

  it("is one already, where somebody said so", () => {
    const fault = new Fault("STORE_UNAVAILABLE", "no");
    expect(outageOf(fault)).toBe(fault);
    expect(outageOf(new Fault("LLM_NOT_FOUND", "no"))).toBeUndefined();
  });
});
