import { setTimeout as sleep } from "node:timers/promises";
import { invalidField } from "../../base/fault.ts";
import type { SamplingParams } from "../../base/sampling.ts";
import { findLlm, savePendingTest, saveTest } from "../../store/queries/llms.ts";
import type { Llm, StoredPatience, StoredTest } from "../../store/schema/llm.entity.ts";
import type { Vault } from "../../store/vault/vault.ts";
import type { Egress } from "../../upstream/egress/egress.ts";
import type { ProviderType, Target } from "../../upstream/models/provider-types.ts";
import { providers, providerTypeOf } from "../../upstream/models/provider-types.ts";
import type { SideQuestions } from "../../upstream/probe/side-probes.ts";
import type { Upstreams } from "../../upstream/upstreams.ts";
import type { Limits } from "../access/limits.ts";
import { recordAudit } from "../call/audit-record.ts";
import { holderOf, reach, type Scope } from "../call/scope.ts";
import { allowedConfig, configOf } from "../connections/client-config.ts";
import type { Credentials } from "../connections/credentials.ts";
import { apiKeyHeaderOf, type CredentialsDraft, completeCredentials } from "../connections/credentials.ts";
import { canonicalEndpoint, endpointOrDefault, requireBase } from "../connections/endpoint.ts";
import { statusAfter, testOfRefusedRef, UPSTREAM_REASONS } from "../connections/faults.ts";
import { SecretRef } from "../connections/secret-ref.ts";
import { isRefusedRef, type SecretRefs } from "../connections/secret-refs.ts";
import type { Slot } from "../connections/slots.ts";
import { lookUpModel } from "../models/catalog.ts";
import { givenOf, inferModel } from "../models/inference.ts";
import { connectionAfter } from "./change.ts";
import { saveNews } from "./create.ts";
import { digestOf, openSlot, requireKept, storedUse } from "./credentials.ts";
import { patienceOf, targetOf } from "./targets.ts";
import { connectionOf } from "./through-provider.ts";
import { inferredOf, notFound } from "./values.ts";

/** A connection as a caller describes it; empty and undefined values are left open. */
export interface ConnectionDraft {
  /** The Llm that the rest changes; empty: none. */
  readonly llmId: string;
  readonly providerType: ProviderType | undefined;
  readonly endpointUrl: string;
  readonly apiPath: string;
  readonly modelIdentifier: string;
  readonly credentials: CredentialsDraft | undefined;
  readonly sampling: SamplingParams | undefined;
  readonly clientConfig: Readonly<Record<string, unknown>> | undefined;
  readonly takesSampling: boolean | undefined;
  readonly patience: StoredPatience | undefined;
}

interface Deps {
  readonly limits: Limits;
  readonly vault: Vault;
  readonly egress: Egress;
  readonly upstreams: Upstreams;
  readonly secretRefs: SecretRefs;
  /** Told that an Llm has served a test, which is a chat, and when that began. */
  readonly onProven: (llmId: string, startedAt: number) => void;
}

/** Where a test goes, and with which credentials. */
interface Candidate {
  /** Without its key. */
  readonly target: Target;
  /** What every chat sends. */
  readonly sampling: SamplingParams;
  readonly credentials: Credentials | undefined;
  /** Undefined: only whether a chat works. */
  readonly questions?: SideQuestions;
  /** Whether a whole reply is asked for beside a streamed one. Default: it is. */
  readonly bothForms?: boolean;
}

/** Tests of connections: by the same path that chats take, so that a green test means a chat works. */
export class ConnectionTests {
  readonly #limits: Limits;
  readonly #vault: Vault;
  readonly #egress: Egress;
  readonly #upstreams: Upstreams;
  readonly #secretRefs: SecretRefs;
  readonly #onProven: Deps["onProven"];

  constructor({ limits, vault, egress, upstreams, secretRefs, onProven }: Deps) {
    this.#limits = limits;
    this.#vault = vault;
    this.#egress = egress;
    this.#upstreams = upstreams;
    this.#secretRefs = secretRefs;
    this.#onProven = onProven;
  }

