import type { Timing } from "./loops.ts";

/** What an answer must hold to count: an error is fast, and no result. */
export interface Expectation {
  /** Texts that must be in the body, whatever is around them. */
  readonly contains: readonly string[];
  /** The text whose arrival is the first of the answer. Default: the first byte. */
  readonly first?: string;
}

/** Takes an answer in, tells when its first part came and whether it is the expected one. */
export class AnswerCheck {
  readonly #expectation: Expectation;
  readonly #startedAt = performance.now();
  readonly #pieces: Buffer[] = [];
  #firstAt: number | undefined;

  constructor(expectation: Expectation) {
    this.#expectation = expectation;
  }

  push(piece: Buffer): void {
    this.#pieces.push(piece);
    if (this.#firstAt !== undefined) return;
    const { first } = this.#expectation;
    if (first === undefined || piece.includes(first)) this.#firstAt = performance.now();
  }

  /** The timing of a complete answer; throws when it is not the expected one. */
  finish(name: string, status: number | string, isSuccess: boolean): Timing {
    const now = performance.now();
    const body = this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces);
    const missing = this.#expectation.contains.find((text) => !body.includes(text));
    if (!isSuccess || missing !== undefined) {
      const reason = missing === undefined ? "" : ` without "${missing}"`;
      throw new Error(`${name} answered ${status}${reason}: ${body.toString("utf8").slice(0, 500)}`);
    }
    return { ms: now - this.#startedAt, firstMs: (this.#firstAt ?? now) - this.#startedAt };
  }
}
