import { Fault, invalidField } from "../../base/fault.ts";
import type { RowCache } from "../../store/cache/row-cache.ts";
import { countLlms, listLlms } from "../../store/queries/llm-list.ts";
import { findLlm, findLlms, holdLlm, insertLlm, lockLlm, pointDefaultAt } from "../../store/queries/llms.ts";
import { scheduleChecks } from "../../store/queries/schedules.ts";
import type { Llm } from "../../store/schema/llm.entity.ts";
import type { Provider } from "../../store/schema/provider.entity.ts";
import { type EntityManager, type Store, violates } from "../../store/store.ts";
import type { Vault } from "../../store/vault/vault.ts";
import type { Egress } from "../../upstream/egress/egress.ts";
import { providerTypeOf } from "../../upstream/models/provider-types.ts";
import { recordOf } from "../call/audit-record.ts";
import { allowedRows } from "../call/holder-limits.ts";
import { byProperty, type Page, propertyPosition, readPage } from "../call/paging.ts";
import { missing, onceCommitted, reach, requirePermission, requireReach, type Scope } from "../call/scope.ts";
import type { Notice } from "../connections/notice.ts";
import type { SecretRefs } from "../connections/secret-refs.ts";
import { requireMayPrice, requireMayReprice } from "../limits/price-rule.ts";
import { lookUpModel } from "../models/catalog.ts";
import { nameTaken } from "../names/taken.ts";
import type { LlmChange, LlmDraft } from "./change.ts";
import { applyChange } from "./change.ts";
import { composeLlm, requestDigestOf } from "./create.ts";
import { noticesOf } from "./notices.ts";
import type { LlmTargets } from "./targets.ts";
import { holdAmong, settleDraft } from "./through-provider.ts";
import { duplicate, idTaken, listKeyOf, notFound, type Query, recordChange, requireEtag } from "./values.ts";

const MAX_COUNTED = 10_000;
/** How many are held in memory to be shown. */
const MAX_SHOWN = 1_000;

/** An Llm that was written, and what its owner may want to know of it. */
export interface Written {
  readonly llm: Llm;
  readonly notices: readonly Notice[];
}

interface Deps {
  readonly store: Store;
  readonly vault: Vault;
  readonly egress: Egress;
  readonly targets: LlmTargets;
  readonly secretRefs: SecretRefs;
}

/** The registry's rules. */
export class Llms {
  readonly #store: Store;
  readonly #vault: Vault;
  readonly #egress: Egress;
  readonly #targets: LlmTargets;
  readonly #secretRefs: SecretRefs;
  readonly #shown: RowCache<Readonly<Llm>>;

  constructor({ store, vault, egress, targets, secretRefs }: Deps) {
    this.#store = store;
    // Whether one is the default stands with its account.
    const parts = { clearedBy: ["account"], alsoOf: ["llm_shown"], restless: "llm_total" };
    this.#shown = store.cache("llm", { max: MAX_SHOWN, ...parts });
    this.#targets = targets;
    this.#vault = vault;
    this.#egress = egress;
    this.#secretRefs = secretRefs;
  }

