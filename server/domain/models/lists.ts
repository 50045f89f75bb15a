import { LRUCache } from "lru-cache";
import type { ModelList, Vendor } from "../../upstream/calls/list.ts";
import type { ServedModel } from "../../upstream/models/adapter.ts";
import { UpstreamFailure } from "../../upstream/models/failure.ts";
import type { ProviderType } from "../../upstream/models/provider-types.ts";
import type { Upstreams } from "../../upstream/upstreams.ts";
import type { Scope } from "../call/scope.ts";
import { upstreamFault } from "../connections/faults.ts";

/** The models that an endpoint serves, and when it was asked for them. */
export interface FetchedModels extends ModelList {
  readonly fetchedAt: number;
}

/** An endpoint with credentials, as it is asked for its models. */
export interface ListSource {
  /** What tells endpoint and credentials apart: what was fetched with another key or from another place is none of this. */
  readonly key: readonly unknown[];
  /** What a failure names. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Called only when the endpoint is to be asked: opens the credentials, and has it recorded that they are used. */
  connect(record: () => Promise<void>): Promise<Vendor>;
}

/** What asking an endpoint takes, beside the time. */
export interface Asking {
  /** How old an answer may be; 0 asks now. Default: LONGEST_HELD_MS. */
  readonly maxAgeMs?: number | undefined;
  /** Called before all else when the endpoint is to be asked: throws if the caller may not have it asked now. */
  admit?(): Promise<void>;
  /** Writes down that credentials are used. */
  record(): Promise<void>;
}

/** The longest that a list is held. */
const LONGEST_HELD_MS = 3_600_000;
/** How many models are held in memory, of all lists together. */
const MAX_HELD = 100_000;

/** The lists of models that endpoints gave, held in memory: Llms and Providers that are the same connection share one. */
export class ModelLists {
  readonly #upstreams: Upstreams;
  readonly #asking = new Map<string, Promise<FetchedModels>>();
  readonly #held = new LRUCache<string, FetchedModels>({
    ttl: LONGEST_HELD_MS,
    maxSize: MAX_HELD,
    sizeCalculation: ({ models }) => models.length + 1,
  });

  constructor({ upstreams }: { upstreams: Upstreams }) {
    this.#upstreams = upstreams;
  }

  /** The models, as they were at most so long ago; of those who want them at once, one asks. */
  async get(scope: Scope, source: ListSource, asking: Asking): Promise<FetchedModels> {
    const { maxAgeMs = LONGEST_HELD_MS } = asking;
    const key = JSON.stringify(source.key);
    const held = this.#held.get(key);
    if (held && Date.now() - held.fetchedAt < maxAgeMs) return held;
    try {
      const joined = maxAgeMs > 0 ? await this.#joined(key) : undefined;
      return joined ?? (await this.#begin(key, this.#ask(scope, source, asking)));
    } catch (error) {
      throw upstreamFault(error, source.metadata);
    }
  }

  /** What somebody else is asking for; undefined if nobody is, or nothing came of it that says anything of the endpoint. */
  async #joined(key: string): Promise<FetchedModels | undefined> {
    try {
      return await this.#asking.get(key);
    } catch (error) {
      if (error instanceof UpstreamFailure) throw error;
      return undefined;
    }
  }

  async #begin(key: string, asking: Promise<FetchedModels>): Promise<FetchedModels> {
    this.#asking.set(key, asking);
    try {
      const fetched = await asking;
      this.#held.set(key, fetched);
      return fetched;
    } finally {
      if (this.#asking.get(key) === asking) this.#asking.delete(key);
    }
  }

  async #ask(scope: Scope, source: ListSource, { admit, record }: Asking): Promise<FetchedModels> {
    await admit?.();
    const list = await this.#upstreams.models(await source.connect(record), scope.signal, scope.watch);
    return { ...list, fetchedAt: Date.now() };
  }
}

/** A model, by its name at an endpoint of some type, and by the names that the model catalog has for it. */
export interface ModelName {
  readonly providerType: ProviderType;
  readonly name: string;
  readonly catalogNames: readonly string[];
}

/**
 * The entry of a list that is a model, if there is one. It is the same model if the names are the same, or if
 * - Ollama has it as `name:latest`, which can be left out;
 * - OpenRouter has it without `:nitro`, `:floor`, `:exacto` or `:online`, which any model takes and no list has; others,
 *   such as `:free`, are models of their own, and listed;
 * - LiteLLM has a pattern that it fits, such as `openai/*`, which serves whatever there is;
 * - the list or the model catalog says that one name is another one's alias.
 */
export function findServed(models: readonly ServedModel[], model: ModelName): ServedModel | undefined {
  const names = new Set(namesOf(model));
  return (
    models.find(({ id }) => id === model.name) ??
    models.find(({ id, aliases }) => names.has(id) || aliases.some((alias) => names.has(alias))) ??
    models.find(({ id }) => isPattern(id) && fits(id, model.name))
  );
}

/** Whether an entry stands for more than one model, and so says nothing of any. */
export function isPattern(id: string): boolean {
  return id.includes("*");
}

function namesOf({ providerType, name, catalogNames }: ModelName): string[] {
  return [name, ...catalogNames, ...variantsOf(providerType, name)];
}

function variantsOf(providerType: ProviderType, name: string): string[] {
  if (providerType === "OLLAMA") return name.includes(":") ? [name.replace(/:latest$/, "")] : [`${name}:latest`];
  if (providerType === "OPEN_ROUTER") return [name.replace(/:(nitro|floor|exacto|online)$/, "")];
  return [];
}

/** Piece by piece and not by a regular expression, which an endpoint could make take for ever. */
function fits(pattern: string, name: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop() ?? "";
  if (!name.startsWith(first)) return false;
  let position = first.length;
  for (const piece of rest) {
    const found = name.indexOf(piece, position);
    if (found < 0) return false;
    position = found + piece.length;
  }
  return name.length - last.length >= position && name.endsWith(last);
}
