import { tellingOf } from "./change-queries.ts";
import type { EntityManager } from "./store.ts";

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
