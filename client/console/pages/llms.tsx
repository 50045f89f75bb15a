import { useCallback, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { Link, useSearchParams } from "wouter";
import { formatAgo, formatCost, formatTime } from "../browser/format.ts";
import { go } from "../browser/place.ts";
import { prefer, usePreferences } from "../browser/preferences.ts";
import { requestOf } from "../calls/call.ts";
import { useCaller } from "../data/caller.ts";
import { showUnseen, useUnseen } from "../data/llm-watch.ts";
import {
  Direction,
  type Llm,
  type LlmFilter,
  llmMethods,
  type ModelState,
  OrderBy,
  type ProviderType,
  type Status,
  useLlms,
} from "../data/llms.ts";
import { type Month, NOTHING, useMonth, useMonths } from "../data/month.ts";
import { AsCode } from "../parts/as-code.tsx";
import { Badge, Button, Empty, Loading, ProblemNotice } from "../parts/basics.tsx";
import { CheckField, optionsOf, SelectField, TextField } from "../parts/fields.tsx";
import { CheckMenu } from "../parts/later.tsx";
import { LastTest, ModelBadge, StatusBadge } from "../parts/llm-badges.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { useRowKeys } from "../parts/shortcuts.ts";
import { Spark } from "../parts/spark.tsx";
import { type Column, type ColumnLook, VirtualTable } from "../parts/virtual-table.tsx";
import { text } from "../text.ts";

const t = text.llms;
const TYPING_MS = 150;

const SORTS: Readonly<Record<string, OrderBy>> = {
  name: OrderBy.DISPLAY_NAME,
  model: OrderBy.MODEL_IDENTIFIER,
  updated: OrderBy.UPDATED_AT,
};

export function LlmsPage() {
  const { may, mayForAny } = useCaller();
  const { filter, isFiltered, get, set, clear } = useFilter();
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage, refetch } = useLlms(filter);
  const rows = useMemo(() => data?.pages.flatMap(({ llms }) => llms) ?? [], [data]);
  const total = data?.pages[0]?.totalSize;
  const months = useMonths(may("READ_USAGE"));
  const { hiddenColumns } = usePreferences();
  const isUnseen = useUnseen();
  useRowKeys();

  const sort = get("sort");
  const columns = useColumns(months, sort, (next) => set({ sort: next }));
  const visibility = Object.fromEntries(columns.map(({ id }) => [id, !hiddenColumns[id]]));
  const onMore = useCallback(() => {
    if (!isFetchingNextPage) void fetchNextPage();
  }, [isFetchingNextPage, fetchNextPage]);

  const isEmpty = !isPending && !error && rows.length === 0 && !isFiltered;
  return (
    <div className="page full">
      <PageHead
        title={t.title}
        beside={total !== undefined && <span className="muted">{t.total(total, total >= 10_000)}</span>}
      >
        {isUnseen && (
          <Button isSmall onClick={showUnseen}>
            {t.unseen}
          </Button>
        )}
        <AsCode
          isSmall={false}
          method={llmMethods.listLlms}
          request={() => requestOf(llmMethods.listLlms, { ...filter, pageSize: 100 })}
        />
        {may("CREATE_LLM") && (
          <Link href="/connect" className="button primary">
            {t.connect}
          </Link>
        )}
      </PageHead>
      <search className="row">
        <Search value={get("q")} onChange={(q) => set({ q })} />
        <SelectField
          label={t.status}
          isLabelHidden
          value={get("status")}
          options={[["", `${t.status}: ${text.common.all}`], ...optionsOf(text.status)]}
          onChange={(event) => set({ status: event.target.value })}
        />
        <SelectField
          label={t.type}
          isLabelHidden
          value={get("type")}
          options={[["", `${t.type}: ${text.common.all}`], ...optionsOf(text.providerTypes)]}
          onChange={(event) => set({ type: event.target.value })}
        />
        <SelectField
          label={t.modelState}
          isLabelHidden
          value={get("model")}
          options={[["", `${t.modelState}: ${text.common.all}`], ...optionsOf(text.modelState)]}
          onChange={(event) => set({ model: event.target.value })}
        />
        <LabelFilter value={get("label")} onChange={(label) => set({ label })} />
        {may("DELETE_LLM") && (
          <CheckField
            label={t.deleted}
            checked={get("deleted") === "1"}
            onChange={(event) => set({ deleted: event.target.checked ? "1" : "" })}
          />
        )}
        {isFiltered && <Button onClick={clear}>{t.clear}</Button>}
        <span className="grow" />
        <CheckMenu
          label={t.columns}
          options={columns
            .filter(({ id }) => id !== "name" && (id !== "owner" || mayForAny("READ_LLM")))
            .map(({ id }) => ({ id, name: t.column[id as keyof typeof t.column], isOn: !hiddenColumns[id] }))}
          onToggle={(id) => prefer({ hiddenColumns: { ...hiddenColumns, [id]: !hiddenColumns[id] } })}
        />
      </search>
      <ProblemNotice error={error} onRetry={() => void refetch()} />
      {!error && (
        <VirtualTable
          caption={t.caption}
          rows={rows}
          idOf={({ llmId }) => llmId}
          columns={columns}
          looks={looksOf(sort)}
          visibility={visibility}
          hasMore={hasNextPage}
          onMore={onMore}
          empty={
            isPending ? (
              <div className="empty">
                <Loading />
              </div>
            ) : isEmpty ? (
              <Empty title={t.emptyTitle} hint={may("CREATE_LLM") ? t.emptyHint : ""}>
                {may("CREATE_LLM") && (
                  <Link href="/connect" className="button primary">
                    {t.connect}
                  </Link>
                )}
              </Empty>
            ) : (
              <Empty title={t.nothingTitle} hint={t.nothingHint}>
                <Button onClick={clear}>{t.clear}</Button>
              </Empty>
            )
          }
        />
      )}
    </div>
  );
}

