import { LRUCache } from "lru-cache";

const MAX_REMEMBERED = 10_000;
/** What a first piece takes of which nothing is known. */
const UNKNOWN_MS = 1_000;
/** What of the slowest one is left of it with each one that is faster: it counts for some twenty more. */
const FADING = 0.95;
/** So many in a row are no impatience of one caller. */
const ENOUGH_IN_A_ROW = 3;

interface Heard {
  readonly slowestMs: number | undefined;
  /** How often in a row a caller's deadline has come later than that, and no piece. */
  readonly missing: number;
}

/**
 * How long first pieces take, by what is called: so that a call which its caller's deadline has ended tells an endpoint that
 * hangs from a caller who is impatient.
 */
export class FirstPieces {
  readonly #heard = new LRUCache<string, Heard>({ max: MAX_REMEMBERED });

  /** One has come. */
  came(key: string, afterMs: number): void {
    const fading = (this.#heard.get(key)?.slowestMs ?? 0) * FADING;
    this.#heard.set(key, { slowestMs: Math.max(afterMs, fading), missing: 0 });
  }

  /** None has come until a caller's deadline. True if that says something of the endpoint: see docs/routes.md. */
  isMissing(key: string, afterMs: number): boolean {
    const { slowestMs, missing } = this.#heard.get(key) ?? { slowestMs: undefined, missing: 0 };
    if (afterMs < (slowestMs ?? UNKNOWN_MS)) return false;
    this.#heard.set(key, { slowestMs, missing: missing + 1 });
    return missing + 1 >= ENOUGH_IN_A_ROW;
  }
}
