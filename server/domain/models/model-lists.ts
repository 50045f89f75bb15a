import { LRUCache } from "lru-cache";
import { UpstreamFailure } from "../../upstream/failure.ts";
import type { ModelList, Vendor } from "../../upstream/model-list.ts";
import type { Upstreams } from "../../upstream/upstreams.ts";
import type { Scope } from "../access/scope.ts";
import { upstreamFault } from "../chat/refusal.ts";

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
const MOST_HELD = 100_000;

/** The lists of models that endpoints gave, held in memory: Llms and Providers that are the same connection share one. */
export class ModelLists {
  readonly #upstreams: Upstreams;
  readonly #asking = new Map<string, Promise<FetchedModels>>();
  readonly #held = new LRUCache<string, FetchedModels>({
    ttl: LONGEST_HELD_MS,
    maxSize: MOST_HELD,
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
