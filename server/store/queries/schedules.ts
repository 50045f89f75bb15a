import type { EntityManager } from "@mikro-orm/postgresql";
import { changeSql } from "./changes.ts";

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

/**
 * Chats that an Llm has served: it works, and its next check is put off by its interval and a margin. A model that should
 * be gone is looked at again, now that it has replied.
 */
export async function saveServed(em: EntityManager, llmIds: readonly string[], marginSeconds: number): Promise<void> {
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
     ) ${changeSql("changed")}`,
    [ids, "llm", "status_changed"],
  );
  await em.execute(
    `with proven as (
       update llm set model = model || '{"serving": "PROVEN"}'
       where id = any(?::uuid[]) and model_state in ('MISSING', 'RETIRED') and model ->> 'serving' is distinct from 'PROVEN'
       returning id
     )
     update llm_model_check set next_check_at = now() from proven where llm_id = proven.id`,
    [ids],
  );
}

/** Chats that an Llm has failed: it is checked at once, unless its checks have failed already. */
export async function saveFailed(em: EntityManager, llmIds: readonly string[]): Promise<void> {
  await em.execute(
    `update llm_check set next_check_at = now()
      where llm_id = any(?::uuid[]) and failures = 0 and next_check_at > now()`,
    [arrayOf(llmIds)],
  );
}

function arrayOf(ids: readonly string[]): string {
  return `{${ids.join(",")}}`;
}

/** Where it is written which Llm is due when, for one kind of work. */
export type DueTable = "llm_check" | "llm_model_check";

/** An Llm that is due, and is this server's until its lease ends. */
export interface DueLlm {
  readonly llmId: string;
  /** How often its owner wants it tested; 0 for never. */
  readonly intervalSeconds: number;
  /** How often in a row the work has failed. */
  readonly failures: number;
}

/** Takes Llms that are due, for the time of a lease; those that another server has taken are passed over. */
export async function claimDue(
  em: EntityManager,
  table: DueTable,
  most: number,
  leaseSeconds: number,
): Promise<DueLlm[]> {
  return em.execute(
    `with due as (
      select llm_id from ${table}
        where next_check_at <= now() and (checking_until is null or checking_until <= now())
        order by next_check_at limit ? for update skip locked
    )
    update ${table} set checking_until = now() + ? * interval '1 second'
      from due join llm on llm.id = due.llm_id where ${table}.llm_id = due.llm_id
      returning ${table}.llm_id as "llmId", llm.check_interval_seconds as "intervalSeconds", failures`,
    [most, leaseSeconds],
  );
}

/** Gives an Llm back, with when it is due again and how often the work has failed. */
export async function returnDue(
  em: EntityManager,
  table: DueTable,
  llmId: string,
  delayMs: number,
  failures: number,
): Promise<void> {
  await em.execute(
    `update ${table} set checking_until = null, next_check_at = now() + ? * interval '1 millisecond', failures = ?
      where llm_id = ?`,
    [Math.round(delayMs), failures, llmId],
  );
}
