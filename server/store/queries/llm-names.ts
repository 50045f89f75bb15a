import type { EntityManager } from "@mikro-orm/postgresql";
import { type AllowedNames, addAllowed } from "../limits/allowed.ts";
import { Llm } from "../schema/llm.entity.ts";
import { Conditions } from "../sql/conditions.ts";
import type { RowReader } from "../sql/rows.ts";

/** What a name of an owner's own stands for. */
export interface Named {
  readonly id: string;
  readonly kind: "llm" | "route";
}

const NAMED =
  "select coalesce(llm_id, route_id) as id, case when llm_id is null then 'route' else 'llm' end as kind from alias";

/** What goes by a name in the namespace of an owner. */
export async function findNamed(rows: RowReader, ownerId: string, name: string): Promise<Named | undefined> {
  const text = `${NAMED} where owner_id = $1 and name = $2`;
  const [named] = await rows.query<Named>({ text, values: [ownerId, name] });
  return named;
}

/** The same, as the transaction around a call sees it. */
export async function findNamedWithin(em: EntityManager, ownerId: string, name: string): Promise<Named | undefined> {
  const [named] = await em.execute<Named[]>(`${NAMED} where owner_id = ? and name = ?`, [ownerId, name]);
  return named;
}

/** A few of the Llms of an owner that have a model: more than one is too many for a name. */
export function findLlmsByModel(rows: RowReader, ownerId: string, model: string): Promise<Readonly<Llm>[]> {
  const text =
    "where llm.owner_id = $1 and llm.model_identifier = $2 and llm.deleted_at is null order by created_at, id limit 10";
  return rows.select(Llm, { text, values: [ownerId, model] });
}

/** The Llms of an owner that can be named, and that some names stand for if they are given, the oldest first, up to a limit. */
export function listNamedLlms(
  rows: RowReader,
  ownerId: string,
  limit: number,
  allowed?: readonly AllowedNames[],
): Promise<Readonly<Llm>[]> {
  const where = new Conditions();
  where.add("llm.owner_id = ? and llm.deleted_at is null and not llm.disabled", ownerId);
  addAllowed(where, "llm", allowed);
  return rows.select(Llm, { text: `where ${where.text} order by created_at, id limit ${limit}`, values: where.values });
}

/** What can be named, deleted Llms with it: its name, and in whose namespace that is. */
export interface NameableRow {
  readonly id: string;
  readonly alias: string;
  readonly owner: string;
}

/** Those of some Llms and routes that there are, by their ids. */
export function findNameables(rows: RowReader, ids: readonly string[]): Promise<NameableRow[]> {
  const text = `select id, alias, owner_id as owner from llm where id = any($1::uuid[])
    union all select id, name, owner_id from route where id = any($1::uuid[])`;
  return rows.query({ name: "nameables", text, values: [ids] });
}
