import type { RowCache } from "../../store/cache/row-cache.ts";
import type { Llm, StoredPatience } from "../../store/schema/llm.entity.ts";
import type { EntityManager, Store } from "../../store/store.ts";
import type { Vault } from "../../store/vault/vault.ts";
import { UpstreamFailure } from "../../upstream/models/failure.ts";
import type { Patience } from "../../upstream/models/patience.ts";
import type { ApiKeyHeader, Target } from "../../upstream/models/provider-types.ts";
import { providerTypeOf } from "../../upstream/models/provider-types.ts";
import { mayUse, type Nameable } from "../call/holder-limits.ts";
import { reach, type Scope } from "../call/scope.ts";
import { configOf } from "../connections/client-config.ts";
import type { Credentials } from "../connections/credentials.ts";
import { apiKeyHeaderOf } from "../connections/credentials.ts";
import { SecretRef } from "../connections/secret-ref.ts";
import type { SecretRefs } from "../connections/secret-refs.ts";
import { defaultNotSet } from "../names/llm-names.ts";
import { notAllowed } from "../names/not-allowed.ts";
import { useOf } from "./credentials.ts";
import { connectionOf } from "./through-provider.ts";
import { notFound } from "./values.ts";

/** An Llm and how to reach it. */
export interface ResolvedLlm {
  readonly llm: Readonly<Llm>;
  readonly target: Target;
}

/** A resolved Llm without its key, if that is kept elsewhere: it is not held here for longer than there. */
interface CachedLlm extends ResolvedLlm {
  readonly keptElsewhere?: Credentials;
}

/** How many are held in memory, keys and all. */
const MAX_HELD = 10_000;

/** Where chats go: Llms with endpoint and key, held in memory until their rows change: a chat reads nothing before its endpoint is called. */
export class LlmTargets {
  readonly #store: Store;
  readonly #vault: Vault;
  readonly #secretRefs: SecretRefs;
  readonly #held: RowCache<CachedLlm>;
  readonly #defaults: RowCache<{ readonly id: string }>;

  constructor({ store, vault, secretRefs }: { store: Store; vault: Vault; secretRefs: SecretRefs }) {
    this.#store = store;
    this.#vault = vault;
    this.#secretRefs = secretRefs;
    this.#held = store.cache("llm", { max: MAX_HELD, clearedBy: ["budget"] });
    this.#defaults = store.cache("account", { max: MAX_HELD });
  }

  /**
   * How to reach an Llm that the caller may use; an empty id means the caller's default Llm. One that a route has chosen may be
   * used by whoever may use the route.
   */
  async open(scope: Scope, llmId: string, { isChosen = false } = {}): Promise<ResolvedLlm> {
    const reachable = reach(scope, "USE_LLM_OWN");
    const id = llmId || (await this.#defaultId(scope.caller.accountId));
    const resolved = await this.#held.get(id, () => this.#load(scope.em, id, reachable));
    if (!resolved || (reachable !== undefined && resolved.llm.owner !== reachable)) throw notFound(id);
    if (!isChosen && scope.caller.limits && !mayUse(scope.caller, nameableOf(resolved.llm))) {
      // What is named is looked at where its name is: this one was not.
      throw await notAllowed(this.#store.fork(), scope.caller, { name: undefined });
    }
    if (!resolved.keptElsewhere) return resolved;
    const apiKey = await apiKeyHeaderOf(this.#secretRefs, resolved.keptElsewhere, useOf(resolved.llm), scope.signal);
    return { ...resolved, target: { ...resolved.target, apiKey } };
  }

  /** Whether it is known without asking that an id is an Llm's. */
  isHeld(id: string): boolean {
    return this.#held.has(id);
  }

  /** To be told of what a chat with the Llm failed with: a key that was refused is fetched anew by the next call. */
  onFailure(error: unknown, { keptElsewhere }: CachedLlm): void {
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

  async #load(em: EntityManager, id: string, ownerId: string | undefined): Promise<CachedLlm | undefined> {
    const stored = await this.#store.hot.llmForUse(id, ownerId);
    if (!stored) return undefined;
    const { endpointUrl, credentials } = await connectionOf(this.#vault, em, stored).finally(() => {
      // From now on its status may say that its credentials do not open, or no more.
      this.#store.changes.announce("llm_shown", id);
    });
    const llm = { ...stored, endpointUrl };
    if (!credentials) return { llm, target: targetOf(llm, undefined) };
    const { source, headerName, prefix } = credentials;
    if (source instanceof SecretRef) return { llm, target: targetOf(llm, undefined), keptElsewhere: credentials };
    return { llm, target: targetOf(llm, { secret: source, headerName, prefix }) };
  }

  async #defaultId(accountId: string): Promise<string> {
    const found = await this.#defaults.get(accountId, () => this.#store.hot.defaultLlm(accountId));
    if (found) return found.id;
    throw defaultNotSet();
  }
}

/** What an Llm can be named by. */
export function nameableOf({ id, alias, owner }: Readonly<Llm>): Nameable {
  return { id, alias, owner };
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
    patience: patienceOf(llm.patience),
  };
}

/** How long endpoints are waited for; undefined: as the server does by itself. */
export function patienceOf(seconds: StoredPatience): Partial<Patience> | undefined {
  const { firstPieceSeconds: first, betweenPiecesSeconds: between, wholeSeconds: whole } = seconds;
  if (first === undefined && between === undefined && whole === undefined) return undefined;
  return {
    ...(first !== undefined && { firstPieceMs: first * 1_000 }),
    ...(between !== undefined && { betweenPiecesMs: between * 1_000 }),
    ...(whole !== undefined && { wholeMs: whole * 1_000 }),
  };
}
