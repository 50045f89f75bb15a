import { Llm } from "../schema/llm.entity.ts";
import type { RowReader } from "../sql/rows.ts";

/** The Llms of an owner that a name may stand for: the one with that alias, or else those that have the model. */
export async function findLlmsByName(rows: RowReader, ownerId: string, name: string): Promise<Readonly<Llm>[]> {
  const llm = await findLlmByAlias(rows, ownerId, name);
  return llm ? [llm] : findLlmsByModel(rows, ownerId, name);
}

/** The Llm of an owner with an alias. */
export async function findLlmByAlias(
  rows: RowReader,
  ownerId: string,
  alias: string,
): Promise<Readonly<Llm> | undefined> {
  const text = "where llm.id = (select llm_id from alias where owner_id = $1 and name = $2)";
  const [llm] = await rows.select(Llm, { text, values: [ownerId, alias] });
  return llm;
}

/** A few of those that have a model: more than one is too many for a name. */
function findLlmsByModel(rows: RowReader, ownerId: string, model: string): Promise<Readonly<Llm>[]> {
  const text =
    "where llm.owner_id = $1 and llm.model_identifier = $2 and llm.deleted_at is null order by created_at, id limit 10";
  return rows.select(Llm, { text, values: [ownerId, model] });
}

/** The Llms of an owner that can be named, the oldest first, up to a limit. */
export function listNamedLlms(rows: RowReader, ownerId: string, limit: number): Promise<Readonly<Llm>[]> {
  const text =
    "where llm.owner_id = $1 and llm.deleted_at is null and not llm.disabled order by created_at, id limit $2";
  return rows.select(Llm, { text, values: [ownerId, limit] });
}
