import type { RowReader } from "../../sql/rows.ts";

/** An Llm, and what it is called for, in a word of the rules of routes. */
interface CalledRow {
  readonly llmId: string;
  readonly operation: string;
}

/** That an Llm has failed, and for how long it is left alone. */
export interface CooldownRow extends CalledRow {
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
  const { llmId, operation, failures, failedWith, isTold, leftMs } = cooldown;
  await rows.query({
    text: `insert into llm_cooldown (llm_id, operation, failures, failed_with, is_told, until)
      select $1, $2, $3, $4, $5, now() + $6 * interval '1 millisecond' where exists (select from llm where id = $1)
      on conflict (llm_id, operation) do update set failures = greatest(llm_cooldown.failures, excluded.failures),
        failed_with = excluded.failed_with, is_told = excluded.is_told, until = excluded.until
      where excluded.until > llm_cooldown.until`,
    values: [llmId, operation, failures, failedWith, isTold, leftMs],
  });
}

/** Keeps that an Llm is well. */
export async function dropCooldown(rows: RowReader, { llmId, operation }: CalledRow): Promise<void> {
  const text = "delete from llm_cooldown where llm_id = $1 and operation = $2";
  await rows.query({ text, values: [llmId, operation] });
}

/** Those of some Llms, or of all. */
export function findCooldowns(rows: RowReader, llmIds: readonly string[] | undefined): Promise<CooldownRow[]> {
  const text = `select llm_id as "llmId", operation, failures, failed_with as "failedWith", is_told as "isTold",
      (extract(epoch from until - now()) * 1000)::float8 as "leftMs"
    from llm_cooldown where $1::uuid[] is null or llm_id = any($1)`;
  return rows.query<CooldownRow>({ text, values: [llmIds ?? null] });
}
