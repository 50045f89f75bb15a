import { tellingOf } from "./change-queries.ts";
import type { EntityManager } from "./store.ts";

/** A check that is due, and is this server's until its lease ends. */
export interface DueCheck {
  readonly llmId: string;
  readonly intervalSeconds: number;
  /** How often in a row it has failed. */
  readonly failures: number;
}

/** Has an Llm checked at once and from then on, or, with an interval of 0, no more. */
export async function scheduleChecks(em: EntityManager, llmId: string, intervalSeconds: number): Promise<void> {
  if (intervalSeconds === 0) {
    await em.execute("delete from llm_check where llm_id = ?", [llmId]);
    return;
  }
  await em.execute(
    `insert into llm_check (llm_id, next_check_at) values (?, now())
      on conflict (llm_id) do update set next_check_at = now(), failures = 0`,
    [llmId],
  );
}

/** Takes checks that are due, for the time of a lease; those that another server has taken are passed over. */
export async function claimChecks(em: EntityManager, most: number, leaseSeconds: number): Promise<DueCheck[]> {
  return em.execute(
    `with due as (
      select llm_id from llm_check
        where next_check_at <= now() and (checking_until is null or checking_until <= now())
        order by next_check_at limit ? for update skip locked
    )
    update llm_check set checking_until = now() + ? * interval '1 second'
      from due join llm on llm.id = due.llm_id where llm_check.llm_id = due.llm_id
      returning llm_check.llm_id as "llmId", llm.check_interval_seconds as "intervalSeconds", failures`,
    [most, leaseSeconds],
  );
}

/** Gives a check back, with when it is due again and how often it has failed. */
export async function returnCheck(em: EntityManager, llmId: string, delayMs: number, failures: number): Promise<void> {
  await em.execute(
    `update llm_check set checking_until = null, next_check_at = now() + ? * interval '1 millisecond', failures = ?
      where llm_id = ?`,
    [Math.round(delayMs), failures, llmId],
  );
}

/** Chats that an Llm has served: it works, and its next check is put off by its interval and a margin. */
export async function keepServed(em: EntityManager, llmIds: readonly string[], marginSeconds: number): Promise<void> {
  const ids = arrayOf(llmIds);
  await em.execute(
    `update llm_check set failures = 0,
        next_check_at = greatest(next_check_at, now() + (check_interval_seconds + ?) * interval '1 second')
      from llm where llm.id = llm_check.llm_id and llm.id = any(?::uuid[])`,
    [marginSeconds, ids],
  );
  await em.execute(
    `with changed as (
       update llm set status = 'ACTIVE' where id = any(?::uuid[]) and status in ('FAILING', 'UNTESTED')
       returning id, owner_id
     ) ${tellingOf("changed")}`,
    [ids, "llm", "status_changed"],
  );
}

/** Chats that an Llm has failed: it is checked at once, unless its checks have failed already. */
export async function keepFailed(em: EntityManager, llmIds: readonly string[]): Promise<void> {
  await em.execute(
    `update llm_check set next_check_at = now()
      where llm_id = any(?::uuid[]) and failures = 0 and next_check_at > now()`,
    [arrayOf(llmIds)],
  );
}

function arrayOf(ids: readonly string[]): string {
  return `{${ids.join(",")}}`;
}
