import { randomUUID } from "node:crypto";
import { Fault, invalidField } from "../../base/fault.ts";
import { Llm } from "../../store/llm.entity.ts";
import { findByConnection, findLlm, listLlms, lockLlm, pointDefaultAt } from "../../store/llm-queries.ts";
import { type Store, violates } from "../../store/store.ts";
import type { Vault } from "../../store/vault/vault.ts";
import type { Egress } from "../../upstream/egress/egress.ts";
import { providers } from "../../upstream/providers.ts";
import { reach, requireReach, type Scope } from "../access/scope.ts";
import { recordDeed } from "../audit/audit.ts";
import type { Lines } from "../chat/lines.ts";
import { fingerprintOf } from "../credentials/credentials.ts";
import { completeCredentials, describeDraft } from "../credentials/draft.ts";
import { requireRefAllowed, type SecretRefs } from "../credentials/secret-refs.ts";
import { setCurrent } from "../credentials/slots.ts";
import { limitOf, type Page, pageOf } from "../lists/page.ts";
import { makePageToken, readPageToken } from "../lists/page-token.ts";
import { lookUpModel, type ModelFacts } from "../models/catalog.ts";
import { inferModel } from "../models/inference.ts";
import { applyChange } from "./apply-change.ts";
import { digestOf, sealForLlm, useOf } from "./credentials.ts";
import { endpointOrDefault, type LlmChange, type LlmDraft } from "./draft.ts";
import { allowedApiPath, allowedEndpoint } from "./endpoint.ts";
import { listKeyOf, type Query } from "./list-query.ts";
import { notFound, providerTypeOf, requireEtag } from "./llm-values.ts";
import { type Notice, noticesOf } from "./notices.ts";

/** An Llm that was written, and what its owner may want to know of it. */
export interface Written {
  readonly llm: Llm;
  readonly notices: readonly Notice[];
}

interface Means {
  readonly store: Store;
  readonly vault: Vault;
  readonly egress: Egress;
  readonly lines: Lines;
  readonly secretRefs: SecretRefs;
}

/** The registry's rules. */
export class Llms {
  readonly #store: Store;
  readonly #vault: Vault;
  readonly #egress: Egress;
  readonly #lines: Lines;
  readonly #secretRefs: SecretRefs;

  constructor({ store, vault, egress, lines, secretRefs }: Means) {
    this.#store = store;
    this.#lines = lines;
    this.#vault = vault;
    this.#egress = egress;
    this.#secretRefs = secretRefs;
  }

  /** The index, not a prior read, decides whether the connection is new. */
  async create(scope: Scope, draft: LlmDraft): Promise<Written> {
    const ownerId = draft.ownerId || scope.caller.accountId;
    requireReach(scope, ownerId, "CREATE_LLM_OWN");
    const facts = await lookUpModel(draft.providerType, draft.modelIdentifier);
    const llm = await this.#compose(scope, draft, ownerId, facts);
    try {
      await scope.em.transactional(async (em) => {
        await em.persist(llm).flush();
        await recordDeed(scope, em, { action: "llm.create", resourceId: llm.id, ownerId });
      });
    } catch (error) {
      if (violates(error, "llm_pkey")) throw await this.#idTaken(scope, llm, error);
      if (violates(error, "llm_owner_connection_key")) throw await this.#duplicate(scope, llm, error);
      if (violates(error, "llm_owner_fkey")) throw invalidField("owner_id", "must be the id of an account");
      throw error;
    }
    return { llm, notices: noticesOf(llm, facts) };
  }

  async get(scope: Scope, llmId: string): Promise<Readonly<Llm>> {
    const llm = await this.#store.hot.llm(llmId, reach(scope, "READ_LLM_OWN"));
    if (!llm) throw notFound(llmId);
    return llm;
  }

