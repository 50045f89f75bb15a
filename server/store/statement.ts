import type { EntityManager } from "@mikro-orm/postgresql";

const prepared = new Map<string, { readonly name: string; readonly text: string }>();

/**
 * Executes one of a few statements that are executed often, its values in the places of its question marks. Each connection
 * prepares it once. It is a transaction by itself, or a part of the one that the unit of work has open.
 */
export async function executeOften<Row>(em: EntityManager, text: string, values: readonly unknown[]): Promise<Row[]> {
  // MikroORM does not say which connection its transaction has.
  if (em.isInTransaction()) return em.execute(text, [...values]);
  const pool = await em.getConnection().getNativeClient();
  const { rows } = await pool.query({ ...preparedOf(text), values: [...values] });
  return rows;
}

function preparedOf(text: string) {
  const known = prepared.get(text);
  if (known) return known;
  let place = 0;
  const made = { name: `often-${prepared.size + 1}`, text: text.replaceAll("?", () => `$${++place}`) };
  prepared.set(text, made);
  return made;
}
