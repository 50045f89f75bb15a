import { LRUCache } from "lru-cache";

/** Callers say what they like: so many sets of labels, each with a model, are told apart for an Llm on a day. */
export const MAX_SETS_A_DAY = 1_000;
const MAX_LLMS = 10_000;

/** What replies are told apart by in sums, beside who called. */
export interface Told {
  readonly labels: Readonly<Record<string, string>>;
  readonly model: string;
}

/**
 * Keeps the sums of a day small: each set of labels and each model that an endpoint names is a row more for every Llm. What
 * is beyond the cap of a server has what its owner says of the Llm, and nothing of what the caller and the endpoint say.
 */
export class LabelCap {
  readonly #seen = new LRUCache<string, { readonly day: string; readonly sets: Set<string> }>({ max: MAX_LLMS });

  keep(llmId: string, day: string, said: Told, owned: Told): Told {
    const known = this.#seen.get(llmId);
    const seen = known?.day === day ? known : { day, sets: new Set<string>() };
    if (seen !== known) this.#seen.set(llmId, seen);
    const set = JSON.stringify([said.model, Object.entries(said.labels).sort()]);
    if (seen.sets.has(set)) return said;
    if (seen.sets.size >= MAX_SETS_A_DAY) return owned;
    seen.sets.add(set);
    return said;
  }
}
