import { expect, it } from "vitest";
import { readMembers } from "../../upstream/pass-through/json-members.ts";
import { bodyPrompt } from "./body-prompt.ts";
import { estimateText } from "./cost.ts";

/** Counted by OpenAI's tokenizer o200k_base. */
it.each([
  { name: "English", tokens: 10, text: "The quick brown fox jumps over the lazy dog." },
  {
    name: "German",
    tokens: 26,
    text: "Die Bürgerinnen und Bürger der Bundesrepublik können sich über die Geschwindigkeitsbegrenzungen informieren, bevor sie losfahren.",
  },
  {
    name: "code",
    tokens: 30,
    text: "const listed = calcPrice({ input_tokens: 1 }, model, { providerId, timestamp: new Date() });",
  },
])("the estimate for $name is within a third", ({ tokens, text }) => {
  expect(Math.abs(estimateText(text) - tokens) / tokens).toBeLessThan(1 / 3);
});

it("takes time in proportion to the text, also where there is no space in it", () => {
  const startedAt = performance.now();
  estimateText("x".repeat(2_000_000));
  expect(performance.now() - startedAt).toBeLessThan(1_000);
});

it.each([
  { messages: [{ role: "user", content: "hello" }] },
  { input: "hello" },
  { input: [{ role: "user", content: "hello" }] },
])("holds for %j what OpenAI counts of it, with what is put around, and shows none of that", (said) => {
  const body = readMembers(Buffer.from(JSON.stringify({ model: "m", ...said })));
  if (!body) throw new Error("no JSON");
  const prompt = bodyPrompt(body);
  expect(prompt.held()).toBeGreaterThanOrEqual(8);
  expect(prompt.held()).toBeLessThan(16);
  expect(prompt.estimate()).toBeLessThan(4);
});
