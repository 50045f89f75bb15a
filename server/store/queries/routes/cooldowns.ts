import type { RowReader } from "../../sql/rows.ts";

/** That an Llm has failed, and for how long it is left alone. */
export interface CooldownRow {
  readonly llmId: string;
  /** How often in a row. */
  readonly failures: number;
  readonly failedWith: string;
  /** Whether its endpoint said for how long. */
  readonly isTold: boolean;
  /** How much of it is left; 0 or less when it is over. By the clock of the database, which all servers share. */
  readonly leftMs: number;
}

/** Keeps that an Llm has failed. What another server knows that is worse stays. */
export async function keepCooldown(rows: RowReader, cooldown: CooldownRow): Promise<void> {
  const { llmId, failures, failedWith, isTold, leftMs } = cooldown;
  await rows.query({
    text: `insert into llm_cooldown (llm_id, failures, failed_with, is_told, until)
      select $1, $2, $3, $4, now() + $5 * interval '1 millisecond' where exists (select from llm where id = $1)
      on conflict (llm_id) do update set failures = greatest(llm_cooldown.failures, excluded.failures),
        failed_with = excluded.failed_with, is_told = excluded.is_told, until = excluded.until
      where excluded.until > llm_cooldown.until`,
    values: [llmId, failures, failedWith, isTold, leftMs],
  });
}

/** Keeps that an Llm is well. */
export async function dropCooldown(rows: RowReader, llmId: string): Promise<void> {
  await rows.query({ text: "delete from llm_cooldown where llm_id = $1", values: [llmId] });
}

/** Those of some Llms, or of all. */
export function findCooldowns(rows: RowReader, llmIds: readonly string[] | undefined): Promise<CooldownRow[]> {
  const text = `select llm_id as "llmId", failures, failed_with as "failedWith", is_told as "isTold",
      (extract(epoch from until - now()) * 1000)::float8 as "leftMs"
    from llm_cooldown where $1::uuid[] is null or llm_id = any($1)`;
  return rows.query<CooldownRow>({ text, values: [llmIds ?? null] });
}
