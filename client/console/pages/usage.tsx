import { useCallback, useMemo, useState } from "react";
import { useSearchParams } from "wouter";
import { download } from "../browser/download.ts";
import { dayOf, formatCost, formatNumber } from "../browser/format.ts";
import { go } from "../browser/place.ts";
import { requestOf } from "../calls/call.ts";
import { useKeyNames } from "../data/access/access.ts";
import { useCaller } from "../data/caller.ts";
import { useLlmNames } from "../data/llms.ts";
import { useRoutes } from "../data/routes.ts";
import {
  budgetMethods,
  GroupBy,
  type Sum,
  sumOf,
  type UsageQuestion,
  type UsageRow,
  usageMethods,
  useBudgets,
  useUsage,
} from "../data/usage.ts";
import { AsCode } from "../parts/as-code.tsx";
import { Button, Empty, Loading, ProblemNotice } from "../parts/basics.tsx";
import { BudgetList } from "../parts/budgets.tsx";
import { SelectField, TextField } from "../parts/fields.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { Table, type TableColumn } from "../parts/table.tsx";
import { RangeField, UsagePlot, UsageTiles } from "../parts/usage-parts.tsx";
import { text } from "../text.ts";
import { SetBudget } from "./set-budget.tsx";

const t = text.usage;

const GROUPS: Record<string, GroupBy> = {
  llm: GroupBy.LLM,
  model: GroupBy.MODEL,
  key: GroupBy.API_KEY,
  person: GroupBy.SUBJECT,
  owner: GroupBy.OWNER,
  label: GroupBy.LABEL,
  route: GroupBy.ROUTE,
};

export default function UsagePage() {
  const { may } = useCaller();
  const [query] = useSearchParams();
  const get = (name: string, fallback = "") => query.get(name) ?? fallback;
  const set = (name: string, value: string) => {
    const next = new URLSearchParams(query);
    next.set(name, value);
    go(`/usage?${next}`, { replace: true });
  };
  const days = Number(get("days", "30"));
  const group = get("by", "llm");
  const labelKey = get("label");
  const isReady = group !== "label" || labelKey !== "";
  const question: UsageQuestion = {
    startDay: dayOf(1 - days),
    groupBy: [GroupBy.DAY, GROUPS[group] ?? GroupBy.LLM],
    ...(group === "label" && { labelKey }),
  };
  const { data, error, refetch } = useUsage(question, { isEnabled: isReady });
  const rows = data?.rows;
  // Where no cost is known, there is no cost to plot.
  const measure = get("plot", rows?.some(({ cost }) => cost > 0n) ? "cost" : "tokens");
  const llmIds = useMemo(() => [...new Set(rows?.map(({ llmId }) => llmId).filter(Boolean) ?? [])], [rows]);
  const llms = useLlmNames(llmIds);
  const keys = useKeyNames(group === "key" && may("READ_API_KEY"));
  const { data: found } = useRoutes("", group === "route" && may("READ_ROUTE"));
  const routes = useMemo(
    () =>
      new Map(found?.pages.flatMap(({ routes }) => routes).map(({ routeId, displayName }) => [routeId, displayName])),
    [found],
  );
  const nameOf = useCallback(
    (row: UsageRow) => {
      if (group === "llm") return llms.get(row.llmId)?.displayName ?? row.llmId;
      if (group === "model") return row.model || t.noModel;
      if (group === "key") return keys.get(row.apiKeyId) ?? (row.apiKeyId || t.noKey);
      if (group === "route") return routes.get(row.routeId) ?? (row.routeId || t.noRoute);
      if (group === "person") return row.subject || t.noPerson;
      return group === "owner" ? row.ownerId : row.labelValue || t.noLabel;
    },
    [group, llms, keys, routes],
  );
  return (
    <div className="page">
      <PageHead title={t.title}>
        <AsCode
          isSmall={false}
          method={usageMethods.queryUsage}
          request={() => requestOf(usageMethods.queryUsage, question)}
        />
        <Button disabled={!rows?.length} onClick={() => rows && exportCsv(rows, nameOf, days)}>
          {t.export}
        </Button>
      </PageHead>
      <div className="row">
        <RangeField days={days} onChange={(value) => set("days", String(value))} />
        <SelectField
          label={t.group}
          isLabelHidden
          value={group}
          options={Object.entries(t.groups).map(([value, name]) => [value, `${t.group}: ${name}`])}
          onChange={(event) => set("by", event.target.value)}
        />
        {group === "label" && (
          <TextField
            label={t.labelKey}
            isLabelHidden
            placeholder={t.labelKey}
            defaultValue={labelKey}
            onBlur={(event) => set("label", event.target.value)}
            onKeyDown={(event) => event.key === "Enter" && set("label", event.currentTarget.value)}
          />
        )}
        <SelectField
          label={t.measure}
          isLabelHidden
          value={measure}
          options={Object.entries(t.measures).map(([value, name]) => [value, `${t.measure}: ${name}`])}
          onChange={(event) => set("plot", event.target.value)}
        />
      </div>
      <ProblemNotice error={error} onRetry={() => void refetch()} />
      {data?.isPartial && <div className="notice warn">{t.partial}</div>}
      {!rows && !error && isReady && <Loading />}
      {rows && rows.length === 0 && <Empty title={t.empty} hint={t.emptyHint} />}
      {rows && rows.length > 0 && (
        <>
          <UsageTiles rows={rows} />
          <div className="card">
            <UsagePlot rows={rows} days={days} measure={measure} nameOf={nameOf} />
          </div>
          <GroupTable rows={rows} nameOf={nameOf} title={t.groups[group] ?? ""} />
        </>
      )}
      {may("READ_BUDGET") && <Budgets />}
    </div>
  );
}

