import { describe, expect, it } from "vitest";
import { registryOf } from "../../../server/test/wire/rest-shapes.ts";
import { Prose, splitSentence } from "./prose.ts";

const { files } = registryOf({
  package: "prose.v1",
  messages: {
    Book: { book_id: "string", title: "string", shelf_id: "string" },
    Shelf: { "shelf_id as id": "string" },
  },
});
const prose = new Prose(files, () => undefined);

describe("a text of the contract", () => {
  it.each([
    ["the book_id of a book", "the `bookId` of a book"],
    ["the `book_id`, and `book_id=1`", "the `bookId`, and `bookId=1`"],
    ["no_field and title stay", "no_field and title stay"],
    ["shelf_id stays", "`shelf_id` stays"],
    ["BOOK_ID and my_book_id stay", "BOOK_ID and my_book_id stay"],
  ])("has fields by their JSON names: %s", (text, reworded) => expect(prose.reword(text)).toBe(reworded));
});

describe("splitSentence", () => {
  it.each([
    ["One. Two. Three.", "One.", "Two. Three."],
    ["Served by api.openai.com. More.", "Served by api.openai.com.", "More."],
    ["Is it? Yes.", "Is it?", "Yes."],
    ["no end", "no end", ""],
  ])("cuts %j", (text, sentence, rest) => expect(splitSentence(text)).toEqual([sentence, rest]));
});
