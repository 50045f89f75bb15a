import type { EntityManager } from "./store.ts";

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
