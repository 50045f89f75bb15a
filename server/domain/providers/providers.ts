import { randomUUID } from "node:crypto";
import { Fault, invalidField } from "../../base/fault.ts";
import { plural } from "../../base/plural.ts";
import {
  countProviders,
  findProvider,
  listProviders,
  lockDeletedUsers,
  lockProvider,
  type ProviderFilter,
  type ProviderKey,
  type ProviderOrder,
  renewLlmsOf,
  usersOf,
} from "../../store/queries/providers.ts";
import type { Llm } from "../../store/schema/llm.entity.ts";
import { Provider } from "../../store/schema/provider.entity.ts";
import type { RowReader } from "../../store/sql/rows.ts";
import { type EntityManager, violates } from "../../store/store.ts";
import type { Vault } from "../../store/vault/vault.ts";
import type { Egress } from "../../upstream/egress/egress.ts";
import { recordAudit } from "../call/audit-record.ts";
import { byProperty, type Page, propertyPosition, readPage } from "../call/paging.ts";
import { anyOf } from "../call/permissions.ts";
import { freshFork, missing, onceCommitted, reach, requireReach, type Scope } from "../call/scope.ts";
import type { Notice } from "../connections/notice.ts";
import type { SecretRefs } from "../connections/secret-refs.ts";
import type { ProviderChange } from "./change.ts";
import { allowedEndpointUrl, applyChange, noticesOf } from "./change.ts";
import { keyOf, type ProviderRef, providerNotFound, requireEtag, usualTypeOf } from "./values.ts";

/** A Provider that was made or changed. */
export interface Upserted {
  readonly provider: Provider;
  readonly isNew: boolean;
  readonly notices: readonly Notice[];
}

/** Which Providers, in which order, and how many of them to leave out. */
export interface ProviderQuery {
  readonly filter: ProviderFilter;
  readonly order: ProviderOrder;
  readonly descending: boolean;
  readonly offset: number;
}

export interface ProviderList extends Page<Readonly<Provider>> {
  /** Undefined unless it was asked for. */
  readonly totalSize: number | undefined;
}

/** Whoever makes a Provider may find it made; whoever changes it, deleted. Each time somebody else has got further. */
const MAX_ATTEMPTS = 5;
const MAX_COUNTED = 10_000;
/** Of those that use a Provider, so many are named. */
const MAX_NAMED = 15;

/** What becomes of the Llms that use a Provider; domain/llms knows. */
export interface ProviderUsers {
  /** Takes its Provider from an Llm. */
  leaveProvider(llm: Llm): void;
  /** To be called once it is committed that an Llm is reached otherwise than before. */
  forget(llm: Pick<Llm, "id" | "owner">): void;
}

interface Deps {
  readonly rows: RowReader;
  readonly vault: Vault;
  readonly egress: Egress;
  readonly secretRefs: SecretRefs;
  readonly users: ProviderUsers;
}

/** Providers: what Llms share. */
export class Providers {
  readonly #rows: RowReader;
  readonly #vault: Vault;
  readonly #egress: Egress;
  readonly #secretRefs: SecretRefs;
  readonly #users: ProviderUsers;

  constructor({ rows, vault, egress, secretRefs, users }: Deps) {
    this.#rows = rows;
    this.#secretRefs = secretRefs;
    this.#vault = vault;
    this.#egress = egress;
    this.#users = users;
  }

