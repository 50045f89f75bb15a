import { appendAuditEvent } from "../../store/queries/audit.ts";
import type { EntityManager } from "../../store/store.ts";
import type { Caller, Scope } from "./scope.ts";

/** What can be done, as `<noun>.<verb>`; the noun is the type of the resource. */
export type AuditAction =
  | "llm.create"
  | "llm.update"
  | "llm.delete"
  | "llm.undelete"
  | "llm.purge"
  | "llm.setDefault"
  | "llm.test"
  | "llm.listModels"
  | "account.create"
  | "account.update"
  | "account.delete"
  | "apiKey.create"
  | "apiKey.update"
  | "apiKey.roll"
  | "apiKey.revoke"
  | "llm.credentials.add"
  | "llm.credentials.promote"
  | "llm.credentials.revert"
  | "llm.credentials.retire"
  | "provider.create"
  | "provider.update"
  | "provider.delete"
  | "provider.test"
  | "provider.listModels"
  | "budget.set"
  | "budget.delete"
  | "session.delete"
  | "route.create"
  | "route.update"
  | "route.delete";

/** Who does something, and in which call. */
export interface Actor extends Pick<Scope, "watch"> {
  readonly caller: Pick<Caller, "accountId" | "apiKeyId" | "subject">;
}

/** Who does what nobody calls for. */
export const SYSTEM: Actor = { caller: { accountId: "", apiKeyId: "" } };

/** Something that is being done. */
export interface AuditEvent {
  readonly action: AuditAction;
  readonly resourceId: string;
  /** Whose chain has it: the owner of the resource. */
  readonly ownerId: string;
  /** More about it: names of fields, ids, purposes. Never a key, a prompt, or what a field holds. */
  readonly facts?: Readonly<Record<string, string>>;
}

/** The event as it is hashed. */
export interface AuditRecord {
  readonly at: number;
  readonly actorAccountId: string;
  readonly actorApiKeyId: string;
  /** Only if they came with a token. */
  readonly actorSubject?: string;
  readonly action: string;
  readonly resourceType: string;
  readonly resourceId: string;
  readonly requestId: string;
  readonly facts: Readonly<Record<string, string>>;
}

/**
 * Writes down what is being done, in the transaction that does it: if it cannot be written, nothing is done, and the error
 * is AUDIT_UNAVAILABLE (store/outage.ts). To be called last, as everything else that is done to the same account waits from
 * here on until the transaction ends.
 */
export async function recordAudit(actor: Actor, em: EntityManager, event: AuditEvent): Promise<void> {
  await appendAuditEvent(em, event.ownerId, recordOf(actor, event));
}

/** What is written down of something that is being done. */
export function recordOf({ caller, watch }: Actor, { action, resourceId, facts = {} }: AuditEvent): string {
  const [resourceType = ""] = action.split(".", 1);
  const record: AuditRecord = {
    at: Date.now(),
    actorAccountId: caller.accountId,
    actorApiKeyId: caller.apiKeyId,
    ...(caller.subject === undefined ? {} : { actorSubject: caller.subject }),
    action,
    resourceType,
    resourceId,
    requestId: watch?.requestId ?? "",
    facts,
  };
  return JSON.stringify(record);
}
