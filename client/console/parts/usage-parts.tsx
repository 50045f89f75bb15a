import { useMemo } from "react";
import { dayOf, daysBetween, formatCompact, formatCost, formatNumber, toUsd } from "../browser/format.ts";
import { sumOf, type UsageRow } from "../data/usage.ts";
import { text } from "../text.ts";
import { SelectField } from "./fields.tsx";
import { Plot } from "./plot.tsx";

const t = text.usage;

export function RangeField({ days, onChange }: { days: number; onChange: (days: number) => void }) {
  return (
    <SelectField
      label={t.range}
      isLabelHidden
      value={days}
      options={Object.entries(t.ranges)}
      onChange={(event) => onChange(Number(event.target.value))}
    />
  );
}

/** What it comes to, and beside it what is not in it. */
export function UsageTiles({ rows }: { rows: readonly UsageRow[] }) {
  const sum = sumOf(rows);
  const tiles = [
    {
      name: t.cost,
      value: formatCost(sum.cost),
      hint: sum.unpriced > 0n ? text.llms.unpriced(formatNumber(sum.unpriced)) : "",
    },
    { name: t.replies, value: formatNumber(sum.replies), hint: "" },
    { name: t.input, value: formatCompact(sum.input), hint: "" },
    { name: t.output, value: formatCompact(sum.output), hint: "" },
    { name: t.unpriced, value: formatNumber(sum.unpriced), hint: t.unpricedHint },
    { name: t.estimated, value: formatNumber(sum.estimated), hint: t.estimatedHint },
    { name: t.refused, value: formatNumber(sum.refused), hint: t.refusedHint },
  ];
  return (
    <dl className="tiles">
      {tiles.map(({ name, value, hint }) => (
        <div key={name} className="tile">
          <dt>{name}</dt>
          <dd>
            {value}
            {hint && <small>{hint}</small>}
          </dd>
        </div>
      ))}
    </dl>
  );
}

const MEASURES: Record<string, { of: (row: UsageRow) => number; format: (value: number) => string }> = {
  cost: {
    of: ({ cost }) => toUsd(cost),
    format: (value) =>
      `$${value.toLocaleString("en", value < 0.01 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 3 })}`,
  },
  tokens: { of: ({ inputTokens, outputTokens }) => Number(inputTokens + outputTokens), format: formatCompact },
  replies: { of: ({ replies }) => Number(replies), format: formatCompact },
};

const MOST_SERIES = 6;

interface UsagePlotProps {
  readonly rows: readonly UsageRow[];
  readonly days: number;
  readonly measure: string;
  /** What the rows of one series have in common. */
  readonly nameOf: (row: UsageRow) => string;
}

/** A bar for each day; the largest series by name, the others together. */
export function UsagePlot({ rows, days, measure, nameOf }: UsagePlotProps) {
  const { of, format } = MEASURES[measure] ?? (MEASURES.cost as (typeof MEASURES)[string]);
  const { xs, series } = useMemo(() => {
    const all = daysBetween(dayOf(1 - days), dayOf());
    const index = new Map(all.map((day, at) => [day, at]));
    const byName = new Map<string, number[]>();
    for (const row of rows) {
      const at = index.get(row.day);
      if (at === undefined) continue;
      const name = nameOf(row);
      const values = byName.get(name) ?? Array.from(all, () => 0);
      values[at] = (values[at] ?? 0) + of(row);
      byName.set(name, values);
    }
    const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
    const ranked = [...byName].sort(([, a], [, b]) => total(b) - total(a)).map(([name, values]) => ({ name, values }));
    const rest = ranked.slice(MOST_SERIES);
    const shown = ranked.slice(0, MOST_SERIES);
    if (rest.length > 0) {
      shown.push({ name: t.other, values: all.map((_, at) => total(rest.map(({ values }) => values[at] ?? 0))) });
    }
    return { xs: all.map((day) => Date.parse(day) / 1_000), series: shown };
  }, [rows, days, of, nameOf]);
  return <Plot label={t.plot(t.measures[measure] ?? "")} xs={xs} isTime series={series} format={format} kind="bars" />;
}