  /** Tests a registered Llm and keeps the result with it; that of pending credentials with these. */
  async testLlm(scope: Scope, llmId: string, slot: Slot): Promise<StoredTest> {
    const llm = await this.#find(scope, llmId);
    const kept = requireKept(llm, slot);
    const which = slot === "CURRENT" ? {} : { slot: slot.toLowerCase() };
    const use = slot === "CURRENT" ? storedUse(llm) : { usesSecret: String(kept !== undefined), ...which };
    await recordUse(scope, llm, use);
    const stored = await this.#stored(scope, llm, slot);
    const startedAt = Date.now();
    const test = await this.#run(scope, { ...stored, questions: sideQuestionsOf(llm) });
    if (slot === "CURRENT") await this.#keepResult(scope, llm, test, startedAt);
    if (slot === "PENDING" && kept) {
      const testedDigest = digestOf(llm, Buffer.from(kept.facts.fingerprint, "base64")).toString("base64");
      await savePendingTest(scope.em, llm, kept.facts.version, { test, testedDigest });
    }
    return test;
  }

  /** Tests a registered Llm as nobody asked for it, and keeps the result with it. */
  async check(scope: Scope, llmId: string): Promise<StoredTest> {
    const llm = await this.#find(scope, llmId);
    await recordUse(scope, llm, { purpose: "check", ...storedUse(llm) });
    const stored = await this.#stored(scope, llm, "CURRENT");
    // A second call each time would be too much.
    const questions = { ...sideQuestionsOf(llm), claimsTools: false };
    const startedAt = Date.now();
    const test = await this.#run(scope, { ...stored, questions, bothForms: false });
    await this.#keepResult(scope, llm, test, startedAt);
    return test;
  }

  /** Tests what is not registered, or an Llm with changes; nothing is kept. */
  async testConnection(scope: Scope, draft: ConnectionDraft): Promise<StoredTest> {
    const candidate = await (draft.llmId ? this.#changed(scope, draft) : newCandidate(scope, draft));
    const { source } = candidate.credentials ?? {};
    if (!draft.llmId && source instanceof SecretRef) await recordUseOfRef(scope);
    return this.#run(scope, candidate);
  }

  /** Tests a registered Llm over and over and keeps nothing: for measuring. The signal of the scope ends it. */
  async *ping(scope: Scope, llmId: string, count: number, intervalMs: number): AsyncGenerator<StoredTest> {
    const llm = await this.#find(scope, llmId);
    await recordUse(scope, llm, { purpose: "ping", ...storedUse(llm) });
    const candidate = await this.#stored(scope, llm, "CURRENT");
    for (let sent = 0; sent < count; sent++) {
      // The first one was counted when the call was admitted.
      if (sent > 0) await this.#limits.countTest(holderOf(scope.caller));
      const next = sleep(sent + 1 < count ? intervalMs : 0, undefined, { signal: scope.signal });
      next.catch(() => {}); // It is awaited below, if we get that far.
      yield await this.#run(scope, { ...candidate, bothForms: false });
      await next;
    }
  }

  /** With what it says of the model; unless the connection is another one by now, an Llm that passed is well for routes, too. */
  async #keepResult({ em }: Scope, llm: Llm, test: StoredTest, startedAt: number): Promise<void> {
    await saveTest(em, llm, statusAfter(llm, test), test);
    const isCurrent = await saveNews(em, llm, { test });
    if (isCurrent && test.outcome === "OK") this.#onProven(llm.id, startedAt);
  }

