import { setTimeout as sleep } from "node:timers/promises";
import { invalidField } from "../../base/fault.ts";
import type { Llm, StoredTest } from "../../store/llm.entity.ts";
import { findLlm, keepTest } from "../../store/llm-queries.ts";
import type { Vault } from "../../store/vault/vault.ts";
import type { Egress } from "../../upstream/egress/egress.ts";
import { providers } from "../../upstream/providers.ts";
import type { ProviderType, Target } from "../../upstream/target.ts";
import type { Upstreams } from "../../upstream/upstreams.ts";
import type { Limits } from "../access/limits.ts";
import { holderOf, reach, type Scope } from "../access/scope.ts";
import { recordDeed } from "../audit/audit.ts";
import { targetOf } from "../chat/lines.ts";
import { connectionAfter } from "./apply-change.ts";
import { type CredentialsDraft, completeCredentials, endpointOrDefault } from "./draft.ts";
import { canonicalEndpoint } from "./endpoint.ts";
import { notFound, providerTypeOf } from "./llm-values.ts";

/** A connection as a caller describes it; empty and undefined values are left open. */
export interface ConnectionDraft {
  /** The Llm that the rest changes; empty: none. */
  readonly llmId: string;
  readonly providerType: ProviderType | undefined;
  readonly endpointUrl: string;
  readonly apiPath: string;
  readonly modelIdentifier: string;
  readonly credentials: CredentialsDraft | undefined;
}

interface Means {
  readonly limits: Limits;
  readonly vault: Vault;
  readonly egress: Egress;
  readonly upstreams: Upstreams;
}

/** Tests of connections: by the same path that chats take, so that a green test means a chat works. */
export class ConnectionTests {
  readonly #limits: Limits;
  readonly #vault: Vault;
  readonly #egress: Egress;
  readonly #upstreams: Upstreams;

  constructor({ limits, vault, egress, upstreams }: Means) {
    this.#limits = limits;
    this.#vault = vault;
    this.#egress = egress;
    this.#upstreams = upstreams;
  }

  /** Tests a registered Llm and keeps the result with it. */
  async testLlm(scope: Scope, llmId: string): Promise<StoredTest> {
    const llm = await this.#find(scope, llmId);
    await recordUse(scope, llm, "test");
    const test = await this.#run(scope, await targetOf(this.#vault, scope.em, llm));
    await keepTest(scope.em, llm, statusAfter(llm, test), test);
    return test;
  }

  /** Tests what is not registered, or an Llm with changes; nothing is kept. */
  async testConnection(scope: Scope, draft: ConnectionDraft): Promise<StoredTest> {
    const target = draft.llmId ? await this.#changedTarget(scope, draft) : newTarget(scope, draft);
    return this.#run(scope, target);
  }

  /** Tests a registered Llm over and over and keeps nothing: for measuring. The signal of the scope ends it. */
  async *ping(scope: Scope, llmId: string, count: number, intervalMs: number): AsyncGenerator<StoredTest> {
    const llm = await this.#find(scope, llmId);
    await recordUse(scope, llm, "ping");
    const target = await targetOf(this.#vault, scope.em, llm);
    for (let sent = 0; sent < count; sent++) {
      // The first one was counted when the call was admitted.
      if (sent > 0) await this.#limits.countTest(holderOf(scope.caller));
      const next = sleep(sent + 1 < count ? intervalMs : 0, undefined, { signal: scope.signal });
      next.catch(() => {}); // It is awaited below, if we get that far.
      yield await this.#run(scope, target);
      await next;
    }
  }

  async #run(scope: Scope, target: Target): Promise<StoredTest> {
    const result = await this.#upstreams.test(target, scope.signal, scope.watch);
    return { ...result, testedAt: Date.now() };
  }

  async #changedTarget(scope: Scope, draft: ConnectionDraft): Promise<Target> {
    const llm = await this.#find(scope, draft.llmId);
    const providerType = providerTypeOf(llm);
    if (draft.providerType !== undefined && draft.providerType !== providerType) {
      throw invalidField("provider_type", `of this Llm is ${providerType}, and never changes`);
    }
    const { endpointUrl, apiPath, key } = connectionAfter(this.#egress, llm, {
      endpointUrl: draft.endpointUrl || undefined,
      apiPath: draft.apiPath || undefined,
      credentials: draft.credentials,
    });
    if (key === undefined) await recordUse(scope, llm, "test");
    const apiKey = key === undefined ? (await targetOf(this.#vault, scope.em, llm)).apiKey : (key ?? undefined);
    const model = draft.modelIdentifier || llm.modelIdentifier;
    return { ownerId: llm.owner, providerType, endpointUrl, apiPath, model, apiKey };
  }

  async #find(scope: Scope, llmId: string): Promise<Llm> {
    const llm = await findLlm(scope.em, llmId, reach(scope, "TEST_LLM_OWN"), { withCredentials: true });
    if (!llm) throw notFound(llmId);
    return llm;
  }
}

/** A blocked address is not refused here: that it is blocked is the result of the test. */
function newTarget(scope: Scope, draft: ConnectionDraft): Target {
  const { providerType } = draft;
  if (!providerType) throw invalidField("provider_type", "is required without an llm_id");
  return {
    ownerId: scope.caller.accountId,
    providerType,
    endpointUrl: canonicalEndpoint(endpointOrDefault(draft.endpointUrl, providerType), "endpoint_url"),
    apiPath: draft.apiPath || providers[providerType].defaultApiPath,
    model: draft.modelIdentifier,
    apiKey: draft.credentials && completeCredentials(draft.credentials, providerType),
  };
}

/** Before the stored key is sent anywhere: what is not written down does not happen. */
function recordUse(scope: Scope, llm: Llm, purpose: "test" | "ping"): Promise<void> {
  const facts = { purpose, usesSecret: String(llm.hasCredentials) };
  return recordDeed(scope, scope.em, { action: "llm.test", resourceId: llm.id, ownerId: llm.owner, facts });
}

/** A test that proved nothing changes nothing. */
function statusAfter(llm: Llm, test: StoredTest): string {
  if (test.outcome === "OK") return "ACTIVE";
  if (test.outcome !== "INCONCLUSIVE" && test.outcome !== "RATE_LIMITED") return "FAILING";
  // That its credentials opened is proven.
  return llm.status === "CREDENTIALS_UNREADABLE" ? "UNTESTED" : llm.status;
}