  /** The index, not a prior read, decides whether the connection is new. */
  async create(scope: Scope, asked: LlmDraft): Promise<Written> {
    const ownerId = asked.ownerId || scope.caller.accountId;
    requireReach(scope, ownerId, "CREATE_LLM_OWN");
    requireMayPrice(scope.caller, asked.price);
    const draft = await settleDraft(scope.em, asked, ownerId);
    const facts = await lookUpModel(draft.providerType, draft.modelIdentifier);
    const deps = { vault: this.#vault, egress: this.#egress, secretRefs: this.#secretRefs };
    const requestDigest = requestDigestOf(this.#vault, asked, ownerId);
    const llm = await composeLlm(deps, scope, draft, { ownerId, facts, requestDigest });
    const record = recordOf(scope, { action: "llm.create", resourceId: llm.id, ownerId });
    const insert = async (em: EntityManager) => {
      // It may have moved since the draft was settled; from here on it does not.
      if (draft.providerId) llm.endpointUrl = (await holdAmong(em, ownerId, draft.providerId)).endpointUrl;
      await insertLlm(em, llm, record);
    };
    // One statement is a transaction by itself; within another one it has to be one that can fail by itself.
    const isAlone = !draft.providerId && !scope.em.isInTransaction();
    try {
      await (isAlone ? insert(scope.em) : scope.em.transactional(insert));
    } catch (error) {
      if (violates(error, "llm_pkey")) throw await idTaken(scope, llm, error);
      if (violates(error, "llm_owner_connection_key")) throw await duplicate(scope, llm, error);
      if (violates(error, "alias_pkey")) throw await nameTaken(scope, llm.owner, llm.alias, error);
      if (violates(error, "llm_owner_fkey")) throw invalidField("owner_id", "must be the id of an account");
      throw error;
    }
    return { llm, notices: noticesOf(llm, facts) };
  }

  /** One of them; what is not deleted is held in memory until anything of it changes. */
  async get(scope: Scope, llmId: string, { withDeleted = false } = {}): Promise<Readonly<Llm>> {
    const owner = visible(scope, withDeleted);
    const llm = withDeleted
      ? await findLlm(scope.em, llmId, owner, { withDeleted })
      : await this.#shown.get(llmId, () => this.#store.hot.llm(llmId, owner));
    if (!llm || (owner !== undefined && llm.owner !== owner)) throw notFound(llmId);
    return llm;
  }

  /** To be called when something is committed that may have changed what is shown of any of them. */
  forgetShown(): void {
    this.#shown.clear();
  }

  /** All of them, in the order of their ids, or none. */
  async getAll(scope: Scope, llmIds: readonly string[]): Promise<Readonly<Llm>[]> {
    const found = await findLlms(this.#store.rows, llmIds, visible(scope, false));
    const byId = new Map(found.map((llm) => [llm.id, llm]));
    return llmIds.map((llmId) => {
      const llm = byId.get(llmId);
      if (!llm) throw notFound(llmId);
      return llm;
    });
  }

  async list(scope: Scope, asked: Query, pageSize: number, pageToken: string): Promise<Page<Readonly<Llm>>> {
    const query = this.#allowed(scope, asked);
    const ask = { key: listKeyOf(query), pageSize, pageToken };
    const list = (position: readonly string[] | undefined, limit: number) =>
      listLlms(this.#store.listRows, { ...query, after: propertyPosition(position), limit });
    return readPage(this.#vault, ask, list, byProperty(query.order));
  }

  /** How many a list has on all its pages; MAX_COUNTED stands for that or more. */
  count(scope: Scope, asked: Query): Promise<number> {
    return countLlms(this.#store.listRows, this.#allowed(scope, asked).filter, MAX_COUNTED);
  }

  /** One transaction over the locked row: of two changes at once, the second is made to what the first left. */
  async update(scope: Scope, llmId: string, change: LlmChange): Promise<Written> {
    const reachable = reach(scope, "UPDATE_LLM_OWN");
    const locked: { llm?: Llm } = {};
    try {
      const written = await scope.em.transactional(async (em) => {
        const provider = await this.#providerOf(em, llmId, reachable, change.providerId);
        const llm = await lockLlm(em, llmId, reachable);
        if (!llm) throw notFound(llmId);
        locked.llm = llm;
        requireEtag(llm, change.etag);
        requireMayReprice(scope.caller, llm, { ...change, providerId: provider === null ? null : provider?.id });
        const model = await lookUpModel(providerTypeOf(llm), change.modelIdentifier ?? llm.modelIdentifier);
        const deps = { vault: this.#vault, egress: this.#egress, secretRefs: this.#secretRefs };
        const before = checkedOf(llm);
        await applyChange({ ...deps, em, facts: model, provider }, llm, change);
        llm.updatedAt = new Date();
        llm.updatedBy = scope.caller.accountId;
        await em.flush();
        if (checkedOf(llm) !== before) await scheduleChecks(em, llm.id, llm.disabled ? 0 : llm.checkIntervalSeconds);
        const { etag: _, echoes: __, ...changed } = change;
        const fields = Object.entries(changed).flatMap(([name, value]) => (value === undefined ? [] : [name]));
        const facts = { fields: fields.join(",") };
        await recordChange(scope, em, llm, { kind: "updated", action: "llm.update", facts });
        return { llm, notices: noticesOf(llm, model) };
      });
      onceCommitted(scope, () => this.#targets.forget(written.llm));
      return written;
    } catch (error) {
      if (locked.llm && violates(error, "alias_pkey")) {
        throw await nameTaken(scope, locked.llm.owner, locked.llm.alias, error);
      }
      if (!violates(error, "llm_owner_connection_key")) throw error;
      throw new Fault(
        "LLM_DUPLICATE",
        "the owner has another Llm with the connection that this one would have; use or delete that one first",
        {},
        error,
      );
    }
  }

  /** The Llm is held, so that it is not deleted meanwhile, and before its account, as whoever deletes it does. */
  async setDefault(scope: Scope, llmId: string): Promise<Llm> {
    const chosen = await scope.em.transactional(async (em) => {
      const llm = await holdLlm(em, llmId, reach(scope, "SET_DEFAULT_LLM_OWN"));
      if (!llm) throw notFound(llmId);
      await pointDefaultAt(em, llm);
      llm.isDefault = true;
      await recordChange(scope, em, llm, { kind: "default_changed", action: "llm.setDefault" });
      return llm;
    });
    onceCommitted(scope, () => this.#targets.forget(chosen));
    return chosen;
  }

  /** The query, about nothing but what the caller may see. */
  #allowed(scope: Scope, asked: Query): Query {
    const { filter } = asked;
    if (filter.ownerId !== undefined) requireReach(scope, filter.ownerId, "READ_LLM_OWN");
    const seen = visible(scope, filter.showDeleted);
    if (filter.ownerId !== undefined && seen !== undefined && filter.ownerId !== seen) {
      throw missing("DELETE_LLM_ANY");
    }
    const allowed = allowedRows(scope.caller);
    return { ...asked, filter: { ...filter, ownerId: filter.ownerId ?? seen, allowed } };
  }

  /** The Provider that a change names, held: before the Llm is locked, as whoever changes a Provider goes on to its Llms. */
  async #providerOf(
    em: EntityManager,
    llmId: string,
    reachable: string | undefined,
    named: LlmChange["providerId"],
  ): Promise<Provider | null | undefined> {
    if (!named) return named as null | undefined;
    const llm = await this.#store.hot.llm(llmId, reachable);
    if (!llm) throw notFound(llmId);
    return holdAmong(em, llm.owner, named);
  }
}

/** What decides when an Llm is checked: once any of it changes, it is checked at once. */
function checkedOf({ disabled, checkIntervalSeconds, connectionDigest }: Llm): string {
  return `${disabled} ${checkIntervalSeconds} ${connectionDigest.toString("base64")}`;
}

/** Whose Llms the caller sees; of what is deleted, who may delete. */
function visible(scope: Scope, showDeleted: boolean): string | undefined {
  const reachable = reach(scope, "READ_LLM_OWN");
  if (!showDeleted) return reachable;
  requirePermission(scope, "DELETE_LLM_OWN");
  return reachable ?? reach(scope, "DELETE_LLM_OWN");
}