/** The filter is in the address, so that it can be sent to somebody. */
function useFilter() {
  const [query] = useSearchParams();
  const get = (name: string) => query.get(name) ?? "";
  const set = (changes: Record<string, string>) => {
    const next = new URLSearchParams(query);
    for (const [name, value] of Object.entries(changes)) {
      if (value === "") next.delete(name);
      else next.set(name, value);
    }
    go(`/llms${next.size > 0 ? `?${next}` : ""}`, { replace: true });
  };
  const sort = get("sort");
  const [key, value = ""] = get("label").split(/=(.*)/s, 2);
  const filter: LlmFilter = {
    search: useDeferredValue(get("q")),
    status: Number(get("status")) as Status,
    providerType: Number(get("type")) as ProviderType,
    modelState: Number(get("model")) as ModelState,
    showDeleted: get("deleted") === "1",
    includeTotalSize: true,
    orderBy: SORTS[sort.replace("-", "")] ?? OrderBy.CREATED_AT,
    direction: sort.startsWith("-") || sort === "" ? Direction.DESC : Direction.ASC,
    ...(key && { labels: { [key]: value } }),
  };
  const isFiltered = ["q", "status", "type", "model", "label", "deleted"].some((name) => get(name) !== "");
  const clear = () => go("/llms", { replace: true });
  return { filter, isFiltered, get, set, clear };
}

