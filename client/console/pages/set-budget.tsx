import { type FormEvent, useState } from "react";
import { call, requestOf } from "../calls/call.ts";
import { problemOf, saidOf } from "../calls/problem.ts";
import { Budget_Mode, Budget_Period, budgetMethods, type NewBudget, useSetBudget } from "../data/usage.ts";
import { useVerdict } from "../data/verdict.ts";
import { AsCode } from "../parts/as-code.tsx";
import { Button, ProblemNotice } from "../parts/basics.tsx";
import { Dialog } from "../parts/dialog.tsx";
import { optionsOf, SelectField, TextField } from "../parts/fields.tsx";
import { LlmPicker } from "../parts/llm-picker.tsx";
import { VerdictLine } from "../parts/verdict.tsx";
import { text } from "../text.ts";

const t = text.usage;

export function SetBudget({ onClose }: { onClose: () => void }) {
  const [llmId, setLlmId] = useState("");
  const [amount, setAmount] = useState("");
  const [period, setPeriod] = useState<number>(Budget_Period.MONTH);
  const [mode, setMode] = useState<number>(Budget_Mode.REFUSE);
  const save = useSetBudget();
  const amountUsd = amount.trim().replace(/^\$/, "");
  const request: NewBudget = {
    ...(llmId && { llmId }),
    amountUsd,
    period: period as Budget_Period,
    mode: mode as Budget_Mode,
  };
  const verdict = useVerdict({ request: amountUsd ? request : undefined, ask: rehearse, onTyped: save.reset });
  const said = (field: string) => saidOf(save.error ? problemOf(save.error).fields : verdict.fields, field);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    save.mutate(request, { onSuccess: onClose });
  };
  return (
    <Dialog
      title={t.setBudget}
      onClose={onClose}
      footer={
        <>
          <VerdictLine verdict={verdict} isRefused={save.isError} />
          <span className="grow" />
          <AsCode
            isSmall={false}
            method={budgetMethods.setBudget}
            request={() => requestOf(budgetMethods.setBudget, request)}
          />
          <Button onClick={onClose}>{text.common.cancel}</Button>
          <Button type="submit" form="budget" tone="primary" disabled={save.isPending}>
            {text.common.save}
          </Button>
        </>
      }
    >
      <form id="budget" className="grid-2" onSubmit={submit}>
        <TextField
          label={t.amount}
          inputMode="decimal"
          value={amount}
          error={said("amount_usd")}
          required
          onChange={(event) => setAmount(event.target.value)}
        />
        <SelectField
          label={t.period}
          value={period}
          options={optionsOf(t.periods)}
          onChange={(event) => setPeriod(Number(event.target.value))}
        />
        <SelectField
          label={t.mode}
          value={mode}
          options={optionsOf(t.modes)}
          onChange={(event) => setMode(Number(event.target.value))}
        />
        <div className="field">
          <span className="label">{t.forLlm}</span>
          <div className="row">
            <LlmPicker llmId={llmId} onChange={setLlmId} placeholder={t.whole} />
            {llmId && (
              <Button isSmall onClick={() => setLlmId("")}>
                {t.whole}
              </Button>
            )}
          </div>
        </div>
      </form>
      <ProblemNotice error={save.error} />
    </Dialog>
  );
}

/** The same call as the one that sets it. */
async function rehearse(request: NewBudget, options: { readonly signal: AbortSignal }): Promise<readonly string[]> {
  await call(budgetMethods.setBudget, { ...request, validateOnly: true }, options);
  return [];
}
