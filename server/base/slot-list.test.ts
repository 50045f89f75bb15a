import { expect, it } from "vitest";
import { SlotList } from "./slot-list.ts";

it("has those who came and did not leave, and gives their places away again", () => {
  const list = new SlotList<{ name: string }>();
  const [ada, bob, cleo] = [{ name: "Ada" }, { name: "Bob" }, { name: "Cleo" }];
  const place = list.add(ada);
  list.add(bob);
  list.remove(place);
  expect([list.size, [...list]]).toEqual([1, [bob]]);
  expect(list.add(cleo)).toBe(place);
  expect([list.size, [...list]]).toEqual([2, [cleo, bob]]);
});

it("can be left while it is read", () => {
  const list = new SlotList<{ place: number }>();
  for (let count = 0; count < 3; count++) {
    const member = { place: 0 };
    member.place = list.add(member);
  }
  for (const { place } of list) list.remove(place);
  expect([list.size, [...list]]).toEqual([0, []]);
});
