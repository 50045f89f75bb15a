import { useState } from "react";
import { formatCost } from "../browser/format.ts";
import { requestOf } from "../calls/call.ts";
import { useCaller } from "../data/caller.ts";
import { type Budget, budgetMethods, useDeleteBudget } from "../data/usage.ts";
import { text } from "../text.ts";
import { AsCode } from "./as-code.tsx";
import { Badge, Button, Meter } from "./basics.tsx";
import { Confirm } from "./dialog.tsx";
import { LlmName } from "./llm-name.tsx";

const t = text.usage;

export function BudgetList({ budgets }: { budgets: readonly Budget[] }) {
  const [deleting, setDeleting] = useState<Budget>();
  return (
    <div className="table-box">
      <table>
        <thead>
          <tr>
            <th scope="col">{t.forLlm}</th>
            <th scope="col">{t.period}</th>
            <th scope="col">{t.left}</th>
            <th scope="col" className="number">
              {t.spent}
            </th>
            <th scope="col" className="number">
              {t.reserved}
            </th>
            <th scope="col" className="number">
              {t.of}
            </th>
            <th scope="col">{t.mode}</th>
            <th scope="col">
              <span className="hidden-label">{text.common.actions}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {budgets.map((budget) => (
            <BudgetRow key={budget.budgetId} budget={budget} onDelete={() => setDeleting(budget)} />
          ))}
        </tbody>
      </table>
      {deleting && <DeleteBudget budget={deleting} onClose={() => setDeleting(undefined)} />}
    </div>
  );
}

function BudgetRow({ budget, onDelete }: { budget: Budget; onDelete: () => void }) {
  const { may } = useCaller();
  const { amount, spent, reserved } = budget;
  const taken = spent + reserved;
  const left = amount > taken ? amount - taken : 0n;
  const percent = amount === 0n ? 100 : Number((spent * 100n) / amount);
  const tone = percent >= 100 ? "bad" : percent >= 80 ? "warn" : "";
  return (
    <tr>
      <td>{budget.llmId ? <LlmName llmId={budget.llmId} /> : t.whole}</td>
      <td>{t.periods[budget.period]}</td>
      <td>
        <div className="row">
          <Meter label={t.meter(percent)} percent={percent} tone={tone} />
          {formatCost(left)}
        </div>
      </td>
      <td className="number">{formatCost(spent)}</td>
      <td className="number">{formatCost(reserved)}</td>
      <td className="number">{formatCost(amount)}</td>
      <td>
        <Badge tone={tone}>{t.modes[budget.mode]}</Badge>{" "}
        {budget.isImposed && <span className="muted">{t.imposed}</span>}
      </td>
      <td className="number">
        {may("MANAGE_BUDGET") && (
          <Button isSmall tone="danger" onClick={onDelete}>
            {text.common.delete}
          </Button>
        )}
      </td>
    </tr>
  );
}

function DeleteBudget({ budget, onClose }: { budget: Budget; onClose: () => void }) {
  const remove = useDeleteBudget();
  const { budgetId } = budget;
  return (
    <Confirm
      title={t.deleteBudget}
      hint={t.deleteBudgetHint}
      action={text.common.delete}
      onClose={onClose}
      isBusy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate({ budgetId }, { onSuccess: onClose })}
    >
      <AsCode method={budgetMethods.deleteBudget} request={() => requestOf(budgetMethods.deleteBudget, { budgetId })} />
    </Confirm>
  );
}
