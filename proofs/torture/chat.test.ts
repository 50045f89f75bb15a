import { expect, it } from "vitest";
import { tortureChats } from "./chat.ts";
import { type Turns, violations, words } from "./chat-invariants.ts";

it("sessions survive a server that is killed while they chat", { timeout: 120_000 }, async () => {
  const { answered, slowestMs, ...verdict } = await tortureChats(5, 42);
  expect(verdict).toEqual({ kills: 5, recovered: 5, violations: [] });
  expect(answered).toBeGreaterThan(15);
  expect(slowestMs).toBeGreaterThan(0);
});

const call = (messages: object[]) => ({ body: { messages }, tokens: { input: 2, output: 3 } }) as never;
const turn: Turns[number] = {
  sessionId: "s",
  sequence: 1,
  state: "COMPLETED",
  requestId: "r",
  hasReply: true,
  usages: 1,
  cost: "5000000",
};
const said = { role: "user", content: words("s", "r") };

it.each([
  { name: "nothing, where all is well", turns: [turn], calls: [call([said])], found: [] },
  { name: "a turn without its usage", turns: [{ ...turn, usages: 0 }], calls: [call([said])], found: [/0 usage rows/] },
  {
    name: "a turn that was billed twice",
    turns: [{ ...turn, usages: 2 }],
    calls: [call([said])],
    found: [/2 usage rows/],
  },
  { name: "another cost", turns: [{ ...turn, cost: "1" }], calls: [call([said])], found: [/ledger/] },
  { name: "an answered turn that is lost", turns: [], calls: [], found: [/was answered/] },
  {
    name: "two of one role in a row",
    turns: [turn],
    calls: [call([said, said])],
    found: [/user, user/],
  },
])("the torture finds $name", ({ turns, calls, found }) => {
  const wrong = violations(turns, new Set([words("s", "r")]), calls);
  expect(wrong).toHaveLength(found.length);
  for (const [index, pattern] of found.entries()) expect(wrong[index]).toMatch(pattern);
});
