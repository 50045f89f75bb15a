import { Fault } from "../../base/fault.ts";
import { findNamedWithin, type Named } from "../../store/queries/llm-names.ts";
import type { OwnPermission } from "../call/permissions.ts";
import { freshFork, reach, type Scope } from "../call/scope.ts";

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
