import { setTimeout as sleep } from "node:timers/promises";
import { jwtVerify } from "jose";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type IssuerKey, LocalIssuer } from "../../test/upstream/local-issuer.ts";
import { OidcIssuer } from "../../upstream/operator/oidc-issuer.ts";
import { issuerKeys, type KeyTimes } from "./issuer-keys.ts";

let issuer: LocalIssuer;
let first: IssuerKey;
let reached: OidcIssuer;
const told: string[] = [];
beforeEach(async () => {
  issuer = await LocalIssuer.start();
  first = await issuer.addKey("first");
  reached = new OidcIssuer({ issuer: issuer.url, jwksUri: undefined });
  told.length = 0;
});
afterEach(async () => {
  await reached.close();
  await issuer.close();
});

/** Whether a token that is signed with a key is taken. */
function verifier(times: Partial<KeyTimes> = {}) {
  const keys = issuerKeys({
    fetchKeys: (signal) => reached.keys(signal),
    onChange: (problem) => told.push(problem === undefined ? "again" : "fails"),
    times,
  });
  return async (key: IssuerKey) =>
    jwtVerify(await issuer.sign(key, { sub: "alice" }), keys).then(
      () => "taken",
      () => "refused",
    );
}

describe("the keys of an issuer", () => {
  it("are asked for once, and again by a token with a new one", async () => {
    const verify = verifier({ cooldownMs: 50 });
    for (let n = 0; n < 5; n++) expect(await verify(first)).toBe("taken");
    expect(issuer.timesAsked).toBe(1);
    const second = await issuer.addKey("second");
    await sleep(60);
    expect([await verify(second), issuer.timesAsked]).toEqual(["taken", 2]);
  });

  it("are asked for once in a cooldown, however many tokens have keys that nobody knows", async () => {
    const verify = verifier({ cooldownMs: 60_000 });
    const stranger = await issuer.addKey("stranger", "RS256", { published: false });
    const verdicts = await Promise.all(Array.from({ length: 20 }, () => verify(stranger)));
    expect([new Set(verdicts), issuer.timesAsked]).toEqual([new Set(["refused"]), 1]);
    expect(await verify(first)).toBe("taken");
  });

  it("go on while the issuer is away, and no attempt is made in the cooldown", async () => {
    const verify = verifier({ cachedMs: 0, cooldownMs: 2_000 });
    expect(await verify(first)).toBe("taken");
    issuer.fault = "down";
    const asked = issuer.requests.length;
    const stranger = await issuer.addKey("stranger", "RS256", { published: false });
    for (let n = 0; n < 10; n++) expect([await verify(first), await verify(stranger)]).toEqual(["taken", "refused"]);
    expect(issuer.requests.length).toBe(asked + 1);
    expect(told).toEqual(["fails"]);
    issuer.fault = undefined;
    await sleep(2_050);
    expect(await verify(first)).toBe("taken");
    expect(told).toEqual(["fails", "again"]);
  });

  it("do not go on for ever without their issuer", async () => {
    const verify = verifier({ cachedMs: 20, cooldownMs: 20, keptWithoutIssuerMs: 60 });
    expect(await verify(first)).toBe("taken");
    issuer.fault = "down";
    await sleep(100);
    expect(await verify(first)).toBe("refused");
    issuer.fault = undefined;
    await sleep(30);
    expect(await verify(first)).toBe("taken");
  });

  it.each(["redirect", "not-json", "other-issuer"] as const)(
    "are not taken from an answer that is wrong: %s",
    async (fault) => {
      const verify = verifier({ cooldownMs: 10 });
      issuer.fault = fault;
      expect([await verify(first), told]).toEqual(["refused", ["fails"]]);
      issuer.fault = undefined;
      await sleep(20);
      expect(await verify(first)).toBe("taken");
    },
  );
});