function GroupTable({
  rows,
  nameOf,
  title,
}: {
  rows: readonly UsageRow[];
  nameOf: (row: UsageRow) => string;
  title: string;
}) {
  const groups = useMemo(() => {
    const byName = Map.groupBy(rows, nameOf);
    return [...byName]
      .map(([name, rows]) => ({ name, sum: sumOf(rows) }))
      .sort((a, b) => Number(b.sum.cost - a.sum.cost) || Number(b.sum.replies - a.sum.replies));
  }, [rows, nameOf]);
  const count = (name: string, of: (sum: Sum) => bigint): TableColumn<(typeof groups)[number]> => ({
    name,
    isNumber: true,
    cell: ({ sum }) => <span className={of(sum) === 0n ? "muted" : ""}>{formatNumber(of(sum))}</span>,
  });
  return (
    <Table
      label={title}
      rows={groups}
      idOf={({ name }) => name}
      columns={[
        { name: title, cell: ({ name }) => name },
        { name: t.cost, isNumber: true, cell: ({ sum }) => formatCost(sum.cost) },
        count(t.unpriced, ({ unpriced }) => unpriced),
        count(t.replies, ({ replies }) => replies),
        count(t.input, ({ input }) => input),
        count(t.output, ({ output }) => output),
        count(t.estimated, ({ estimated }) => estimated),
        count(t.refused, ({ refused }) => refused),
      ]}
    />
  );
}

/** Exact amounts, in pico-dollars as the contract has them, and in dollars. */
function exportCsv(rows: readonly UsageRow[], nameOf: (row: UsageRow) => string, days: number): void {
  const head =
    "day,group,id,replies,unpriced_replies,estimated_replies,refused_calls,input_tokens,output_tokens,cache_read_tokens,cache_write_tokens,reasoning_tokens,cost_pico_usd,cost_usd";
  const lines = rows.map((row) =>
    [
      row.day,
      nameOf(row),
      row.llmId || row.ownerId || row.routeId || row.labelValue,
      row.replies,
      row.unpricedReplies,
      row.estimatedReplies,
      row.refusedCalls,
      row.inputTokens,
      row.outputTokens,
      row.cacheReadTokens,
      row.cacheWriteTokens,
      row.reasoningTokens,
      row.cost,
      usdOf(row.cost),
    ]
      .map(csvField)
      .join(","),
  );
  download(`usage-${dayOf(1 - days)}-${dayOf()}.csv`, "text/csv", [head, ...lines, ""].join("\r\n"));
}

/** All twelve decimals, which a number of JavaScript would not keep. */
function usdOf(pico: bigint): string {
  const digits = pico.toString().padStart(13, "0");
  return `${digits.slice(0, -12)}.${digits.slice(-12)}`;
}

/** A text that a spreadsheet would take for a formula is marked as a text. */
function csvField(value: string | bigint): string {
  const field = typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field;
}

function Budgets() {
  const { may } = useCaller();
  const { data, error, refetch } = useBudgets();
  const [isSetting, setSetting] = useState(false);
  const budgets = data?.budgets ?? [];
  return (
    <section className="stack">
      <div className="row">
        <h2>{t.budgets}</h2>
        <span className="grow" />
        <AsCode method={budgetMethods.listBudgets} request={() => requestOf(budgetMethods.listBudgets, {})} />
        {may("MANAGE_BUDGET") && <Button onClick={() => setSetting(true)}>{t.setBudget}</Button>}
      </div>
      <ProblemNotice error={error} onRetry={() => void refetch()} />
      {data && budgets.length === 0 && <p className="muted">{t.budgetsEmpty}</p>}
      {budgets.length > 0 && <BudgetList budgets={budgets} />}
      {isSetting && <SetBudget onClose={() => setSetting(false)} />}
    </section>
  );
}
