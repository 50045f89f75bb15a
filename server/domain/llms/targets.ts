import { Fault } from "../../base/fault.ts";
import type { RowCache } from "../../store/cache/row-cache.ts";
import type { Llm } from "../../store/schema/llm.entity.ts";
import type { EntityManager, Store } from "../../store/store.ts";
import type { Vault } from "../../store/vault/vault.ts";
import { UpstreamFailure } from "../../upstream/models/failure.ts";
import type { ApiKeyHeader, Target } from "../../upstream/models/provider-types.ts";
import { reach, type Scope } from "../call/scope.ts";
import { configOf } from "../connections/client-config.ts";
import type { Credentials } from "../connections/credentials.ts";
import { apiKeyHeaderOf } from "../connections/credentials.ts";
import { SecretRef } from "../connections/secret-ref.ts";
import type { SecretRefs } from "../connections/secret-refs.ts";
import { useOf } from "./credentials.ts";
import { wayOf } from "./through-provider.ts";
import { notFound, providerTypeOf } from "./values.ts";

/** An Llm and how to reach it. */
export interface Line {
  readonly llm: Readonly<Llm>;
  readonly target: Target;
}

/** A line without its key, if that is kept elsewhere: it is not held here for longer than there. */
interface HeldLine extends Line {
  readonly keptElsewhere?: Credentials;
}

/** How many are held in memory, keys and all. */
const MOST_HELD = 10_000;

/** The lines of chats, held in memory until their rows change: a chat reads nothing before its endpoint is called. */
export class Lines {
  readonly #store: Store;
  readonly #vault: Vault;
  readonly #secretRefs: SecretRefs;
  readonly #held: RowCache<HeldLine>;
  readonly #defaults: RowCache<{ readonly id: string }>;

  constructor({ store, vault, secretRefs }: { store: Store; vault: Vault; secretRefs: SecretRefs }) {
    this.#store = store;
    this.#vault = vault;
    this.#secretRefs = secretRefs;
    this.#held = store.cache("llm", { max: MOST_HELD, clearedBy: ["budget"] });
    this.#defaults = store.cache("account", { max: MOST_HELD });
  }

  /** The line of an Llm that the caller may use; an empty id means the caller's default Llm. */
  async open(scope: Scope, llmId: string): Promise<Line> {
    const reachable = reach(scope, "USE_LLM_OWN");
    const id = llmId || (await this.#defaultId(scope.caller.accountId));
    const line = await this.#held.get(id, () => this.#load(scope.em, id, reachable));
    if (!line || (reachable !== undefined && line.llm.owner !== reachable)) throw notFound(id);
    if (!line.keptElsewhere) return line;
    const apiKey = await apiKeyHeaderOf(this.#secretRefs, line.keptElsewhere, useOf(line.llm), scope.signal);
    return { ...line, target: { ...line.target, apiKey } };
  }

  /** To be told of what a line failed with: a key that was refused is fetched anew by the next call. */
  heed(error: unknown, { keptElsewhere }: HeldLine): void {
    if (!(error instanceof UpstreamFailure) || error.kind !== "key-refused") return;
    if (keptElsewhere?.source instanceof SecretRef) this.#secretRefs.forget(keptElsewhere.source);
  }

  /** To be called when a change of an Llm, or of whether it is its owner's default, is committed. */
  forget({ id, owner }: Pick<Llm, "id" | "owner">): void {
    this.#held.forget(id);
    this.#defaults.forget(owner);
  }

  /** To be called when it is committed that an owner has a budget, or has none any more: Llms say so. */
  forgetAll(): void {
    this.#held.clear();
  }

  async #load(em: EntityManager, id: string, ownerId: string | undefined): Promise<HeldLine | undefined> {
    const stored = await this.#store.hot.llmForUse(id, ownerId);
    if (!stored) return undefined;
    const { endpointUrl, credentials } = await wayOf(this.#vault, em, stored);
    const llm = { ...stored, endpointUrl };
    if (!credentials) return { llm, target: targetOf(llm, undefined) };
    const { source, headerName, prefix } = credentials;
    if (source instanceof SecretRef) return { llm, target: targetOf(llm, undefined), keptElsewhere: credentials };
    return { llm, target: targetOf(llm, { secret: source, headerName, prefix }) };
  }

  async #defaultId(accountId: string): Promise<string> {
    const found = await this.#defaults.get(accountId, () => this.#store.hot.defaultLlm(accountId));
    if (found) return found.id;
    throw new Fault("DEFAULT_LLM_NOT_SET", "no llm_id was given and the account has no default Llm; see SetDefaultLlm");
  }
}

/** How to reach an Llm with a key. */
export function targetOf(llm: Readonly<Llm>, apiKey: ApiKeyHeader | undefined): Target {
  return {
    ownerId: llm.owner,
    providerType: providerTypeOf(llm),
    endpointUrl: llm.endpointUrl,
    apiPath: llm.apiPath,
    model: llm.modelIdentifier,
    apiKey,
    config: configOf(llm),
    takesSampling: llm.capabilities.supportsSamplingParameters,
  };
}
