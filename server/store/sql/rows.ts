import type { EntityClass, EntityMetadata, MikroORM } from "@mikro-orm/postgresql";
import { type Pool, TypeOverrides, types } from "pg";
import { type ApiKeyRow, readApiKeyRow, type StoredApiKey } from "../queries/access.ts";
import { Llm } from "../schema/llm.entity.ts";

/** `text[]`, which has no name among those of pg. */
const TEXT_ARRAY = 1009 as number;

/** pg's own readers of values, as those of MikroORM's connections leave JSON and times as text; big numbers as entities have them. */
const READERS = new TypeOverrides();
READERS.setTypeParser(types.builtins.INT8, BigInt);
READERS.setTypeParser(TEXT_ARRAY, readTexts);

/** A statement and its values, in the places of `$1` and so on; with a name, each connection prepares it once. */
export interface PlainQuery {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly name?: string;
}

/**
 * Reads rows past the unit of work, at a third of the price of `find`: plain objects that nothing tracks, their values as
 * entities have them. What an entity is made of is taken from its metadata, so that a new column needs nothing here.
 */
export class RowReader {
  readonly #orm: MikroORM;
  readonly #pool: Pool;
  readonly #starts = new Map<EntityClass<object>, string>();

  constructor(orm: MikroORM, pool: Pool) {
    this.#orm = orm;
    this.#pool = pool;
  }

  /** Rows of an entity, by all that goes behind its table's name; that name is what its columns are called by. */
  async select<Entity extends object>(
    entity: EntityClass<Entity>,
    { text, values }: PlainQuery,
  ): Promise<Readonly<Entity>[]> {
    let start = this.#starts.get(entity);
    if (start === undefined) {
      start = `select ${this.listOf(entity)} from ${this.#orm.getMetadata().get(entity).tableName}`;
      this.#starts.set(entity, start);
    }
    return this.query({ text: `${start} ${text}`, values });
  }

  async query<Row>({ values, ...statement }: PlainQuery): Promise<Row[]> {
    const { rows } = await this.#pool.query({ ...statement, values: [...values], types: READERS });
    return rows;
  }

  /** How many rows a query finds. */
  async count({ text, values }: PlainQuery): Promise<number> {
    const [row] = await this.query<{ count: bigint }>({ text: `select count(*) from (${text}) as counted`, values });
    return Number(row?.count);
  }

  /** The select list that gives the properties of an entity by their names; the lazy ones only when asked for. */
  listOf<Entity extends object>(entity: EntityClass<Entity>, withLazy: readonly string[] = []): string {
    return selectList(this.#orm.getMetadata().get(entity) as EntityMetadata, withLazy);
  }
}

function selectList({ props, tableName }: EntityMetadata, withLazy: readonly string[]): string {
  return props
    .filter(({ name, lazy }) => !lazy || withLazy.includes(name))
    .map(({ name, fieldNames: [column], formula }) => {
      const value = formula ? formula({} as never, { alias: tableName } as never) : `${tableName}.${column}`;
      return `${value} as "${name}"`;
    })
    .join(", ");
}

/** Arrays of plain words are most of them; pg's reader looks at each of their characters, a tenth of what a list takes. */
function readTexts(text: string): unknown {
  const inside = text.slice(1, -1);
  if (/["{]|NULL/.test(inside)) return types.getTypeParser(TEXT_ARRAY)(text);
  return inside === "" ? [] : inside.split(",");
}

type Name = "apiKey" | "account" | "llm" | "llmForUse" | "defaultLlm";

/** The plain rows that most calls need, by statements that each connection prepares once. */
export class PreparedReads {
  readonly #rows: RowReader;
  readonly #statements: Readonly<Record<Name, string>>;

  constructor(rows: RowReader) {
    this.#rows = rows;
    const withSecret = rows.listOf(Llm, ["sealedCredentials", "hasBudget"]);
    const owned = "from llm where llm.id = $1 and ($2::uuid is null or llm.owner_id = $2) and llm.deleted_at is null";
    this.#statements = {
      apiKey: "select account_id, role, scopes, digest, expires_at, revoked_at from api_key where id = $1",
      account: "select id from account where id = $1",
      llm: `select ${rows.listOf(Llm)} ${owned}`,
      llmForUse: `select ${withSecret} ${owned}`,
      defaultLlm: "select default_llm_id as id from account where id = $1 and default_llm_id is not null",
    };
  }

  async apiKey(id: string): Promise<ApiKeyRow | undefined> {
    const row = await this.#first<StoredApiKey>("apiKey", [id]);
    return row && readApiKeyRow(row);
  }

  /** Whether there is such an account. */
  account(id: string): Promise<{ readonly id: string } | undefined> {
    return this.#first("account", [id]);
  }

  /** An Llm, if it is that owner's or the owner is left open. */
  llm(id: string, ownerId: string | undefined): Promise<Readonly<Llm> | undefined> {
    return this.#first("llm", [id, ownerId]);
  }

  /** The same, with what it takes to chat through it. */
  llmForUse(id: string, ownerId: string | undefined): Promise<Readonly<Llm> | undefined> {
    return this.#first("llmForUse", [id, ownerId]);
  }

  /** The id of an account's default Llm. */
  defaultLlm(accountId: string): Promise<{ readonly id: string } | undefined> {
    return this.#first("defaultLlm", [accountId]);
  }

  async #first<Row>(name: Name, values: readonly unknown[]): Promise<Row | undefined> {
    const [row] = await this.#rows.query<Row>({ name, text: this.#statements[name], values });
    return row;
  }
}
