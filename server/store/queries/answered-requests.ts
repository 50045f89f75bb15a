import type { EntityManager } from "@mikro-orm/postgresql";
import { AnsweredRequest } from "../schema/answered-request.entity.ts";

/**
 * The version of the contract that answers are kept in. It is raised with every change that `npm run proto:publish` makes
 * and `buf breaking` refuses: what was kept before cannot be read as what it is now.
 */
export const CONTRACT_VERSION = 2;
const KEPT_FOR = "24 hours";
const FORGOTTEN_AT_ONCE = 20;

/** What names a call and its repetitions. */
export interface RequestName {
  readonly accountId: string;
  readonly rpc: string;
  readonly requestId: string;
}

/** What a call was, and what it answered. */
export interface Answered {
  readonly digest: Buffer;
  readonly answer: Buffer;
  /** The version of the contract that the answer is written in. */
  readonly contractVersion: number;
  /** What the call made use of that its caller was allowed; unknown, and so none, of a server from before. */
  readonly permissions: readonly string[];
}

/**
 * Claims a request for this transaction, or answers with what came of it before. A transaction that has claimed it is
 * waited for: of many at once, one claims it, and the others get its answer, or claim it in turn if it failed.
 */
export async function claimRequest(
  em: EntityManager,
  { accountId, rpc, requestId }: RequestName,
  digest: Buffer,
): Promise<Answered | undefined> {
  const claimed = await em.execute<unknown[]>(
    `insert into answered_request as earlier (account_id, rpc, request_id, digest, answer, contract_version, created_at)
       values (?, ?, ?, ?, null, ${CONTRACT_VERSION}, now())
     on conflict (account_id, rpc, request_id) do update
       set digest = excluded.digest, answer = null, permissions = null, contract_version = excluded.contract_version,
         created_at = excluded.created_at
       where earlier.created_at < now() - interval '${KEPT_FOR}'
     returning 1 as claimed`,
    [accountId, rpc, requestId, digest],
  );
  if (claimed.length > 0) return undefined;
  const earlier = await em.findOneOrFail(AnsweredRequest, { accountId, rpc, requestId });
  if (!earlier.answer) throw new Error("a request was answered by nothing");
  const { answer, contractVersion, permissions } = earlier;
  return { digest: earlier.digest, answer, contractVersion, permissions: permissions ?? [] };
}

/** Keeps the answer of a request that this transaction has claimed, and forgets some that are old. */
export async function keepAnswer(
  em: EntityManager,
  { accountId, rpc, requestId }: RequestName,
  answer: Uint8Array,
  permissions: Iterable<string>,
): Promise<void> {
  await em.execute(
    `with old as (
       select account_id, rpc, request_id from answered_request where created_at < now() - interval '${KEPT_FOR}'
       order by created_at limit ${FORGOTTEN_AT_ONCE} for update skip locked
     ), forgotten as (
       delete from answered_request as request using old
       where (request.account_id, request.rpc, request.request_id) = (old.account_id, old.rpc, old.request_id)
     )
     update answered_request set answer = ?, permissions = array(select jsonb_array_elements_text(?::jsonb)) where account_id = ? and rpc = ? and request_id = ?`,
    [Buffer.from(answer), JSON.stringify([...permissions]), accountId, rpc, requestId],
  );
}
