import { appendChange } from "../../store/change-queries.ts";
import type { Llm } from "../../store/llm.entity.ts";
import type { EntityManager } from "../../store/store.ts";

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

/** Tells those who watch, once the transaction commits. */
export function tellOf(em: EntityManager, llm: Pick<Llm, "id" | "owner">, kind: LlmChangeKind): Promise<void> {
  return appendChange(em, { noun: LLM_NOUN, resourceId: llm.id, ownerId: llm.owner, kind });
}
