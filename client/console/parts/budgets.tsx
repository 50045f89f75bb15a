import { formatCost } from "../browser/format.ts";
import { requestOf } from "../calls/call.ts";
import { useCaller } from "../data/caller.ts";
import { type Budget, budgetMethods, useDeleteBudget } from "../data/usage.ts";
import { text } from "../text.ts";
import { AsCode } from "./as-code.tsx";
import { Badge, Button, Meter, type Tone } from "./basics.tsx";
import { Confirm } from "./dialog.tsx";
import { type RowDialogProps, useRowDialogs } from "./list.tsx";
import { LlmName } from "./llm-name.tsx";
import { Table, type TableColumn } from "./table.tsx";

const t = text.usage;

const DIALOGS = { delete: DeleteBudget };

interface BudgetListProps {
  readonly budgets: readonly Budget[];
  /** Only to look at, whatever the reader may do. */
  readonly isReadOnly?: boolean;
}

export function BudgetList({ budgets, isReadOnly = false }: BudgetListProps) {
  const { may } = useCaller();
  const [dialog, open] = useRowDialogs<Budget, keyof typeof DIALOGS>(DIALOGS);
  const deletion: TableColumn<Budget> = {
    name: text.common.actions,
    isNameHidden: true,
    isNumber: true,
    cell: (budget) => (
      <Button isSmall tone="danger" onClick={() => open("delete", budget)}>
        {text.common.delete}
      </Button>
    ),
  };
  return (
    <>
      <Table
        label={t.budgets}
        rows={budgets}
        idOf={({ budgetId }) => budgetId}
        columns={[
          { name: t.forLlm, cell: ({ llmId }) => (llmId ? <LlmName llmId={llmId} /> : t.whole) },
          { name: t.period, cell: ({ period }) => t.periods[period] },
          { name: t.left, cell: (budget) => <Left budget={budget} /> },
          { name: t.spent, isNumber: true, cell: ({ spent }) => formatCost(spent) },
          { name: t.reserved, isNumber: true, cell: ({ reserved }) => formatCost(reserved) },
          { name: t.of, isNumber: true, cell: ({ amount }) => formatCost(amount) },
          {
            name: t.mode,
            cell: (budget) => (
              <>
                <Badge tone={toneOf(budget)}>{t.modes[budget.mode]}</Badge>{" "}
                {budget.isImposed && <span className="muted">{t.imposed}</span>}
              </>
            ),
          },
          ...(may("MANAGE_BUDGET") && !isReadOnly ? [deletion] : []),
        ]}
      />
      {dialog}
    </>
  );
}

function Left({ budget }: { budget: Budget }) {
  const { amount, spent, reserved } = budget;
  const taken = spent + reserved;
  const percent = percentOf(budget);
  return (
    <div className="row one-line">
      <Meter label={t.meter(percent)} percent={percent} tone={toneOf(budget)} />
      {formatCost(amount > taken ? amount - taken : 0n)}
    </div>
  );
}

const percentOf = ({ amount, spent }: Budget) => (amount === 0n ? 100 : Number((spent * 100n) / amount));

function toneOf(budget: Budget): Tone {
  const percent = percentOf(budget);
  return percent >= 100 ? "bad" : percent >= 80 ? "warn" : "";
}

function DeleteBudget({ row: budget, onClose }: RowDialogProps<Budget>) {
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
