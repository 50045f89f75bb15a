import { useMemo, useState } from "react";
import { dayOf } from "../../browser/format.ts";
import { requestOf } from "../../calls/call.ts";
import { useCaller } from "../../data/caller.ts";
import type { Llm } from "../../data/llms.ts";
import { GroupBy, usageMethods, useBudgets, useUsage } from "../../data/usage.ts";
import { AsCode } from "../../parts/as-code.tsx";
import { Empty, Loading, ProblemNotice } from "../../parts/basics.tsx";
import { BudgetList } from "../../parts/budgets.tsx";
import { SelectField } from "../../parts/fields.tsx";
import { RangeField, UsagePlot, UsageTiles } from "../../parts/usage-parts.tsx";
import { text } from "../../text.ts";

const t = text.usage;

export function UsageOfLlm({ llm }: { llm: Llm }) {
  const { may } = useCaller();
  const [days, setDays] = useState(30);
  const [measure, setMeasure] = useState("cost");
  const question = { llmId: llm.llmId, startDay: dayOf(1 - days), groupBy: [GroupBy.DAY] };
  const { data, error } = useUsage(question);
  const budgets = useBudgets({ llmId: llm.llmId }, may("READ_BUDGET"));
  const nameOf = useMemo(() => () => llm.displayName, [llm.displayName]);
  if (error) return <ProblemNotice error={error} />;
  if (!data) return <Loading />;
  return (
    <div className="stack">
      <div className="row">
        <RangeField days={days} onChange={setDays} />
        <SelectField
          label={t.measure}
          isLabelHidden
          value={measure}
          options={Object.entries(t.measures)}
          onChange={(event) => setMeasure(event.target.value)}
        />
        <span className="grow" />
        <AsCode method={usageMethods.queryUsage} request={() => requestOf(usageMethods.queryUsage, question)} />
      </div>
      {data.rows.length === 0 ? (
        <Empty title={t.empty} hint={t.emptyHint} />
      ) : (
        <>
          <UsageTiles rows={data.rows} />
          <div className="card">
            <UsagePlot rows={data.rows} days={days} measure={measure} nameOf={nameOf} />
          </div>
        </>
      )}
      {(budgets.data?.budgets.length ?? 0) > 0 && (
        <section className="card stack">
          <h2>{t.budgets}</h2>
          <BudgetList budgets={budgets.data?.budgets ?? []} />
        </section>
      )}
    </div>
  );
}
