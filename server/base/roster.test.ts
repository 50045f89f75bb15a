import { expect, it } from "vitest";
import { Roster } from "./roster.ts";

it("has those who came and did not leave, and gives their places away again", () => {
  const roster = new Roster<{ name: string }>();
  const [ada, bob, cleo] = [{ name: "Ada" }, { name: "Bob" }, { name: "Cleo" }];
  const place = roster.add(ada);
  roster.add(bob);
  roster.remove(place);
  expect([roster.size, [...roster]]).toEqual([1, [bob]]);
  expect(roster.add(cleo)).toBe(place);
  expect([roster.size, [...roster]]).toEqual([2, [cleo, bob]]);
});

it("can be left while it is read", () => {
  const roster = new Roster<{ place: number }>();
  for (let count = 0; count < 3; count++) {
    const member = { place: 0 };
    member.place = roster.add(member);
  }
  for (const { place } of roster) roster.remove(place);
  expect([roster.size, [...roster]]).toEqual([0, []]);
});
