import { findLlm } from "../../store/queries/llms.ts";
import { findProvider } from "../../store/queries/providers.ts";
import type { Llm } from "../../store/schema/llm.entity.ts";
import type { Vault } from "../../store/vault/vault.ts";
import { providerTypeOf } from "../../upstream/models/provider-types.ts";
import type { Limits } from "../access/limits.ts";
import { recordAudit } from "../call/audit-record.ts";
import { holderOf, reach, type Scope } from "../call/scope.ts";
import { vendorOf } from "../connections/credentials.ts";
import type { SecretRefs } from "../connections/secret-refs.ts";
import type { FetchedModels, ListSource, ModelLists } from "../models/lists.ts";
import type { Vendors } from "../providers/probes.ts";
import { providerNotFound } from "../providers/values.ts";
import { openSlot, storedUse } from "./credentials.ts";
import { notFound } from "./values.ts";

interface Deps {
  readonly limits: Limits;
  readonly vault: Vault;
  readonly secretRefs: SecretRefs;
  readonly lists: ModelLists;
  readonly vendors: Vendors;
}

/** What the endpoints of Llms serve. */
export class LlmModels {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** The models that the endpoint of an Llm serves, or its Provider's, as they were at most so long ago. */
  async list(scope: Scope, llmId: string, maxAgeMs?: number): Promise<FetchedModels> {
    const llm = await findLlm(scope.em, llmId, reach(scope, "READ_LLM_OWN"), { withCredentials: true });
    if (!llm) throw notFound(llmId);
    return this.#deps.lists.get(scope, await this.#sourceOf(scope, llm), {
      maxAgeMs,
      admit: () => this.#deps.limits.countTest(holderOf(scope.caller)),
      record: () => recordUse(scope, llm, {}),
    });
  }

  /** The models that the endpoint of an Llm lists, which was loaded with its credentials; for our own sake, as nobody asked. */
  async look(scope: Scope, llm: Llm, maxAgeMs?: number): Promise<FetchedModels> {
    return this.#deps.lists.get(scope, await this.#sourceOf(scope, llm), {
      maxAgeMs,
      record: () => recordUse(scope, llm, { purpose: "modelList" }),
    });
  }

  async #sourceOf(scope: Scope, llm: Llm): Promise<ListSource> {
    const metadata = { llmId: llm.id };
    if (llm.provider) return { ...(await this.#providersSource(scope, llm.provider)), metadata };
    const { vault, secretRefs } = this.#deps;
    const { owner: ownerId, endpointUrl, credentialsFingerprint } = llm;
    const place = { ownerId, providerType: providerTypeOf(llm), endpointUrl };
    return {
      // The owner is in the fingerprint, too: what one is told is not passed on to another.
      key: [place, credentialsFingerprint.toString("base64")],
      metadata,
      connect: async (record) => {
        const credentials = await openSlot(vault, scope.em, llm);
        await record();
        // Not to the path of chats: a reference that may only go there is refused.
        const use = { ownerId, url: `${endpointUrl}/models` };
        return vendorOf(secretRefs, place, credentials, use, scope.signal);
      },
    };
  }

  async #providersSource(scope: Scope, id: string): Promise<ListSource> {
    const provider = await findProvider(scope.em, { id, ownerId: undefined }, { withCredentials: true });
    if (!provider) throw providerNotFound(id);
    return this.#deps.vendors.listSource(scope, provider);
  }
}

/** Before the stored key is sent anywhere: what is not written down does not happen. */
function recordUse(scope: Scope, llm: Llm, purpose: Readonly<Record<string, string>>): Promise<void> {
  const facts = { ...purpose, ...storedUse(llm) };
  return recordAudit(scope, scope.em, { action: "llm.listModels", resourceId: llm.id, ownerId: llm.owner, facts });
}