  /** Of any number that make the same one at once, the index lets one; the others change what it made. */
  async upsert(scope: Scope, ref: ProviderRef, change: ProviderChange): Promise<Upserted> {
    const key = keyOf(scope, ref, "UPDATE_PROVIDER_OWN");
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#tryUpsert(scope, key, change);
      } catch (error) {
        if (violates(error, "provider_owner_fkey")) throw invalidField("owner_id", "must be the id of an account");
        if (!violates(error, "provider_owner_name_key") || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  }

  async get(scope: Scope, ref: ProviderRef): Promise<Provider> {
    const provider = await findProvider(scope.em, keyOf(scope, ref, "READ_PROVIDER_OWN"));
    if (!provider) throw providerNotFound(ref.name);
    return provider;
  }

  async list(
    scope: Scope,
    asked: ProviderQuery,
    pageSize: number,
    pageToken: string,
    countsAll: boolean,
  ): Promise<ProviderList> {
    if (asked.filter.ownerId !== undefined) requireReach(scope, asked.filter.ownerId, "READ_PROVIDER_OWN");
    const filter = { ...asked.filter, ownerId: asked.filter.ownerId ?? reach(scope, "READ_PROVIDER_OWN") };
    const { order, descending, offset } = asked;
    const key = ["providers", filter.ownerId, filter.providerType, filter.search, order, descending];
    const list = (position: readonly string[] | undefined, limit: number) =>
      listProviders(this.#rows, { filter, order, descending, after: propertyPosition(position), offset, limit });
    const page = await readPage(this.#vault, { key, pageSize, pageToken }, list, byProperty(order));
    return { ...page, totalSize: countsAll ? await countProviders(this.#rows, filter, MAX_COUNTED) : undefined };
  }

  /** The foreign key decides whether it is in use. Llms that are deleted let go of it, so that they can be brought back. */
  async delete(scope: Scope, ref: ProviderRef, etag: string): Promise<void> {
    const key = keyOf(scope, ref, "DELETE_PROVIDER_OWN");
    const found: { provider?: Provider } = {};
    try {
      await scope.em.transactional(async (em) => {
        const provider = await lockProvider(em, key);
        if (!provider) throw providerNotFound(ref.name);
        found.provider = provider;
        requireEtag(provider, etag);
        for (const llm of await lockDeletedUsers(em, provider.id)) this.#users.leaveProvider(llm);
        await em.flush();
        await em.remove(provider).flush();
        const facts = { name: provider.name };
        await recordAudit(scope, em, {
          action: "provider.delete",
          resourceId: provider.id,
          ownerId: provider.owner,
          facts,
        });
      });
    } catch (error) {
      if (!found.provider || !violates(error, "llm_provider_fkey")) throw error;
      throw await inUse(scope, found.provider, error);
    }
  }

  async #tryUpsert(scope: Scope, key: ProviderKey, change: ProviderChange): Promise<Upserted> {
    const { renewed, ...upserted } = await scope.em.transactional(async (em) => {
      const stored = await lockProvider(em, key);
      if (stored) requireEtag(stored, change.etag);
      const provider = stored ?? this.#compose(scope, em, key, change);
      const deps = { vault: this.#vault, egress: this.#egress, secretRefs: this.#secretRefs, em };
      const isOther = await applyChange(deps, provider, change);
      provider.updatedAt = new Date();
      provider.updatedBy = scope.caller.accountId;
      await em.flush();
      const renewed = stored && isOther ? await renewLlmsOf(em, provider) : [];
      await recordAudit(scope, em, {
        action: stored ? "provider.update" : "provider.create",
        resourceId: provider.id,
        ownerId: provider.owner,
        facts: { name: provider.name, fields: fieldsOf(change) },
      });
      return { provider, isNew: !stored, notices: noticesOf(provider), renewed };
    });
    onceCommitted(scope, () => {
      for (const llm of renewed) this.#users.forget(llm);
    });
    return upserted;
  }

  /** A new one, as it is before anything is said of it. */
  #compose(scope: Scope, em: EntityManager, key: ProviderKey, change: ProviderChange): Provider {
    if ("id" in key) throw providerNotFound(key.id);
    const { name, ownerId } = key;
    if (change.etag !== "") throw providerNotFound(name);
    requireCreation(scope, ownerId);
    const providerType = change.providerType ?? usualTypeOf(name);
    const now = new Date();
    const provider = em.create(Provider, {
      id: randomUUID(),
      owner: ownerId,
      name,
      displayName: name,
      providerType,
      endpointUrl: allowedEndpointUrl(this.#egress, change.endpointUrl ?? "", providerType),
      metadata: {},
      sealedCredentials: null,
      credentialsVersion: 0,
      hasCredentials: false,
      credentialsHint: "",
      credentialsRef: "",
      status: "UNTESTED",
      lastTest: null,
      createdAt: now,
      updatedAt: now,
      createdBy: scope.caller.accountId,
      updatedBy: scope.caller.accountId,
    });
    em.persist(provider);
    return provider;
  }
}

/** The rpc asks for the permission to change, as it mostly does; to make one takes another. */
function requireCreation(scope: Scope, ownerId: string): void {
  const own = "CREATE_PROVIDER_OWN";
  const { permissions } = scope.caller;
  if (!permissions.has(own) && !permissions.has(anyOf(own))) throw missing(own);
  requireReach(scope, ownerId, own);
}

function fieldsOf(change: ProviderChange): string {
  const names = Object.keys(change) as (keyof ProviderChange)[];
  return names.filter((name) => name !== "etag" && change[name] !== undefined).join(",");
}

async function inUse(scope: Scope, provider: Provider, cause: unknown): Promise<Fault> {
  const { llms, count } = await usersOf(freshFork(scope), provider.id, MAX_NAMED);
  const reachable = reach(scope, "READ_LLM_OWN");
  const seen = reachable === undefined || reachable === provider.owner ? llms : [];
  const names = seen.map(({ id, displayName }) => `${displayName} (${id})`).join(", ");
  const more = count > seen.length && seen.length > 0 ? ` and ${count - seen.length} more` : "";
  return new Fault(
    "PROVIDER_IN_USE",
    `provider ${provider.name} is used by ${names ? names + more : plural(count, "Llm")}; nothing was deleted`,
    { metadata: { providerId: provider.id, llmCount: String(count), llmIds: seen.map(({ id }) => id).join(",") } },
    cause,
  );
}
