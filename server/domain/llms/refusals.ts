import { Fault } from "../../base/fault.ts";
import type { Llm } from "../../store/llm.entity.ts";
import { findByConnection, findLlm } from "../../store/llm-queries.ts";
import { aside, reach, type Scope } from "../access/scope.ts";

/** The refusal of an id that is in use. A stranger's Llm is refused in the same words, without the facts. */
export async function idTaken(scope: Scope, { id, requestDigest }: Llm, cause: unknown): Promise<Fault> {
  const existing = await findLlm(aside(scope), id, reach(scope, "READ_LLM_OWN"), { withDeleted: true });
  return new Fault("LLM_ID_TAKEN", `llm_id ${id} is in use`, factsOf(existing, requestDigest), cause);
}

/** The refusal of a connection that the owner has already. */
export async function duplicate(scope: Scope, llm: Llm, cause: unknown): Promise<Fault> {
  const reachable = reach(scope, "READ_LLM_OWN");
  const existing =
    reachable === undefined || reachable === llm.owner
      ? await findByConnection(aside(scope), llm.owner, llm.connectionDigest)
      : null;
  return new Fault(
    "LLM_DUPLICATE",
    `the owner has an Llm with the same connection${existing ? `: ${existing.id}` : ""}`,
    factsOf(existing, llm.requestDigest),
    cause,
  );
}

function factsOf(existing: Llm | null, requestDigest: Buffer) {
  if (!existing) return {};
  const sameRequest = String(requestDigest.equals(existing.requestDigest));
  const deleted = existing.deletedAt ? { deleted: "true" } : {};
  return { metadata: { llmId: existing.id, sameRequest, ...deleted } };
}
