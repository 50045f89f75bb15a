import { Fault, invalidField } from "../../base/fault.ts";
import { lockLlm } from "../../store/queries/llms.ts";
import type { Llm } from "../../store/schema/llm.entity.ts";
import { type EntityManager, violates } from "../../store/store.ts";
import type { Vault } from "../../store/vault/vault.ts";
import { providerTypeOf } from "../../upstream/models/provider-types.ts";
import type { AuditAction } from "../call/audit-record.ts";
import { onceCommitted, reach, type Scope } from "../call/scope.ts";
import { type CredentialsDraft, completeCredentials } from "../connections/credentials.ts";
import { requireRefAllowed, type SecretRefs } from "../connections/secret-refs.ts";
import { type Kept, keptIn, setAside, setCurrent } from "../connections/slots.ts";
import { withListDue } from "../models/knowledge.ts";
import { digestOf, requireKept, sealForLlm, useOf } from "./credentials.ts";
import type { LlmTargets } from "./targets.ts";
import { credentialsOfProvider } from "./through-provider.ts";
import { notFound, recordChange, requireEtag } from "./values.ts";

/** A step of a rotation: what it makes of the locked Llm, and what the audit record says of it. */
type Step = (em: EntityManager, llm: Llm) => Promise<Facts> | Facts;
type Facts = Readonly<Record<string, string>>;

/**
 * Changes the key of an Llm without a moment in which there is none that works: the new one is added beside the old one,
 * tested, promoted, and can be reverted until the old one is retired. Each step is one transaction over the locked row.
 */
export class CredentialsRotation {
  readonly #vault: Vault;
  readonly #secretRefs: SecretRefs;
  readonly #targets: LlmTargets;

  constructor({ vault, secretRefs, targets }: { vault: Vault; secretRefs: SecretRefs; targets: LlmTargets }) {
    this.#vault = vault;
    this.#secretRefs = secretRefs;
    this.#targets = targets;
  }

  /** Pending credentials that are there are replaced: nothing uses them. */
  addPending(scope: Scope, llmId: string, draft: CredentialsDraft, etag: string): Promise<Llm> {
    return this.#step(scope, llmId, etag, "llm.credentials.add", async (em, llm) => {
      if (llm.provider) throw credentialsOfProvider();
      const credentials = completeCredentials(draft, providerTypeOf(llm));
      requireRefAllowed(this.#secretRefs, credentials, useOf(llm));
      const kept = await sealForLlm(this.#vault, em, llm, credentials);
      if (kept.facts.fingerprint === llm.credentialsFingerprint.toString("base64")) {
        throw invalidField("credentials", "are the ones that are used already");
      }
      setAside(llm, "PENDING", kept);
      return kept.facts.ref ? { source: "secretRef" } : {};
    });
  }

  /** Nothing is opened for it. A test of the same connection that was OK becomes the Llm's own. */
  promote(scope: Scope, llmId: string, etag: string, force: boolean): Promise<Llm> {
    return this.#step(scope, llmId, etag, "llm.credentials.promote", (_, llm) => {
      const pending = requireKept(llm, "PENDING") as Kept;
      if (llm.previousCredentials) throw unfinished(llm, "previous");
      const { test, testedDigest, fingerprint } = pending.facts;
      const digest = digestOf(llm, Buffer.from(fingerprint, "base64"));
      const isProven = test?.outcome === "OK" && testedDigest === digest.toString("base64");
      if (!isProven && !force) throw untested(llm);
      setAside(llm, "PREVIOUS", keptIn(llm, "CURRENT"));
      setAside(llm, "PENDING", undefined);
      setCurrent(llm, pending);
      llm.connectionDigest = digest;
      llm.model = withListDue(llm.model);
      llm.status = isProven ? "ACTIVE" : "UNTESTED";
      llm.lastTest = isProven ? test : null;
      return { forced: String(!isProven) };
    });
  }

  /** Its own opposite: what was used until now becomes the previous one. */
  revert(scope: Scope, llmId: string, etag: string): Promise<Llm> {
    return this.#step(scope, llmId, etag, "llm.credentials.revert", (_, llm) => {
      const previous = requireKept(llm, "PREVIOUS") as Kept;
      setAside(llm, "PREVIOUS", keptIn(llm, "CURRENT"));
      setCurrent(llm, previous);
      llm.connectionDigest = digestOf(llm);
      llm.model = withListDue(llm.model);
      llm.status = "UNTESTED";
      llm.lastTest = null;
      return {};
    });
  }

  /** Erases credentials; what is used stays. */
  retire(scope: Scope, llmId: string, etag: string, slot: "PENDING" | "PREVIOUS"): Promise<Llm> {
    return this.#step(scope, llmId, etag, "llm.credentials.retire", (_, llm) => {
      requireKept(llm, slot);
      setAside(llm, slot, undefined);
      return { slot: slot.toLowerCase() };
    });
  }

  async #step(scope: Scope, llmId: string, etag: string, action: AuditAction, step: Step): Promise<Llm> {
    const reachable = reach(scope, "ROTATE_LLM_OWN");
    try {
      const changed = await scope.em.transactional(async (em) => {
        const llm = await lockLlm(em, llmId, reachable, { withCredentials: true });
        if (!llm) throw notFound(llmId);
        requireEtag(llm, etag);
        const facts = await step(em, llm);
        llm.updatedAt = new Date();
        llm.updatedBy = scope.caller.accountId;
        await em.flush();
        await recordChange(scope, em, llm, { kind: "updated", action, facts });
        return llm;
      });
      onceCommitted(scope, () => this.#targets.forget(changed));
      return changed;
    } catch (error) {
      if (!violates(error, "llm_owner_connection_key")) throw error;
      const message =
        "the owner has another Llm with the connection that this one would have; use that one, or give this one another key";
      throw new Fault("LLM_DUPLICATE", message, {}, error);
    }
  }
}

/** Refuses what credentials of a rotation would not survive. */
export function requireNoRotation(llm: Llm): void {
  if (llm.pendingCredentials) throw unfinished(llm, "pending");
  if (llm.previousCredentials) throw unfinished(llm, "previous");
}

function unfinished({ id }: Llm, slot: "pending" | "previous"): Fault {
  const message = `llm ${id} has ${slot} credentials, which would be lost; POST /v1/llms/${id}:retireCredentials erases them`;
  return new Fault("ROTATION_UNFINISHED", message, { metadata: { llmId: id, slot: slot.toUpperCase() } });
}

function untested({ id }: Llm): Fault {
  const message =
    `no test of the pending credentials of llm ${id} with its connection as it is now was OK; ` +
    `POST /v1/llms/${id}:test with {"slot": "PENDING"} tests them, and force promotes them without`;
  return new Fault("PENDING_CREDENTIALS_UNTESTED", message, { metadata: { llmId: id } });
}
