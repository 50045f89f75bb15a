import { type FunctionComponent, type ReactNode, useState } from "react";
import { text } from "../text.ts";
import { Button, Empty, Loading, ProblemNotice } from "./basics.tsx";
import { Table, type TableProps } from "./table.tsx";

/** What a list needs to know of the query that it shows. */
interface Query {
  readonly error: unknown;
  readonly isPending: boolean;
  readonly refetch: () => unknown;
  /** Of a query whose answer comes page by page. */
  readonly hasNextPage?: boolean;
  readonly isFetchingNextPage?: boolean;
  readonly fetchNextPage?: () => unknown;
}

interface ListProps<T> extends TableProps<T> {
  readonly query: Query;
  /** Says that there is nothing, and what to do about it. */
  readonly empty: { readonly title: string; readonly hint?: string; readonly action?: ReactNode };
}

/** What a query has found, as a table with a button for more of it; or why there is none. */
export function List<T>({ query, empty, ...table }: ListProps<T>) {
  const { error, isPending, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  const { rows } = table;
  return (
    <>
      <ProblemNotice error={error} onRetry={() => void refetch()} />
      {isPending && !error && <Loading />}
      {!isPending && !error && rows.length === 0 && (
        <Empty title={empty.title} hint={empty.hint}>
          {empty.action}
        </Empty>
      )}
      {rows.length > 0 && <Table {...table} />}
      {hasNextPage && (
        <div className="row">
          <Button disabled={isFetchingNextPage} onClick={() => void fetchNextPage?.()}>
            {text.common.more}
          </Button>
        </div>
      )}
    </>
  );
}

/** What a dialog over a list is given: the row that it is about. */
export interface RowDialogProps<T> {
  readonly row: T;
  readonly onClose: () => void;
}

/** The dialogs that a list has for its rows, of which one is open at most, and what opens one. */
export function useRowDialogs<T, Kind extends string>(
  dialogs: Readonly<Record<Kind, FunctionComponent<RowDialogProps<T>>>>,
): [dialog: ReactNode, open: (kind: Kind, row: T) => void] {
  const [opened, setOpened] = useState<{ readonly kind: Kind; readonly row: T }>();
  const Dialog: FunctionComponent<RowDialogProps<T>> | undefined = opened && dialogs[opened.kind];
  const dialog = opened && Dialog && <Dialog row={opened.row} onClose={() => setOpened(undefined)} />;
  return [dialog, (kind, row) => setOpened({ kind, row })];
}