  /** A reference that gives no key is a result like others. Its key is fetched anew, for whoever just changed it. */
  async #run(
    scope: Scope,
    { target, credentials, sampling, questions, bothForms = true }: Candidate,
  ): Promise<StoredTest> {
    try {
      const apiKey = credentials && (await this.#apiKey(scope, target, credentials));
      const whole = { ...target, apiKey };
      const { signal, watch } = scope;
      const asked = { sampling, bothForms };
      const { failure, ...result } = await (questions
        ? this.#upstreams.examine(whole, { ...questions, ...asked }, signal, watch)
        : this.#upstreams.test(whole, asked, signal, watch));
      const reason = failure && UPSTREAM_REASONS[failure];
      return { ...result, ...(reason && { reason }), testedAt: Date.now() };
    } catch (error) {
      if (isRefusedRef(error)) return testOfRefusedRef(error);
      throw error;
    }
  }

  #apiKey({ signal }: Scope, { ownerId, endpointUrl, apiPath }: Target, credentials: Credentials) {
    if (credentials.source instanceof SecretRef) this.#secretRefs.forget(credentials.source);
    return apiKeyHeaderOf(this.#secretRefs, credentials, { ownerId, url: endpointUrl + apiPath }, signal);
  }

  /** An Llm as it is, with what is in a slot; what it uses may be its Provider's. */
  async #stored(scope: Scope, llm: Llm, slot: Slot): Promise<Candidate> {
    const target = targetOf(llm, undefined);
    const sampling = llm.defaultSampling;
    if (slot !== "CURRENT") return { target, sampling, credentials: await openSlot(this.#vault, scope.em, llm, slot) };
    const { endpointUrl, credentials } = await connectionOf(this.#vault, scope.em, llm);
    return { target: { ...target, endpointUrl }, sampling, credentials };
  }

  async #changed(scope: Scope, draft: ConnectionDraft): Promise<Candidate> {
    const llm = await this.#find(scope, draft.llmId);
    const providerType = providerTypeOf(llm);
    if (draft.providerType !== undefined && draft.providerType !== providerType) {
      throw invalidField("provider_type", `of this Llm is ${providerType}, and never changes`);
    }
    const { endpointUrl, apiPath, credentials } = connectionAfter(this.#egress, llm, {
      endpointUrl: draft.endpointUrl || undefined,
      apiPath: draft.apiPath || undefined,
      credentials: draft.credentials,
    });
    const { clientConfig = llm.clientConfig } = draft;
    const target = {
      ...targetOf(llm, undefined),
      endpointUrl,
      apiPath,
      model: draft.modelIdentifier || llm.modelIdentifier,
      config: configOf({ providerType, clientConfig: clientConfig && allowedConfig(providerType, clientConfig) }),
      ...(draft.takesSampling !== undefined && { takesSampling: draft.takesSampling }),
      ...(draft.patience && { patience: patienceOf(draft.patience) }),
    };
    const sampling = draft.sampling ?? llm.defaultSampling;
    if (credentials !== undefined) {
      if (credentials?.source instanceof SecretRef) await recordUse(scope, llm, { usesSecret: "true" });
      return { target, sampling, credentials: credentials ?? undefined };
    }
    await recordUse(scope, llm, storedUse(llm));
    const way = await connectionOf(this.#vault, scope.em, llm);
    // A Provider's key goes nowhere but to the endpoint that came with it.
    return {
      target: llm.provider ? { ...target, endpointUrl: way.endpointUrl } : target,
      sampling,
      credentials: way.credentials,
    };
  }

  async #find(scope: Scope, llmId: string): Promise<Llm> {
    const llm = await findLlm(scope.em, llmId, reach(scope, "TEST_LLM_OWN"), { withCredentials: true });
    if (!llm) throw notFound(llmId);
    return llm;
  }
}

/** A blocked address is not refused here: that it is blocked is the result of the test. */
async function newCandidate(scope: Scope, draft: ConnectionDraft): Promise<Candidate> {
  const { providerType, clientConfig = null, takesSampling } = draft;
  if (!providerType) throw invalidField("provider_type", "is required without an llm_id");
  const endpointUrl = canonicalEndpoint(endpointOrDefault(draft.endpointUrl, providerType), "endpoint_url");
  const apiPath = draft.apiPath || providers[providerType].defaultApiPath;
  requireBase(endpointUrl, apiPath);
  const target = {
    ownerId: scope.caller.accountId,
    providerType,
    endpointUrl,
    apiPath,
    model: draft.modelIdentifier,
    apiKey: undefined,
    config: configOf({ providerType, clientConfig: allowedConfig(providerType, clientConfig) }),
    // As a registered Llm would be called: where its owner says nothing, by what the catalog says.
    takesSampling:
      takesSampling ?? (await lookUpModel(providerType, draft.modelIdentifier))?.supportsSamplingParameters,
    patience: patienceOf(draft.patience ?? {}),
  };
  const credentials = draft.credentials && completeCredentials(draft.credentials, providerType);
  return { target, sampling: draft.sampling ?? {}, credentials };
}

/** Whatever a test before has proven: it may be otherwise now. */
function sideQuestionsOf(llm: Llm): SideQuestions {
  const { capabilities } = inferModel(givenOf(inferredOf(llm)), { ...llm.model.claims, PROBE: undefined });
  return { monitoringUrl: llm.monitoringEndpoint, claimsTools: capabilities.supportsFunctionCalling ?? false };
}

/** Before a key that the caller did not bring is sent anywhere: what is not written down does not happen. */
function recordUse(scope: Scope, { id, owner }: Llm, more: Readonly<Record<string, string>>): Promise<void> {
  const facts = { purpose: "test", ...more };
  return recordAudit(scope, scope.em, { action: "llm.test", resourceId: id, ownerId: owner, facts });
}

/** Records the use of a secret reference for a connection that is not registered: it has no id. */
function recordUseOfRef(scope: Scope): Promise<void> {
  const facts = { purpose: "test", usesSecret: "true" };
  return recordAudit(scope, scope.em, {
    action: "llm.test",
    resourceId: "",
    ownerId: scope.caller.accountId,
    facts,
  });
}
