import { Fault } from "../../base/fault.ts";
import { knownNames } from "../../store/limits/allowed.ts";
import type { EntityManager } from "../../store/store.ts";
import { allowedNames } from "../call/holder-limits.ts";
import type { Caller } from "../call/scope.ts";

/** What a caller means, and may not use. */
interface Meant {
  /** As they said it; undefined: they named nothing, and what is meant by that is not theirs to know. */
  readonly name: string | undefined;
  readonly kind?: "Llm" | "route";
}

/** The refusal of what a caller may not use: whether it is there is not told. They are told what they may use now. */
export async function notAllowed(em: EntityManager, caller: Caller, { name, kind = "Llm" }: Meant): Promise<Fault> {
  const allowed = allowedNames(caller) ?? [];
  const known = await knownNames(em, caller.accountId, allowed);
  const names = allowed.filter((one) => known.has(one));
  const told = names.length > 0 ? `these, by their names: ${names.join(", ")}` : "none that there is now";
  const refused =
    name === undefined
      ? `what is called by default, or in the session, is no ${kind} that the caller may use`
      : `there is no ${kind} ${JSON.stringify(name.slice(0, 100))} that the caller may use`;
  const reason = kind === "Llm" ? "LLM_NOT_FOUND" : "LLM_ROUTE_NOT_FOUND";
  return new Fault(reason, `${refused}; they may use ${told}`);
}
