import type { EntityClass, EntityManager, EntityMetadata, RequiredEntityData } from "@mikro-orm/postgresql";

const prepared = new Map<string, { readonly name: string; readonly text: string }>();

/**
 * Executes one of a few statements that are executed often, its values in the places of its question marks. Each connection
 * prepares it once. It is a transaction by itself, or a part of the one that the unit of work has open.
 */
export async function executePrepared<Row>(
  em: EntityManager,
  text: string,
  values: readonly unknown[],
): Promise<Row[]> {
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

/** The columns that an insert sets, and their values as pg takes them. */
export interface ColumnValues {
  readonly columns: readonly string[];
  readonly values: readonly unknown[];
}

/**
 * A row as it will be once it is inserted, past the unit of work: what is left out has its default or is null, and so is what
 * other tables say of it. What is lazy is not loaded.
 */
export function newRow<Entity extends object>(
  em: EntityManager,
  entity: EntityClass<Entity>,
  data: RequiredEntityData<Entity>,
): Entity {
  return { ...defaultsOf(metadataOf(em, entity)), ...data } as unknown as Entity;
}

/** How a row is inserted; what is undefined is left to the database. */
export function insertColumns<Entity extends object>(
  em: EntityManager,
  entity: EntityClass<Entity>,
  row: Entity,
): ColumnValues {
  const platform = em.getPlatform();
  const columns: string[] = [];
  const values: unknown[] = [];
  for (const { name, fieldNames, customType, persist, generated } of metadataOf(em, entity).props) {
    const value = (row as Record<string, unknown>)[name];
    if (value === undefined || persist === false || generated) continue;
    columns.push(fieldNames[0] as string);
    values.push(customType ? customType.convertToDatabaseValue(value, platform) : value);
  }
  return { columns, values };
}

/** MikroORM counts from it. */
const FIRST_VERSION = 1;
const defaults = new WeakMap<EntityMetadata, Readonly<Record<string, unknown>>>();

function defaultsOf(metadata: EntityMetadata): Readonly<Record<string, unknown>> {
  let known = defaults.get(metadata);
  if (!known) {
    const eager = metadata.props.filter(({ lazy }) => !lazy);
    known = Object.fromEntries(
      eager.map(({ name, version, default: standard }) => [name, version ? FIRST_VERSION : (standard ?? null)]),
    );
    defaults.set(metadata, known);
  }
  return known;
}

function metadataOf(em: EntityManager, entity: EntityClass<object>): EntityMetadata {
  return em.getMetadata().get(entity) as unknown as EntityMetadata;
}