  async list(scope: Scope, asked: Query, pageSize: number, pageToken: string): Promise<Page<Llm>> {
    if (asked.filter.ownerId !== undefined) requireReach(scope, asked.filter.ownerId, "READ_LLM_OWN");
    const ownerId = asked.filter.ownerId ?? reach(scope, "READ_LLM_OWN");
    const query = { ...asked, filter: { ...asked.filter, ownerId } };
    const limit = limitOf(pageSize);
    const key = listKeyOf(query);
    const [value, id] = readPageToken(this.#vault, key, pageToken) ?? [];
    const after = value === undefined || id === undefined ? undefined : { value, id };
    const llms = await listLlms(scope.em, { ...query, after, limit: limit + 1 });
    return pageOf(llms, limit, (last) => {
      const behind = last[query.order];
      return makePageToken(this.#vault, key, [behind instanceof Date ? behind.toISOString() : behind, last.id]);
    });
  }

  /** One transaction over the locked row: of two changes at once, the second is made to what the first left. */
  async update(scope: Scope, llmId: string, change: LlmChange): Promise<Written> {
    const reachable = reach(scope, "UPDATE_LLM_OWN");
    try {
      const written = await scope.em.transactional(async (em) => {
        const llm = await lockLlm(em, llmId, reachable);
        if (!llm) throw notFound(llmId);
        requireEtag(llm, change.etag);
        const model = await lookUpModel(providerTypeOf(llm), change.modelIdentifier ?? llm.modelIdentifier);
        const means = { vault: this.#vault, egress: this.#egress, secretRefs: this.#secretRefs };
        await applyChange({ ...means, em, facts: model }, llm, change);
        llm.updatedAt = new Date();
        llm.updatedBy = scope.caller.accountId;
        await em.flush();
        const fields = Object.keys(change).filter(
          (name) => name !== "etag" && change[name as keyof LlmChange] !== undefined,
        );
        const facts = { fields: fields.join(",") };
        await recordDeed(scope, em, { action: "llm.update", resourceId: llm.id, ownerId: llm.owner, facts });
        return { llm, notices: noticesOf(llm, model) };
      });
      this.#lines.forget(written.llm);
      return written;
    } catch (error) {
      if (!violates(error, "llm_owner_connection_key")) throw error;
      throw new Fault(
        "LLM_DUPLICATE",
        "the owner has another Llm with the connection that this one would have",
        {},
        error,
      );
    }
  }

  async delete(scope: Scope, llmId: string, etag: string): Promise<void> {
    const reachable = reach(scope, "DELETE_LLM_OWN");
    const deleted = await scope.em.transactional(async (em) => {
      const llm = await lockLlm(em, llmId, reachable);
      if (!llm) throw notFound(llmId);
      requireEtag(llm, etag);
      await em.remove(llm).flush();
      await recordDeed(scope, em, { action: "llm.delete", resourceId: llm.id, ownerId: llm.owner });
      return llm;
    });
    this.#lines.forget(deleted);
  }

  async setDefault(scope: Scope, llmId: string): Promise<Llm> {
    const llm = await findLlm(scope.em, llmId, reach(scope, "SET_DEFAULT_LLM_OWN"));
    if (!llm) throw notFound(llmId);
    try {
      await scope.em.transactional(async (em) => {
        await pointDefaultAt(em, llm);
        await recordDeed(scope, em, { action: "llm.setDefault", resourceId: llm.id, ownerId: llm.owner });
      });
    } catch (error) {
      if (violates(error, "account_default_llm_fkey")) throw notFound(llmId);
      throw error;
    }
    this.#lines.forget(llm);
    llm.isDefault = true;
    return llm;
  }

  async #compose(scope: Scope, draft: LlmDraft, ownerId: string, facts: ModelFacts | undefined): Promise<Llm> {
    const { providerType } = draft;
    const now = new Date();
    const credentials = draft.credentials && completeCredentials(draft.credentials, providerType);
    const endpointUrl = allowedEndpoint(
      this.#egress,
      endpointOrDefault(draft.endpointUrl, providerType),
      "endpoint_url",
    );
    const apiPath = allowedApiPath(this.#egress, endpointUrl, draft.apiPath || providers[providerType].defaultApiPath);
    const model = inferModel(draft, facts);
    const llm = scope.em.create(Llm, {
      id: draft.llmId || randomUUID(),
      owner: ownerId,
      displayName: draft.displayName,
      description: draft.description,
      providerType,
      endpointUrl,
      apiPath,
      modelIdentifier: draft.modelIdentifier,
      supportedModalities: [...model.supportedModalities],
      labels: draft.labels,
      version: draft.version,
      monitoringEndpoint: draft.monitoringEndpoint
        ? allowedEndpoint(this.#egress, draft.monitoringEndpoint, "monitoring_endpoint")
        : "",
      capabilities: model.capabilities,
      defaultSampling: draft.defaultSampling,
      maxContextLength: model.maxContextLength ?? null,
      clientConfig: draft.clientConfig ?? null,
      inferred: [...model.inferred],
      modelDeprecated: facts?.deprecation !== undefined,
      supportsWebSearch: facts?.supportsWebSearch ?? false,
      sealedCredentials: null,
      credentialsVersion: 0,
      credentialsIssued: 0,
      hasCredentials: false,
      credentialsHint: "",
      credentialsRef: "",
      credentialsFingerprint: fingerprintOf(this.#vault, ownerId, undefined),
      sealedPendingCredentials: null,
      pendingCredentials: null,
      sealedPreviousCredentials: null,
      previousCredentials: null,
      connectionDigest: Buffer.alloc(0),
      requestDigest: this.#requestDigest(draft, ownerId),
      status: "UNTESTED",
      lastTest: null,
      createdAt: now,
      updatedAt: now,
      createdBy: scope.caller.accountId,
      updatedBy: scope.caller.accountId,
    });
    if (credentials) {
      requireRefAllowed(this.#secretRefs, credentials, useOf(llm));
      setCurrent(llm, await sealForLlm(this.#vault, scope.em, llm, credentials));
    }
    llm.connectionDigest = digestOf(llm);
    return llm;
  }

  /** Keyed, because the request holds the secret. */
  #requestDigest(draft: LlmDraft, ownerId: string): Buffer {
    const { credentials, ...rest } = draft;
    const key = credentials && describeDraft(credentials);
    return this.#vault.digest("request", JSON.stringify({ ...rest, ownerId, key }));
  }

  /** A stranger's Llm is refused in the same words, without the facts. */
  async #idTaken(scope: Scope, { id, requestDigest }: Llm, cause: unknown): Promise<Fault> {
    const existing = await findLlm(scope.em.fork(), id, reach(scope, "READ_LLM_OWN"));
    return new Fault("LLM_ID_TAKEN", `llm_id ${id} is in use`, factsOf(existing, requestDigest), cause);
  }

  async #duplicate(scope: Scope, llm: Llm, cause: unknown): Promise<Fault> {
    const reachable = reach(scope, "READ_LLM_OWN");
    const existing =
      reachable === undefined || reachable === llm.owner
        ? await findByConnection(scope.em.fork(), llm.owner, llm.connectionDigest)
        : null;
    return new Fault(
      "LLM_DUPLICATE",
      `the owner has an Llm with the same connection${existing ? `: ${existing.id}` : ""}`,
      factsOf(existing, llm.requestDigest),
      cause,
    );
  }
}

function factsOf(existing: Llm | null, requestDigest: Buffer) {
  if (!existing) return {};
  const sameRequest = requestDigest.equals(existing.requestDigest);
  return { metadata: { llmId: existing.id, sameRequest: String(sameRequest) } };
}
