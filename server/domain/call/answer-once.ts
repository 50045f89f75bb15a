import { Fault } from "../../base/fault.ts";
import { CONTRACT_VERSION, claimRequest, keepAnswer } from "../../store/queries/answered-requests.ts";
import type { Vault } from "../../store/vault/vault.ts";
import type { Permission } from "./permissions.ts";
import { requireHeld, type Scope, within } from "./scope.ts";

/** A call that may be repeated. */
export interface RepeatableRequest {
  /** Which rpc, as `<service>/<method>`. */
  readonly rpc: string;
  readonly requestId: string;
  /** All that the request says, the same for the same; it may hold secrets. */
  readonly content: string;
}

/** Permissions that note which of them made a difference. */
class NotedPermissions extends Set<Permission> {
  readonly #used: Set<Permission>;

  constructor(held: ReadonlySet<Permission>, used: Set<Permission>) {
    super(held);
    this.#used = used;
  }

  override has(permission: Permission): boolean {
    const isHeld = super.has(permission);
    if (isHeld) this.#used.add(permission);
    return isHeld;
  }
}

/**
 * Carries out a call, in a transaction that keeps its answer with what it does, and answers with nothing; or answers
 * with what the first call of the same account under the same id did, for a caller who may do by now what that one could.
 * What fails is not kept, and can be tried again.
 */
export async function answerOnce(
  scope: Scope,
  vault: Vault,
  { rpc, requestId, content }: RepeatableRequest,
  carryOut: (scope: Scope) => Promise<Uint8Array>,
): Promise<Uint8Array | undefined> {
  const name = { accountId: scope.caller.accountId, rpc, requestId };
  const digest = vault.digest("answered-request", content);
  const afterCommit: (() => void)[] = [];
  const kept = await scope.em.transactional(async (em) => {
    const earlier = await claimRequest(em, name, digest);
    if (!earlier) {
      const used = new Set<Permission>();
      const caller = { ...scope.caller, permissions: new NotedPermissions(scope.caller.permissions, used) };
      await keepAnswer(em, name, await carryOut(within(scope, { caller, em, afterCommit })), used);
      return undefined;
    }
    for (const permission of earlier.permissions) requireHeld(scope, permission as Permission);
    if (earlier.contractVersion !== CONTRACT_VERSION) throw outdated(requestId);
    if (earlier.digest.equals(digest)) return earlier.answer;
    throw new Fault(
      "REQUEST_ID_REUSED",
      `request_id ${requestId} belongs to another request; make a new one for this`,
      {
        fields: [{ field: "request_id", description: "must be another one for another request" }],
      },
    );
  });
  for (const work of afterCommit) work();
  return kept;
}

function outdated(requestId: string): Fault {
  return new Fault(
    "ANSWER_OUTDATED",
    `request_id ${requestId} was carried out by an earlier version of this server, whose answer can no longer be read; ` +
      "nothing was done again: read what it made, or send a new request_id",
  );
}

/** Carries out a call and takes it back: its answer is what it would be, and nothing is written. */
export async function rehearse<Answer>(scope: Scope, carryOut: (scope: Scope) => Promise<Answer>): Promise<Answer> {
  const em = scope.em.fork();
  await em.begin();
  try {
    return await carryOut(within(scope, { em, afterCommit: [] }));
  } finally {
    await em.rollback();
  }
}

/**
 * A value as JSON, the same text for the same content: the members of objects are in the order of their names. To tell a
 * request that is repeated from another one, since maps have no order of their own.
 */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner) =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
