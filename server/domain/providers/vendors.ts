import { LRUCache } from "lru-cache";
import type { StoredTest } from "../../store/llm.entity.ts";
import type { Provider } from "../../store/provider.entity.ts";
import { findProvider, keepProviderTest } from "../../store/provider-queries.ts";
import type { Vault } from "../../store/vault/vault.ts";
import type { ModelList, Vendor } from "../../upstream/model-list.ts";
import type { Upstreams } from "../../upstream/upstreams.ts";
import type { Limits } from "../access/limits.ts";
import type { OwnPermission } from "../access/permissions.ts";
import { holderOf, type Scope } from "../access/scope.ts";
import { recordDeed } from "../audit/audit.ts";
import { upstreamFault } from "../chat/refusal.ts";
import { apiKeyHeaderOf } from "../credentials/api-key-header.ts";
import type { Credentials } from "../credentials/credentials.ts";
import { SecretRef } from "../credentials/secret-ref.ts";
import { isRefusedRef, type SecretRefs } from "../credentials/secret-refs.ts";
import { testOfRefusedRef } from "../llms/refused-ref.ts";
import { credentialsOf, useOf } from "./credentials.ts";
import { keyOf, type ProviderRef, providerNotFound, providerTypeOf } from "./provider-values.ts";

/** The models of a Provider, and when its vendor was asked for them. */
export interface FetchedModels extends ModelList {
  readonly fetchedAt: number;
}

const HOUR_MS = 3_600_000;
/** How many models are held in memory, of all Providers together. */
const MOST_HELD = 100_000;

interface Means {
  readonly limits: Limits;
  readonly vault: Vault;
  readonly upstreams: Upstreams;
  readonly secretRefs: SecretRefs;
}

/** What can be asked of the vendors behind Providers. */
export class Vendors {
  readonly #limits: Limits;
  readonly #vault: Vault;
  readonly #upstreams: Upstreams;
  readonly #secretRefs: SecretRefs;
  readonly #held = new LRUCache<string, FetchedModels>({
    ttl: HOUR_MS,
    maxSize: MOST_HELD,
    sizeCalculation: ({ models }) => models.length + 1,
  });

  constructor({ limits, vault, upstreams, secretRefs }: Means) {
    this.#secretRefs = secretRefs;
    this.#limits = limits;
    this.#vault = vault;
    this.#upstreams = upstreams;
  }

  /** Tests the key of a Provider and keeps the result with it. */
  async test(scope: Scope, ref: ProviderRef): Promise<StoredTest> {
    const provider = await find(scope, ref, "TEST_PROVIDER_OWN");
    const credentials = await credentialsOf(this.#vault, scope.em, provider);
    await recordUse(scope, provider, "provider.test");
    const test = await this.#run(scope, provider, credentials);
    await keepProviderTest(scope.em, provider, statusAfter(provider, test), test);
    return test;
  }

  /** The models that its vendor serves, as they were at most so long ago. */
  async models(scope: Scope, ref: ProviderRef, maxAgeMs = HOUR_MS): Promise<FetchedModels> {
    const provider = await find(scope, ref, "READ_PROVIDER_OWN");
    const { id, credentialsVersion, endpointUrl } = provider;
    // What was fetched with another key or from another place is none of this.
    const key = JSON.stringify([id, credentialsVersion, endpointUrl]);
    const held = this.#held.get(key);
    if (held && Date.now() - held.fetchedAt < maxAgeMs) return held;
    await this.#limits.countTest(holderOf(scope.caller));
    const credentials = await credentialsOf(this.#vault, scope.em, provider);
    await recordUse(scope, provider, "provider.listModels");
    try {
      const vendor = await this.#vendor(scope, provider, credentials);
      const list = await this.#upstreams.models(vendor, scope.signal, scope.watch);
      const fetched = { ...list, fetchedAt: Date.now() };
      this.#held.set(key, fetched);
      return fetched;
    } catch (error) {
      throw upstreamFault(error, { providerId: id });
    }
  }

  /** A reference that gives no key is a result like others. */
  async #run(scope: Scope, provider: Provider, credentials: Credentials | undefined): Promise<StoredTest> {
    try {
      const vendor = await this.#vendor(scope, provider, credentials);
      const result = await this.#upstreams.testVendor(vendor, scope.signal, scope.watch);
      return { ...result, testedAt: Date.now() };
    } catch (error) {
      if (isRefusedRef(error)) return testOfRefusedRef(error);
      throw error;
    }
  }

  /** A key that is kept elsewhere is fetched anew, for whoever just changed it. */
  async #vendor(scope: Scope, provider: Provider, credentials: Credentials | undefined): Promise<Vendor> {
    if (credentials?.source instanceof SecretRef) this.#secretRefs.forget(credentials.source);
    return {
      ownerId: provider.owner,
      providerType: providerTypeOf(provider),
      endpointUrl: provider.endpointUrl,
      apiKey: credentials && (await apiKeyHeaderOf(this.#secretRefs, credentials, useOf(provider), scope.signal)),
    };
  }
}

async function find(scope: Scope, ref: ProviderRef, permission: OwnPermission): Promise<Provider> {
  const provider = await findProvider(scope.em, keyOf(scope, ref, permission), { withCredentials: true });
  if (!provider) throw providerNotFound(ref.name);
  return provider;
}

/** Before the stored key is sent anywhere: what is not written down does not happen. */
function recordUse(scope: Scope, provider: Provider, action: "provider.test" | "provider.listModels"): Promise<void> {
  const { id: resourceId, owner: ownerId, name } = provider;
  const facts = { name, usesSecret: String(provider.hasCredentials) };
  return recordDeed(scope, scope.em, { action, resourceId, ownerId, facts });
}

/** A test that proved nothing changes nothing. */
function statusAfter(provider: Provider, { outcome }: StoredTest): string {
  if (outcome === "OK") return "ACTIVE";
  if (outcome !== "INCONCLUSIVE" && outcome !== "RATE_LIMITED") return "FAILING";
  // That its credentials opened is proven.
  return provider.status === "CREDENTIALS_UNREADABLE" ? "UNTESTED" : provider.status;
}
