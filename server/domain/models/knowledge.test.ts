import { describe, expect, it } from "vitest";
import type { StoredModel, StoredTest } from "../../store/schema/llm.entity.ts";
import type { ServedModel } from "../../upstream/models/adapter.ts";
import { learn, type ModelKnowledge, NOTHING_KNOWN, outputLimitOf } from "./knowledge.ts";

const NAME = { providerType: "VLLM" as const, name: "some-model" };
const NOTHING: ModelKnowledge = { state: "UNKNOWN", model: NOTHING_KNOWN };

function list(ids: string[], { isComplete = true, ...said }: Partial<ServedModel> & { isComplete?: boolean } = {}) {
  const models = ids.map((id) => ({ id, aliases: [], ...said }) as unknown as ServedModel);
  return { models, isComplete, fetchedAt: 1_000 };
}

function testThat(outcome: string, states: Record<string, string> = {}): StoredTest {
  const stages = Object.entries(states).map(([name, state]) => ({ name, state, message: "" }));
  return { outcome, message: "", stages, latencyMs: 1, model: "", testedAt: 2_000 };
}

const learnt = (before: ModelKnowledge, news: object) => learn(before, NAME, { facts: undefined, ...news });
const known = (serving: StoredModel["serving"], state: ModelKnowledge["state"]): ModelKnowledge => ({
  state,
  model: { claims: {}, serving },
});

describe("what is learnt of a model", () => {
  it.each([
    { name: "a list with it", news: list(["some-model"]), is: ["ACTIVE", "LISTED", 1_000] },
    { name: "a list without it", news: list(["other"]), is: ["MISSING", "UNLISTED", 1_000] },
    { name: "a list of nothing", news: list([]), is: ["UNKNOWN", undefined, undefined] },
    {
      name: "a part of a list without it",
      news: list(["other"], { isComplete: false }),
      is: ["UNKNOWN", undefined, undefined],
    },
    {
      name: "a part of a list with it",
      news: list(["some-model"], { isComplete: false }),
      is: ["ACTIVE", "LISTED", 1_000],
    },
    { name: "no list", news: undefined, is: ["UNKNOWN", undefined, undefined] },
  ])("from $name", ({ news, is }) => {
    const { state, model } = learnt(NOTHING, { list: news });
    expect([state, model.serving, model.checkedAt]).toEqual(is);
  });

  it.each([
    { name: "a reply of what is missing", before: known("UNLISTED", "MISSING"), outcome: "OK", serving: "PROVEN" },
    { name: "a reply of what is retired", before: known(undefined, "RETIRED"), outcome: "OK", serving: "PROVEN" },
    { name: "a reply of what is listed", before: known("LISTED", "ACTIVE"), outcome: "OK", serving: "LISTED" },
    { name: "a reply of what is not known", before: NOTHING, outcome: "OK", serving: undefined },
    { name: "a failure", before: known("UNLISTED", "MISSING"), outcome: "TIMEOUT", serving: "UNLISTED" },
    { name: "no model", before: known("PROVEN", "UNKNOWN"), outcome: "MODEL_NOT_FOUND", serving: undefined },
  ])("from a test with $name", ({ before, outcome, serving }) => {
    expect(learnt(before, { test: testThat(outcome) }).model.serving).toBe(serving);
  });

  it("stays, of what replied, when the list goes on without it, and ends when it comes and goes", () => {
    const proven = known("PROVEN", "UNKNOWN");
    expect(learnt(proven, { list: list(["other"]) }).state).toBe("UNKNOWN");
    const back = learnt(proven, { list: list(["some-model"]) });
    expect([back.state, learnt(back, { list: list(["other"]) }).state]).toEqual(["ACTIVE", "MISSING"]);
  });

  it.each([
    { states: { STREAM: "PASSED", TOOLS: "PASSED" }, stream: true, tools: true },
    { states: { STREAM: "FAILED", TOOLS: "FAILED" }, stream: false, tools: false },
    { states: { STREAM: "INCONCLUSIVE", TOOLS: "SKIPPED" }, stream: undefined, tools: undefined },
    { outcome: "BAD_REPLY", states: { STREAM: "FAILED", TOOLS: "SKIPPED" }, stream: undefined, tools: undefined },
  ])("from the stages $states of a test", ({ outcome = "OK", states, stream, tools }) => {
    const { PROBE } = learnt(NOTHING, { test: testThat(outcome, states) }).model.claims;
    expect([PROBE?.supportsStreaming, PROBE?.supportsFunctionCalling]).toEqual([stream, tools]);
  });

  it("not from a list that is older than the one before", () => {
    const missing: ModelKnowledge = { state: "MISSING", model: { claims: {}, serving: "UNLISTED", checkedAt: 1_001 } };
    expect(learnt(missing, { list: list(["some-model"]) })).toMatchObject({ state: "MISSING", model: missing.model });
  });

  it("is not lost by a test that asks less", () => {
    const first = learnt(NOTHING, { test: testThat("OK", { STREAM: "PASSED", TOOLS: "PASSED" }) });
    const second = learnt(first, { test: testThat("OK", { STREAM: "PASSED", TOOLS: "SKIPPED" }) });
    expect(second).toEqual(first);
  });

  it("from what a list says of the model itself, and not of a pattern", () => {
    const said = {
      maxContextLength: 8_192,
      maxOutputTokens: 2_048,
      inputModalities: ["text", "image"],
      deprecation: { deprecatedAt: undefined, retiresAt: "2026-12-01", successor: undefined },
    };
    const { state, model } = learnt(NOTHING, { list: list(["some-model"], said) });
    expect(model.claims.PROVIDER).toEqual({ maxContextLength: 8_192, supportedModalities: ["TEXT", "IMAGE"] });
    expect([state, model.retiresAt]).toEqual(["DEPRECATED", "2026-12-01"]);
    expect(outputLimitOf(model)).toBe(2_048);
    const vague = learnt(NOTHING, { list: list(["some-*"], said) });
    expect(vague).toEqual({
      state: "ACTIVE",
      model: { claims: {}, source: "PROVIDER", serving: "LISTED", checkedAt: 1_000 },
    });
  });
});
