import { Fault } from "../../base/fault.ts";
import { appendAuditedChange, appendChange } from "../../store/queries/changes.ts";
import type { LlmFilter, LlmOrder } from "../../store/queries/llm-list.ts";
import { findByConnection, findLlm } from "../../store/queries/llms.ts";
import type { Llm } from "../../store/schema/llm.entity.ts";
import type { EntityManager } from "../../store/store.ts";
import { type Actor, type AuditEvent, recordOf } from "../call/audit-record.ts";
import type { ListKey } from "../call/paging.ts";
import { freshFork, reach, type Scope } from "../call/scope.ts";
import type { InferredModel } from "../models/inference.ts";

/** What is inferred or declared of an Llm's model. */
export function inferredOf(llm: Readonly<Llm>): InferredModel {
  return {
    capabilities: llm.capabilities,
    maxContextLength: llm.maxContextLength ?? undefined,
    supportedModalities: llm.supportedModalities,
    inferred: llm.inferred,
  };
}

/** Names the version of an Llm that a change was made from. */
export function etagOf(llm: Readonly<Llm>): string {
  return `r${llm.revision}`;
}

/** Refuses a change that was made from another version. */
export function requireEtag(llm: Readonly<Llm>, etag: string): void {
  if (etag === "" || etag === etagOf(llm)) return;
  throw new Fault("ETAG_MISMATCH", `llm ${llm.id} has changed since ${etag}; get it again and repeat the change`, {
    metadata: { llmId: llm.id, etag: etagOf(llm) },
  });
}

/** Missing and not to be seen are the same. */
export function notFound(llmId: string): Fault {
  return new Fault("LLM_NOT_FOUND", `there is no llm ${llmId}`, { metadata: { llmId } });
}

/** The refusal of an id that is in use. A stranger's Llm is refused in the same words, without the facts. */
export async function idTaken(scope: Scope, { id, requestDigest }: Llm, cause: unknown): Promise<Fault> {
  const existing = await findLlm(freshFork(scope), id, reach(scope, "READ_LLM_OWN"), { withDeleted: true });
  const next = existing?.deletedAt
    ? `it is deleted, and POST /v1/llms/${id}:undelete brings it back`
    : "choose another, or leave it out for a new one";
  return new Fault("LLM_ID_TAKEN", `llm_id ${id} is in use; ${next}`, factsOf(existing, requestDigest), cause);
}

/** The refusal of a connection that the owner has already. */
export async function duplicate(scope: Scope, llm: Llm, cause: unknown): Promise<Fault> {
  const reachable = reach(scope, "READ_LLM_OWN");
  const existing =
    reachable === undefined || reachable === llm.owner
      ? await findByConnection(freshFork(scope), llm.owner, llm.connectionDigest)
      : null;
  return new Fault(
    "LLM_DUPLICATE",
    `the owner has an Llm with the same connection${existing ? `: ${existing.id}; ${nextFor(existing)}` : ""}`,
    factsOf(existing, llm.requestDigest),
    cause,
  );
}

/** What the owner of a connection that is there already can do. */
function nextFor({ id, alias }: Llm): string {
  const called = alias ? ` (alias ${alias})` : "";
  return `use that one${called}, change it with PATCH /v1/llms/${id}, or give this one another endpoint, model or key`;
}

function factsOf(existing: Llm | null, requestDigest: Buffer) {
  if (!existing) return {};
  const sameRequest = String(requestDigest.equals(existing.requestDigest));
  const deleted = existing.deletedAt ? { deleted: "true" } : {};
  return { metadata: { llmId: existing.id, sameRequest, ...deleted } };
}

/** Which Llms, in which order. */
export interface Query {
  readonly filter: LlmFilter;
  readonly order: LlmOrder;
  readonly descending: boolean;
}

/** What a page token of a list of Llms is bound to. */
export function listKeyOf({ filter, order, descending }: Query): ListKey {
  const { ownerId, providerType, status, modelState, labels, search, showDeleted } = filter;
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return ["llms", ownerId, providerType, status, modelState, sorted, search, showDeleted, order, descending];
}

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
export interface LlmAuditEvent extends Pick<AuditEvent, "action" | "facts"> {
  readonly kind: LlmChangeKind;
}

/** Tells those who watch, once the transaction commits, of what nobody did. */
export function notify(em: EntityManager, llm: Pick<Llm, "id" | "owner">, kind: LlmChangeKind): Promise<void> {
  return appendChange(em, { noun: LLM_NOUN, resourceId: llm.id, ownerId: llm.owner, kind });
}

/** Tells those who watch, once the transaction commits, and writes down who did it. To be called last, as `recordAudit`. */
export async function recordChange(actor: Actor, em: EntityManager, llm: Llm, event: LlmAuditEvent): Promise<void> {
  const { id: resourceId, owner: ownerId } = llm;
  const change = { noun: LLM_NOUN, resourceId, ownerId, kind: event.kind };
  await appendAuditedChange(em, change, recordOf(actor, { ...event, resourceId, ownerId }));
}
