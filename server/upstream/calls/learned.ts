import { LRUCache } from "lru-cache";
import type { Target } from "../models/provider-types.ts";

/** What an endpoint has shown of how it wants to be called, by refusing another way and taking this one. */
export interface Habits {
  /** The name that it has for the limit of tokens. */
  limitName?: "max_tokens" | "max_completion_tokens";
  /** The only form in which it replies. */
  form?: "streamed" | "whole";
}

const MOST_KNOWN = 10_000;
/** Models behind a name change. */
const KNOWN_FOR_MS = 3_600_000;

/** What was learned of endpoints, in memory: a server that knows nothing is refused once more, and learns it. */
export class Learned {
  readonly #habits = new LRUCache<string, Habits>({ max: MOST_KNOWN, ttl: KNOWN_FOR_MS });

  of(target: Target): Habits {
    // Of most endpoints nothing had to be learned.
    return (this.#habits.size > 0 && this.#habits.get(keyOf(target))) || NOTHING;
  }

  /** To be called before an endpoint is tested: what it did before proves nothing. */
  forget(target: Target): void {
    this.#habits.delete(keyOf(target));
  }

  learn(target: Target, habits: Habits): void {
    this.#habits.set(keyOf(target), { ...this.of(target), ...habits });
  }
}

const NOTHING: Habits = Object.freeze({});

function keyOf({ ownerId, providerType, endpointUrl, apiPath, model }: Target): string {
  return [ownerId, providerType, endpointUrl, apiPath, model].join("\n");
}
