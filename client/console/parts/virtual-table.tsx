import { type ColumnDef, columnVisibilityFeature, type RowData, tableFeatures, useTable } from "@tanstack/react-table";
import { useVirtualizer } from "@tanstack/react-virtual";
import { type ReactNode, useEffect, useRef } from "react";

const features = tableFeatures({ columnVisibilityFeature });

export type Column<T extends RowData> = ColumnDef<typeof features, T, unknown> & { readonly id: string };

/** What a column says of its looks. */
export interface ColumnLook {
  readonly width?: number;
  readonly isNumber?: boolean;
  readonly sort?: "ascending" | "descending" | "none";
}

interface VirtualTableProps<T extends RowData> {
  readonly caption: string;
  readonly rows: readonly T[];
  readonly idOf: (row: T) => string;
  readonly columns: Column<T>[];
  readonly looks: Readonly<Record<string, ColumnLook>>;
  readonly visibility: Record<string, boolean>;
  readonly hasMore: boolean;
  readonly onMore: () => void;
  readonly empty: ReactNode;
}

const ROW_PX = 34;
const AHEAD = 25;

/** A table of any length: only the rows in sight are in the document, and the next page is asked for ahead of its time. */
export function VirtualTable<T extends RowData>(props: VirtualTableProps<T>) {
  const { caption, rows, idOf, columns, looks, visibility, hasMore, onMore, empty } = props;
  const box = useRef<HTMLElement>(null);
  const table = useTable({
    features,
    columns,
    data: rows as T[],
    getRowId: idOf,
    state: { columnVisibility: visibility },
  });
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_PX,
    overscan: 12,
  });
  const items = virtualizer.getVirtualItems();
  const lastIndex = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && lastIndex >= rows.length - AHEAD) onMore();
  }, [hasMore, lastIndex, rows.length, onMore]);

  const all = table.getRowModel().rows;
  const before = items[0]?.start ?? 0;
  const behind = virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0);
  const width = table.getVisibleLeafColumns().length;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <section className="table-box" ref={box} tabIndex={0} aria-label={caption}>
      <table className="fixed" aria-rowcount={hasMore ? -1 : rows.length + 1}>
        <caption className="hidden-label">{caption}</caption>
        <colgroup>
          {table.getVisibleLeafColumns().map(({ id }) => (
            <col key={id} style={{ width: looks[id]?.width }} />
          ))}
        </colgroup>
        <thead>
          {table.getHeaderGroups().map((group) => (
            <tr key={group.id} aria-rowindex={1}>
              {group.headers.map((header) => (
                <th
                  key={header.id}
                  scope="col"
                  className={looks[header.column.id]?.isNumber ? "number" : ""}
                  aria-sort={looks[header.column.id]?.sort}
                >
                  <table.FlexRender header={header} />
                </th>
              ))}
            </tr>
          ))}
        </thead>
        <tbody>
          <Spacer height={before} width={width} />
          {items.map(({ index }) => {
            const row = all[index];
            return (
              row && (
                <tr key={row.id} aria-rowindex={index + 2}>
                  {row.getVisibleCells().map((cell) => (
                    <td key={cell.id} className={looks[cell.column.id]?.isNumber ? "number" : ""}>
                      <table.FlexRender cell={cell} />
                    </td>
                  ))}
                </tr>
              )
            );
          })}
          <Spacer height={behind} width={width} />
        </tbody>
      </table>
      {rows.length === 0 && empty}
    </section>
  );
}

function Spacer({ height, width }: { height: number; width: number }) {
  if (height <= 0) return null;
  return (
    <tr className="spacer">
      <td colSpan={width} style={{ height }} />
    </tr>
  );
}
