import { appendAuditedChange, appendChange } from "../../store/change-queries.ts";
import type { Llm } from "../../store/llm.entity.ts";
import type { EntityManager } from "../../store/store.ts";
import { type Deed, type Doer, recordOf } from "../audit/audit.ts";

/** What Llms are called where the changes of all nouns are. */
export const LLM_NOUN = "llm";

/** What can happen to an Llm, in the words of `WatchLlmsResponse.Kind`. */
export type LlmChangeKind =
  | "created"
  | "updated"
  | "deleted"
  | "undeleted"
  | "purged"
  | "default_changed"
  | "status_changed"
  | "model_changed";

/** Something that is done to an Llm. */
export interface LlmDeed extends Pick<Deed, "action" | "facts"> {
  readonly kind: LlmChangeKind;
}

/** Tells those who watch, once the transaction commits, of what nobody did. */
export function tellOf(em: EntityManager, llm: Pick<Llm, "id" | "owner">, kind: LlmChangeKind): Promise<void> {
  return appendChange(em, { noun: LLM_NOUN, resourceId: llm.id, ownerId: llm.owner, kind });
}

/** Tells those who watch, once the transaction commits, and writes down who did it. To be called last, as `recordDeed`. */
export async function recordChange(doer: Doer, em: EntityManager, llm: Llm, deed: LlmDeed): Promise<void> {
  const { id: resourceId, owner: ownerId } = llm;
  const change = { noun: LLM_NOUN, resourceId, ownerId, kind: deed.kind };
  await appendAuditedChange(em, change, recordOf(doer, { ...deed, resourceId, ownerId }));
}
