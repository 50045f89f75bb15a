/** What a query asks of rows, piece by piece; all of it has to hold. */
export class Conditions {
  readonly values: unknown[] = [];
  readonly #texts: string[] = [];

  /** A condition, with its values in the places of its question marks. */
  add(text: string, ...values: readonly unknown[]): void {
    let place = this.values.length;
    this.values.push(...values);
    this.#texts.push(text.replaceAll("?", () => `$${++place}`));
  }

  get text(): string {
    return this.#texts.join(" and ") || "true";
  }
}

/** A column that rows can be ordered by, and its type. */
export interface OrderColumn {
  readonly column: string;
  readonly type: string;
}

/** An order of a table's rows that is total, because equal values are ordered by id; as SQL. */
export interface Keyset {
  readonly order: string;
  /** The condition of what comes behind a row; its values are that row's in the column, and its id. */
  readonly behind: string;
}

/** What a page costs does not grow with its number, as rows are compared and not counted. */
export function keysetOf(table: string, { column, type }: OrderColumn, descending: boolean): Keyset {
  const direction = descending ? "desc" : "asc";
  return {
    order: `order by ${table}.${column} ${direction}, ${table}.id ${direction}`,
    behind: `(${table}.${column}, ${table}.id) ${descending ? "<" : ">"} (?::${type}, ?::uuid)`,
  };
}