/** Types at once, and asks when a finger rests. */
function Search({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [typed, setTyped] = useDebounced(value, onChange);
  return (
    <TextField
      label={text.common.search}
      isLabelHidden
      type="search"
      className="search"
      placeholder={t.searchHint}
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
    />
  );
}

function LabelFilter({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const [typed, setTyped] = useDebounced(value, onChange);
  return (
    <TextField
      label={t.label}
      isLabelHidden
      className="short"
      placeholder={t.labelHint}
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
    />
  );
}

function useDebounced(value: string, onChange: (value: string) => void): [string, (value: string) => void] {
  const [typed, setTyped] = useState(value);
  const latest = useRef(onChange);
  latest.current = onChange;
  useEffect(() => setTyped(value), [value]);
  useEffect(() => {
    if (typed === value) return;
    const timer = setTimeout(() => latest.current(typed), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed, value]);
  return [typed, setTyped];
}

function looksOf(sort: string): Record<string, ColumnLook> {
  const sorted = (id: string) => {
    if (!SORTS[id]) return {};
    if (sort.replace("-", "") !== id) return { sort: "none" as const };
    return { sort: sort.startsWith("-") ? ("descending" as const) : ("ascending" as const) };
  };
  return {
    status: { width: 112 },
    name: { width: 200, ...sorted("name") },
    model: { width: 192, ...sorted("model") },
    type: { width: 150 },
    endpoint: { width: 170 },
    test: { width: 170 },
    month: { width: 146, isNumber: true },
    total: { width: 112, isNumber: true },
    labels: { width: 160 },
    owner: { width: 130 },
    updated: { width: 100, ...sorted("updated") },
  };
}

function useColumns(months: ReturnType<typeof useMonths>, sort: string, onSort: (sort: string) => void): Column<Llm>[] {
  const latest = useRef(onSort);
  latest.current = onSort;
  return useMemo(() => {
    const title = (id: keyof typeof t.column) => () => {
      const name = t.column[id];
      if (!SORTS[id]) return name;
      const arrow = sort === id ? " ↑" : sort === `-${id}` ? " ↓" : "";
      const next = sort === id ? `-${id}` : sort === `-${id}` ? "" : id;
      return (
        <button type="button" className="sort" onClick={() => latest.current(next)} title={t.sortBy(name)}>
          {name}
          <span aria-hidden="true">{arrow}</span>
        </button>
      );
    };
    const column = (id: keyof typeof t.column, cell: (llm: Llm) => React.ReactNode): Column<Llm> => ({
      id,
      header: title(id),
      cell: ({ row }) => cell(row.original),
    });
    return [
      column("status", ({ status }) => <StatusBadge status={status} />),
      column("name", (llm) => (
        <>
          <Link href={`/llms/${llm.llmId}`} data-row title={llm.description || llm.displayName}>
            {llm.displayName}
          </Link>{" "}
          {llm.isDefault && <Badge tone="accent">{t.default}</Badge>}
        </>
      )),
      column("model", (llm) => (
        <>
          <ModelBadge llm={llm} /> <code title={llm.modelIdentifier}>{llm.modelIdentifier}</code>
        </>
      )),
      column("type", ({ providerType }) => text.providerTypes[providerType]),
      column("endpoint", ({ endpointUrl }) => (
        <span className="muted" title={endpointUrl}>
          {endpointUrl.replace(/^https?:\/\//, "")}
        </span>
      )),
      column("test", (llm) => <LastTest llm={llm} />),
      column("month", ({ llmId }) => <MonthCell llmId={llmId} months={months} />),
      column("total", ({ totalCost, unpricedReplies }) => (
        <span title={unpricedReplies > 0n ? t.unpriced(String(unpricedReplies)) : undefined}>
          {formatCost(totalCost)}
          {unpricedReplies > 0n && <span className="muted"> +?</span>}
        </span>
      )),
      column("labels", ({ labels }) =>
        Object.entries(labels)
          .map(([key, value]) => `${key}=${value}`)
          .join(", "),
      ),
      column("owner", ({ ownerId }) => <code title={ownerId}>{ownerId.slice(0, 8)}</code>),
      column("updated", ({ updatedAt }) => <span title={formatTime(updatedAt)}>{formatAgo(updatedAt)}</span>),
    ];
  }, [months, sort]);
}

function MonthCell({ llmId, months }: { llmId: string; months: ReturnType<typeof useMonths> }) {
  const own = useMonth(llmId, months.isReady && !months.ofAll);
  const month: Month | undefined = months.ofAll ? (months.ofAll.get(llmId) ?? NOTHING) : own;
  if (!month) return <span className="muted">…</span>;
  return (
    <span title={month.unpriced > 0n ? t.unpriced(String(month.unpriced)) : undefined}>
      <Spark values={month.costs} />
      {formatCost(month.cost)}
      {month.unpriced > 0n && <span className="muted"> +?</span>}
    </span>
  );
}
