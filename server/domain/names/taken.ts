import { Fault } from "../../base/fault.ts";
import { findNamedWithin, type Named } from "../../store/queries/llm-names.ts";
import { lockLlm } from "../../store/queries/llms.ts";
import type { Llm } from "../../store/schema/llm.entity.ts";
import type { EntityManager } from "../../store/store.ts";
import type { OwnPermission } from "../call/permissions.ts";
import { freshFork, reach, requirePermission, requireReach, type Scope } from "../call/scope.ts";

const PERMISSION: Readonly<Record<Named["kind"], OwnPermission>> = { llm: "READ_LLM_OWN", route: "READ_ROUTE_OWN" };

/** The refusal of a name that an Llm or a route of the owner has; what can take it over is told how. */
export async function nameTaken(
  scope: Scope,
  ownerId: string,
  name: string,
  cause: unknown,
  { canTake = false } = {},
): Promise<Fault> {
  const holder = await findNamedWithin(freshFork(scope), ownerId, name);
  const metadata: Record<string, string> = { alias: name };
  if (holder) {
    const reachable = reach(scope, PERMISSION[holder.kind]);
    if (reachable === undefined || reachable === ownerId) metadata[`${holder.kind}Id`] = holder.id;
  }
  const other = holder?.kind === "route" ? "a route that is called" : "another Llm with the alias";
  const advice = canTake && holder?.kind === "llm" ? "say take_alias to take it over" : "give that one another first";
  const message = `the owner has ${other} ${name}; choose another name, or ${advice}`;
  return new Fault("ALIAS_TAKEN", message, { metadata }, cause);
}

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
