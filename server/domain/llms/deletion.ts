import { dropDefault, eraseLlms, lockDeleted, lockDeletedLlm, lockLlm } from "../../store/queries/llms.ts";
import type { Llm } from "../../store/schema/llm.entity.ts";
import { type EntityManager, violates } from "../../store/store.ts";
import { SYSTEM } from "../call/audit-record.ts";
import { onceCommitted, reach, type Scope } from "../call/scope.ts";
import { nameTaken } from "../names/taken.ts";
import type { LlmTargets } from "./targets.ts";
import { duplicate, notFound, recordChange, requireEtag } from "./values.ts";

const DAY_MS = 86_400_000;
/** A deleted Llm can be brought back for so long. */
const KEPT_MS = 30 * DAY_MS;
const PURGED_AT_ONCE = 50;

/** When a deleted Llm is purged. */
export function purgeTimeOf(deletedAt: Date): Date {
  return new Date(deletedAt.getTime() + KEPT_MS);
}

/** Deleting, in two steps: out of the way at once, and gone for good after some time in which it can be undone. */
export class DeletedLlms {
  readonly #targets: LlmTargets;

  constructor({ targets }: { targets: LlmTargets }) {
    this.#targets = targets;
  }

  async delete(scope: Scope, llmId: string, etag: string): Promise<void> {
    const reachable = reach(scope, "DELETE_LLM_OWN");
    const deleted = await scope.em.transactional(async (em) => {
      const llm = await lockLlm(em, llmId, reachable);
      if (!llm) throw notFound(llmId);
      requireEtag(llm, etag);
      llm.deletedAt = new Date();
      await em.flush();
      await dropDefault(em, llm);
      await recordChange(scope, em, llm, { kind: "deleted", action: "llm.delete" });
      return llm;
    });
    onceCommitted(scope, () => this.#targets.forget(deleted));
  }

  /** The index decides whether its connection is still free. */
  async undelete(scope: Scope, llmId: string, etag: string): Promise<Llm> {
    const reachable = reach(scope, "DELETE_LLM_OWN");
    const held: { llm?: Llm } = {};
    try {
      return await scope.em.transactional(async (em) => {
        const llm = await lockDeletedLlm(em, llmId, reachable, new Date(Date.now() - KEPT_MS));
        if (!llm) throw notFound(llmId);
        held.llm = llm;
        requireEtag(llm, etag);
        llm.deletedAt = null;
        await em.flush();
        await recordChange(scope, em, llm, { kind: "undeleted", action: "llm.undelete" });
        return llm;
      });
    } catch (error) {
      if (held.llm && violates(error, "llm_owner_connection_key")) throw await duplicate(scope, held.llm, error);
      if (held.llm && violates(error, "alias_pkey")) {
        throw await nameTaken(scope, held.llm.owner, held.llm.alias, error);
      }
      throw error;
    }
  }
}

/**
 * Erases some of the Llms whose time is over, with the credentials that are sealed in them; tells how many. Any number of
 * servers may do so at once: each takes what no other has taken.
 */
export async function purgeLlms(em: EntityManager): Promise<number> {
  return em.transactional(async (em) => {
    const llms = await lockDeleted(em, new Date(Date.now() - KEPT_MS), PURGED_AT_ONCE);
    await eraseLlms(em, llms);
    // By owner, so that no two servers wait for each other's chains of audit events.
    for (const llm of llms.toSorted((a, b) => (a.owner < b.owner ? -1 : 1))) {
      await recordChange(SYSTEM, em, llm, { kind: "purged", action: "llm.purge" });
    }
    return llms.length;
  });
}
