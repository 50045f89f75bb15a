import type { ReactNode } from "react";

/** A column of a short table. */
export interface TableColumn<T> {
  readonly name: string;
  readonly cell: (row: T) => ReactNode;
  readonly isNumber?: boolean;
  /** Leaves the name to those who cannot see that it is not needed, as over buttons. */
  readonly isNameHidden?: boolean;
  /** Said when somebody points at the cell. */
  readonly hint?: (row: T) => string | undefined;
}

export interface TableProps<T> {
  readonly label: string;
  readonly columns: readonly TableColumn<T>[];
  readonly rows: readonly T[];
  readonly idOf: (row: T) => string;
  /** Whether it is the row that the rest of the page is about. */
  readonly isCurrent?: (row: T) => boolean;
}

/** A table whose rows are all in the document; for more than a few hundred there is VirtualTable. */
export function Table<T>({ label, columns, rows, idOf, isCurrent }: TableProps<T>) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="table-box" tabIndex={0} aria-label={label}>
      <table aria-label={label}>
        <thead>
          <tr>
            {columns.map(({ name, isNumber, isNameHidden }) => (
              <th key={name} scope="col" className={isNumber ? "number" : ""}>
                {isNameHidden ? <span className="hidden-label">{name}</span> : name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={idOf(row)} aria-current={isCurrent?.(row) || undefined}>
              {columns.map(({ name, cell, isNumber, hint }) => (
                <td key={name} className={isNumber ? "number" : ""} title={hint?.(row)}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
