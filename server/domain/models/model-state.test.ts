import { describe, expect, it } from "vitest";
import type { StoredModel } from "../../store/schema/llm.entity.ts";
import type { CataloguedDeprecation } from "./catalog.ts";
import { type CatalogWord, dateOf, modelStateOf } from "./model-state.ts";

const TODAY = "2026-03-26";
const NOTHING = { deprecatedAt: undefined, retiresAt: undefined, successor: undefined };

const silent: CatalogWord = { isKnown: false, deprecation: undefined };
const fine: CatalogWord = { isKnown: true, deprecation: undefined };
const ends = (retiresAt: string | undefined, more: Partial<CataloguedDeprecation> = {}): CatalogWord => ({
  isKnown: true,
  deprecation: { isRetired: false, deprecatedAt: "2025-09-26", retiresAt, successor: "gpt-5", ...more },
});

describe("modelStateOf", () => {
  it.each([
    { catalog: "is silent", word: silent, serving: undefined, is: ["UNKNOWN", undefined] },
    { catalog: "is silent", word: silent, serving: "LISTED", is: ["ACTIVE", "PROVIDER"] },
    { catalog: "is silent", word: silent, serving: "UNLISTED", is: ["MISSING", "PROVIDER"] },
    { catalog: "is silent", word: silent, serving: "PROVEN", is: ["UNKNOWN", undefined] },
    { catalog: "knows it", word: fine, serving: undefined, is: ["ACTIVE", "CATALOG"] },
    { catalog: "knows it", word: fine, serving: "LISTED", is: ["ACTIVE", "PROVIDER"] },
    { catalog: "knows it", word: fine, serving: "UNLISTED", is: ["MISSING", "PROVIDER"] },
    { catalog: "knows it", word: fine, serving: "PROVEN", is: ["ACTIVE", "CATALOG"] },
    { catalog: "has it end some day", word: ends(undefined), serving: undefined, is: ["DEPRECATED", "CATALOG"] },
    { catalog: "has it end tomorrow", word: ends("2026-03-27"), serving: undefined, is: ["DEPRECATED", "CATALOG"] },
    { catalog: "has it end today", word: ends(TODAY), serving: undefined, is: ["DEPRECATED", "CATALOG"] },
    { catalog: "has it end today", word: ends(TODAY), serving: "UNLISTED", is: ["MISSING", "PROVIDER"] },
    { catalog: "had it end", word: ends("2026-03-25"), serving: undefined, is: ["RETIRED", "CATALOG"] },
    { catalog: "had it end", word: ends("2026-03-25"), serving: "UNLISTED", is: ["RETIRED", "CATALOG"] },
    { catalog: "had it end", word: ends("2026-03-25"), serving: "LISTED", is: ["DEPRECATED", "CATALOG"] },
    { catalog: "had it end", word: ends("2026-03-25"), serving: "PROVEN", is: ["DEPRECATED", "CATALOG"] },
    {
      catalog: "calls it retired",
      word: ends("2027-01-01", { isRetired: true }),
      serving: undefined,
      is: ["RETIRED", "CATALOG"],
    },
  ] as const)("is $is when the catalog $catalog and the list has it $serving", ({ word, serving, is }) => {
    const { state, source } = modelStateOf(word, { serving }, TODAY);
    expect([state, source]).toEqual(is);
  });

  it.each([
    { name: "the catalog's", word: ends("2026-12-01"), announced: undefined, retiresAt: "2026-12-01" },
    { name: "the list's", word: silent, announced: { retiresAt: "2026-11-01" }, retiresAt: "2026-11-01" },
    {
      name: "the list's before the catalog's",
      word: ends("2026-12-01"),
      announced: { retiresAt: "2026-11-01" },
      retiresAt: "2026-11-01",
    },
    { name: "the catalog's where the list has none", word: ends("2026-12-01"), announced: {}, retiresAt: "2026-12-01" },
  ])("has a last day: $name", ({ word, announced, retiresAt }) => {
    const model: Pick<StoredModel, "serving" | "announced"> = { serving: "LISTED", announced };
    const source = announced ? "PROVIDER" : "CATALOG";
    expect(modelStateOf(word, model, TODAY)).toMatchObject({ state: "DEPRECATED", source, retiresAt });
  });

  it("names the successor of what is missing, and of nothing that goes on", () => {
    expect(modelStateOf(ends("2026-12-01"), { serving: "UNLISTED" }, TODAY).successor).toBe("gpt-5");
    expect({ ...NOTHING, ...modelStateOf(fine, { serving: "LISTED" }, TODAY) }).toMatchObject(NOTHING);
  });

  it("counts days in UTC", () => {
    expect(dateOf(new Date("2026-03-26T23:59:59.999Z"))).toBe(TODAY);
  });
});
