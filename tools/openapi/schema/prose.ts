import type { AnyDesc, DescFile } from "@bufbuild/protobuf";
import { nestedTypes } from "@bufbuild/protobuf/reflect";

/** What stands before a declaration in its .proto file, as it stands there. */
export type CommentOf = (desc: Exclude<AnyDesc, DescFile>) => string | undefined;

/** The comments of the contract in the words of REST: Markdown, with fields by their JSON names. */
export class Prose {
  readonly #commentOf: CommentOf;
  readonly #jsonNames = new Map<string, string>();

  constructor(files: Iterable<DescFile>, commentOf: CommentOf) {
    this.#commentOf = commentOf;
    for (const file of files) {
      for (const type of nestedTypes(file)) {
        if (type.kind !== "message") continue;
        for (const { name, jsonName } of type.fields) {
          // Where one name has two forms, no text says which of them it means: the name stays as it is.
          const isClear = (this.#jsonNames.get(name) ?? jsonName) === jsonName;
          this.#jsonNames.set(name, isClear ? jsonName : name);
        }
      }
    }
  }

  /** The paragraphs of a comment; none if there is no comment. */
  paragraphs(desc: Exclude<AnyDesc, DescFile>): string[] {
    const comment = this.#commentOf(desc) ?? "";
    return comment
      .split(/\n\s*\n/)
      .map((paragraph) => this.reword(paragraph.trim().replace(/\s*\n\s*/g, " ")))
      .filter((paragraph) => paragraph !== "");
  }

  /** The whole comment; empty if there is none. */
  of(desc: Exclude<AnyDesc, DescFile>): string {
    return this.paragraphs(desc).join("\n\n");
  }

  /** A text with fields by their JSON names. Only names with an underscore can be told from words, and only they differ. */
  reword(text: string): string {
    return text.replace(/(`?)\b([a-z][a-z0-9]*(?:_[a-z0-9]+)+)\b(`?)/g, (whole, open, name, close) => {
      const jsonName = this.#jsonNames.get(name);
      if (jsonName === undefined) return whole;
      return open || close ? open + jsonName + close : `\`${jsonName}\``;
    });
  }
}

/** The first sentence of a text, and the rest of it. */
export function splitSentence(text: string): [sentence: string, rest: string] {
  const sentence = /^.*?[.!?](?=\s|$)/s.exec(text)?.[0] ?? text;
  return [sentence, text.slice(sentence.length).trim()];
}
