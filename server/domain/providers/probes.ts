import { findProvider, keepProviderTest } from "../../store/queries/providers.ts";
import type { StoredTest } from "../../store/schema/llm.entity.ts";
import type { Provider } from "../../store/schema/provider.entity.ts";
import type { Vault } from "../../store/vault/vault.ts";
import type { Vendor } from "../../upstream/calls/list.ts";
import { providerTypeOf } from "../../upstream/models/provider-types.ts";
import type { Upstreams } from "../../upstream/upstreams.ts";
import type { Limits } from "../access/limits.ts";
import { recordAudit } from "../call/audit-record.ts";
import type { OwnPermission } from "../call/permissions.ts";
import { holderOf, type Scope } from "../call/scope.ts";
import type { Credentials } from "../connections/credentials.ts";
import { vendorOf } from "../connections/credentials.ts";
import { statusAfter, testOfRefusedRef } from "../connections/faults.ts";
import { isRefusedRef, type SecretRefs } from "../connections/secret-refs.ts";
import type { FetchedModels, ListSource, ModelLists } from "../models/lists.ts";
import { credentialsOf, keyOf, type ProviderRef, providerNotFound, useOf } from "./values.ts";

interface Deps {
  readonly limits: Limits;
  readonly vault: Vault;
  readonly upstreams: Upstreams;
  readonly secretRefs: SecretRefs;
  readonly lists: ModelLists;
}

/** What can be asked of the vendors behind Providers. */
export class Vendors {
  readonly #limits: Limits;
  readonly #vault: Vault;
  readonly #upstreams: Upstreams;
  readonly #secretRefs: SecretRefs;
  readonly #lists: ModelLists;

  constructor({ limits, vault, upstreams, secretRefs, lists }: Deps) {
    this.#secretRefs = secretRefs;
    this.#limits = limits;
    this.#vault = vault;
    this.#upstreams = upstreams;
    this.#lists = lists;
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
  async models(scope: Scope, ref: ProviderRef, maxAgeMs?: number): Promise<FetchedModels> {
    const provider = await find(scope, ref, "READ_PROVIDER_OWN");
    return this.#lists.get(scope, this.listSource(scope, provider), {
      maxAgeMs,
      admit: () => this.#limits.countTest(holderOf(scope.caller)),
      record: () => recordUse(scope, provider, "provider.listModels"),
    });
  }

  /** The vendor of a Provider that was loaded with its credentials, as it is asked for its models. */
  listSource(scope: Scope, provider: Provider): ListSource {
    const { id, credentialsVersion, endpointUrl } = provider;
    return {
      key: [id, credentialsVersion, endpointUrl],
      metadata: { providerId: id },
      connect: async (record) => {
        const credentials = await credentialsOf(this.#vault, scope.em, provider);
        await record();
        return this.#vendor(scope, provider, credentials);
      },
    };
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

  #vendor(scope: Scope, provider: Provider, credentials: Credentials | undefined): Promise<Vendor> {
    const { owner: ownerId, endpointUrl } = provider;
    const place = { ownerId, providerType: providerTypeOf(provider), endpointUrl };
    return vendorOf(this.#secretRefs, place, credentials, useOf(provider), scope.signal);
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
  return recordAudit(scope, scope.em, { action, resourceId, ownerId, facts });
}
