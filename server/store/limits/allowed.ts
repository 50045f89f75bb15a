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

/** Which of some names stand for nothing in the namespace of an account, nor as an id anywhere; and those that do there. */
export async function sortNames(
  em: EntityManager,
  accountId: string,
  names: readonly string[],
): Promise<{ readonly unknown: readonly string[]; readonly known: readonly string[] }> {
  const ids = names.filter((name) => UUID.test(name));
  const aliases = await em.execute<{ name: string }[]>(
    "select name from alias where owner_id = ? order by name limit 1000",
    [accountId],
  );
  const found = await em.execute<{ name: string }[]>(
    `select name from alias where owner_id = ? and name in (select json_array_elements_text(?::json))
     union all select id::text from llm where deleted_at is null and id in (select json_array_elements_text(?::json)::uuid)
     union all select id::text from route where id in (select json_array_elements_text(?::json)::uuid)`,
    [accountId, JSON.stringify(names), JSON.stringify(ids), JSON.stringify(ids)],
  );
  const isFound = new Set(found.map(({ name }) => name));
  return { unknown: names.filter((name) => !isFound.has(name)), known: aliases.map(({ name }) => name) };
}
