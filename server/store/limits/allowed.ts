import type { EntityManager } from "@mikro-orm/postgresql";
import type { Conditions } from "../sql/conditions.ts";

/** Names that somebody may use, and the account in whose namespace they are. */
export interface AllowedNames {
  readonly names: readonly string[];
  readonly accountId: string;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Cuts a query of Llms, or of routes, to what some names stand for; to all of it where there are none. */
export function addAllowed(where: Conditions, table: "llm" | "route", allowed: readonly AllowedNames[] = []): void {
  const name = table === "llm" ? "llm.alias" : "route.name";
  for (const { names, accountId } of allowed) {
    const ids = names.filter((one) => UUID.test(one));
    const condition = `(${table}.id = any(?::uuid[]) or (${name} = any(?::text[]) and ${table}.owner_id = ?::uuid))`;
    where.add(condition, ids, names, accountId);
  }
}

/** A condition, with `?` for its values. */
export interface Condition {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Cuts rows that refer to Llms and routes, by the SQL of their ids, to those of which names stand for any of these. */
export function allowedReferences(ids: readonly string[], allowed: readonly AllowedNames[]): Condition {
  const named = `(select coalesce(llm_id, route_id) from alias
      where alias.owner_id = ?::uuid and alias.name in (select json_array_elements_text(?::json))
    union all select json_array_elements_text(?::json)::uuid)`;
  const texts = allowed.map(() => `(${ids.map((id) => `${id} in ${named}`).join(" or ")})`);
  const values = allowed.flatMap(({ names, accountId }) => {
    const one = [accountId, JSON.stringify(names), JSON.stringify(names.filter((name) => UUID.test(name)))];
    return ids.flatMap(() => one);
  });
  return { text: texts.length > 0 ? texts.join(" and ") : "true", values };
}

/** Which of some names stand for something in the namespace of an account, or as an id anywhere. */
export async function knownNames(
  em: EntityManager,
  accountId: string,
  names: readonly string[],
): Promise<ReadonlySet<string>> {
  const ids = names.filter((name) => UUID.test(name));
  const found = await em.execute<{ name: string }[]>(
    `select name from alias where owner_id = ? and name in (select json_array_elements_text(?::json))
     union all select id::text from llm where deleted_at is null and id in (select json_array_elements_text(?::json)::uuid)
     union all select id::text from route where id in (select json_array_elements_text(?::json)::uuid)`,
    [accountId, JSON.stringify(names), JSON.stringify(ids), JSON.stringify(ids)],
  );
  return new Set(found.map(({ name }) => name));
}

/** Some of the names that there are in the namespace of an account. */
export async function namesOf(em: EntityManager, accountId: string): Promise<readonly string[]> {
  const rows = await em.execute<{ name: string }[]>(
    "select name from alias where owner_id = ? order by name limit 1000",
    [accountId],
  );
  return rows.map(({ name }) => name);
}
