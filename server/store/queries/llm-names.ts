import { Llm } from "../schema/llm.entity.ts";
import type { RowReader } from "../sql/rows.ts";

/** The Llms of an owner that a name may stand for: the one with that alias, or else all that have the model. */
export function findLlmsByName(rows: RowReader, ownerId: string, name: string): Promise<Readonly<Llm>[]> {
  const text =
    "where llm.owner_id = $1 and llm.model_identifier = $2 and llm.deleted_at is null order by created_at limit 10";
  return rows.select(Llm, { text, values: [ownerId, name] });
}

/** The Llms of an owner that can be named, the oldest first, up to a limit. */
export function listNamedLlms(rows: RowReader, ownerId: string, limit: number): Promise<Readonly<Llm>[]> {
  const text =
    "where llm.owner_id = $1 and llm.deleted_at is null and not llm.disabled order by created_at, id limit $2";
  return rows.select(Llm, { text, values: [ownerId, limit] });
}
