import { findNamedWithin } from "../../store/queries/llm-names.ts";
import { lockLlm } from "../../store/queries/llms.ts";
import type { Llm } from "../../store/schema/llm.entity.ts";
import type { EntityManager } from "../../store/store.ts";
import { requirePermission, requireReach, type Scope } from "../call/scope.ts";

/**
 * Has the Llm that an owner's alias stands for give it up, in the transaction of what takes it; undefined if it is no Llm's.
 * The change of the Llm is to be recorded when that is done, as audit records come last.
 */
export async function giveUpAlias(
  scope: Scope,
  em: EntityManager,
  ownerId: string,
  alias: string,
): Promise<Llm | undefined> {
  const named = await findNamedWithin(em, ownerId, alias);
  if (named?.kind !== "llm") return undefined;
  requirePermission(scope, "UPDATE_LLM_OWN");
  requireReach(scope, ownerId, "UPDATE_LLM_OWN");
  const llm = await lockLlm(em, named.id, ownerId);
  // It was given another one meanwhile.
  if (llm?.alias !== alias) return undefined;
  llm.alias = "";
  llm.updatedAt = new Date();
  llm.updatedBy = scope.caller.accountId;
  await em.flush();
  return llm;
}
