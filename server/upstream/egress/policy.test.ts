import { afterAll, describe, expect, it } from "vitest";
import { EGRESS_CASES, URLS } from "../../test/upstream/egress-cases.ts";
import { EgressCorpus } from "../../test/upstream/egress-corpus.ts";
import { parseAllowRules } from "./allow-rule.ts";
import { Egress } from "./egress.ts";

describe("the egress policy, on real connections", async () => {
  const corpus = await EgressCorpus.open(EGRESS_CASES);
  afterAll(() => corpus.close());
  const results = await corpus.run();

  it.each(EGRESS_CASES.map((entry, index) => ({ ...entry, ...results[index] })))(
    "says $expected to $name",
    ({ actual, expected }) => expect(actual).toBe(expected),
  );
});

describe("the check without a network", () => {
  const egress = new Egress({ allow: parseAllowRules("") });
  afterAll(() => egress.close());

  it.each(URLS)("of %s says the same as the call", (_name, url, outcome) => {
    const allowed = outcome === "allow";
    expect(egress.check(url)).toEqual(allowed ? { allowed } : { allowed, reason: outcome });
  });
});
