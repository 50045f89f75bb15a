import { expect, it } from "vitest";
import { defaultLimits } from "./limits.ts";
import { connectionFailure } from "./network-failure.ts";

it("tells nobody how an address cannot be reached that the operator has not opened", () => {
  const route = { origin: "https://llm.example.com:8443", rule: undefined };
  const errors = [
    ...["ECONNREFUSED", "ETIMEDOUT", "EHOSTUNREACH", "ECONNRESET", "ENOTFOUND", "EAI_AGAIN"].map((code) =>
      Object.assign(new Error(code), { code }),
    ),
    Object.assign(new Error("no HTTP"), { code: "HPE_INVALID_CONSTANT" }),
  ];
  const told = errors.map((error) => connectionFailure(error, 0, false, { limits: defaultLimits, route }).message);
  expect(new Set(told)).toEqual(new Set([expect.stringMatching(/^nothing answered .* EGRESS_ALLOW/)]));
});
