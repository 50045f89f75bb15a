import { LRUCache } from "lru-cache";

const DAY_MS = 86_400_000;

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
  readonly #seen = new LRUCache<string, { readonly day: number; readonly sets: Set<string> }>({ max: MAX_LLMS });

  keep(llmId: string, at: Date, said: Told, owned: Told): Told {
    const day = Math.floor(at.getTime() / DAY_MS);
    const known = this.#seen.get(llmId);
    const seen = known?.day === day ? known : { day, sets: new Set<string>() };
    if (seen !== known) this.#seen.set(llmId, seen);
    // Most callers say nothing: then the model is enough.
    const set = said.labels === owned.labels ? said.model : textOf(said);
    if (seen.sets.has(set)) return said;
    if (seen.sets.size >= MAX_SETS_A_DAY) return owned;
    seen.sets.add(set);
    return said;
  }
}

function textOf({ model, labels }: Told): string {
  return JSON.stringify([model, Object.entries(labels).sort()]);
}
