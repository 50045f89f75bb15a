/**
 * Finds the end of one JSON object in text that comes in pieces. What does not begin as an object has no end: all of it is
 * taken as it is.
 */
export class JsonEnd {
  #depth = 0;
  #isText = false;
  #isEscaped = false;
  #state: "before" | "inside" | "whole" | "none" = "before";

  /** Whether the object has ended. */
  get isWhole(): boolean {
    return this.#state === "whole";
  }

  /** What of a piece belongs to the object, and the next object that begins in it; what is between them is passed over. */
  read(text: string): { readonly own: string; readonly next: string } {
    const end = this.isWhole ? 0 : this.#endIn(text);
    if (end === undefined) return { own: text, next: "" };
    const next = text.indexOf("{", end);
    return { own: text.slice(0, end), next: next < 0 ? "" : text.slice(next) };
  }

  #endIn(text: string): number | undefined {
    for (let at = 0; at < text.length && this.#state !== "none"; at++) {
      const character = text[at] as string;
      if (this.#state === "before") {
        if (/\s/.test(character)) continue;
        this.#state = character === "{" ? "inside" : "none";
      }
      if (this.#state === "inside") this.#step(character);
      if (this.isWhole) return at + 1;
    }
    return undefined;
  }

  #step(character: string): void {
    if (this.#isText) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (character === "\\") this.#isEscaped = true;
      else if (character === '"') this.#isText = false;
    } else if (character === '"') this.#isText = true;
    else if (character === "{" || character === "[") this.#depth += 1;
    else if (character === "}" || character === "]") this.#depth -= 1;
    if (this.#depth === 0 && !this.#isText) this.#state = "whole";
  }
}
