import { Fault } from "../../base/fault.ts";
import type { Llm } from "../../store/llm.entity.ts";
import type { RowCache } from "../../store/row-cache.ts";
import type { EntityManager, Store } from "../../store/store.ts";
import type { Vault } from "../../store/vault/vault.ts";
import type { Target } from "../../upstream/target.ts";
import { reach, type Scope } from "../access/scope.ts";
import { openCredentials } from "../llms/credentials.ts";
import { notFound, providerTypeOf } from "../llms/llm-values.ts";

/** An Llm and how to reach it. */
export interface Line {
  readonly llm: Readonly<Llm>;
  readonly target: Target;
}

/** How many are held in memory, keys and all. */
const MOST_HELD = 10_000;

/** The lines of chats, held in memory until their rows change: a chat reads nothing before its endpoint is called. */
export class Lines {
  readonly #store: Store;
  readonly #vault: Vault;
  readonly #held: RowCache<Line>;
  readonly #defaults: RowCache<{ readonly id: string }>;

  constructor({ store, vault }: { store: Store; vault: Vault }) {
    this.#store = store;
    this.#vault = vault;
    this.#held = store.cache("llm", { max: MOST_HELD });
    this.#defaults = store.cache("account", { max: MOST_HELD });
  }

  /** The line of an Llm that the caller may use; an empty id means the caller's default Llm. */
  async open(scope: Scope, llmId: string): Promise<Line> {
    const reachable = reach(scope, "USE_LLM_OWN");
    const id = llmId || (await this.#defaultId(scope.caller.accountId));
    const line = await this.#held.get(id, () => this.#load(scope.em, id, reachable));
    if (!line || (reachable !== undefined && line.llm.owner !== reachable)) throw notFound(id);
    return line;
  }

  /** To be called when a change of an Llm, or of whether it is its owner's default, is committed. */
  forget({ id, owner }: Pick<Llm, "id" | "owner">): void {
    this.#held.forget(id);
    this.#defaults.forget(owner);
  }

  async #load(em: EntityManager, id: string, ownerId: string | undefined): Promise<Line | undefined> {
    const llm = await this.#store.hot.llmForUse(id, ownerId);
    return llm && { llm, target: await targetOf(this.#vault, em, llm) };
  }

  async #defaultId(accountId: string): Promise<string> {
    const found = await this.#defaults.get(accountId, () => this.#store.hot.defaultLlm(accountId));
    if (found) return found.id;
    throw new Fault("DEFAULT_LLM_NOT_SET", "no llm_id was given and the account has no default Llm; see SetDefaultLlm");
  }
}

/** How to reach an Llm that was loaded with its credentials. */
export async function targetOf(vault: Vault, em: EntityManager, llm: Readonly<Llm>): Promise<Target> {
  return {
    ownerId: llm.owner,
    providerType: providerTypeOf(llm),
    endpointUrl: llm.endpointUrl,
    apiPath: llm.apiPath,
    model: llm.modelIdentifier,
    apiKey: await openCredentials(vault, em, llm),
  };
}
