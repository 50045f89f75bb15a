import { type ReactNode, useState } from "react";
import { formatAgo, formatCost, formatNumber, formatTime } from "../browser/format.ts";
import { problemOf, saidOf } from "../calls/problem.ts";
import {
  draftOf,
  type HolderLimits,
  isReadable,
  Limit,
  type LimitState,
  type LimitsDraft,
  limitsOf,
} from "../data/access/limits.ts";
import { useVerdict } from "../data/verdict.ts";
import { text } from "../text.ts";
import { Button, Meter, ProblemNotice } from "./basics.tsx";
import { Dialog } from "./dialog.tsx";
import { optionsOf, SelectField, TextArea, TextField } from "./fields.tsx";
import { Table } from "./table.tsx";
import { VerdictLine } from "./verdict.tsx";

const t = text.limits;

interface FieldsProps {
  readonly draft: LimitsDraft;
  readonly onChange: (draft: LimitsDraft) => void;
  /** What the server says of a field of HolderLimits. */
  readonly said: (field: string) => string | undefined;
}

export function LimitsFields({ draft, onChange, said }: FieldsProps) {
  const field = (name: "models" | "requests" | "tokens" | "parallel" | "budget", contractName: string) => ({
    value: draft[name],
    error: said(contractName),
    onChange: (event: { target: { value: string } }) => onChange({ ...draft, [name]: event.target.value }),
  });
  return (
    <>
      <p className="muted">{t.hint}</p>
      <TextArea label={t.models} hint={t.modelsHint} rows={2} className="mono" {...field("models", "allowed_models")} />
      <div className="grid-3">
        <TextField label={t.requests} type="number" min={0} {...field("requests", "requests_per_minute")} />
        <TextField label={t.tokens} type="number" min={0} {...field("tokens", "tokens_per_minute")} />
        <TextField label={t.parallel} type="number" min={0} {...field("parallel", "parallel_calls")} />
      </div>
      <div className="grid-2">
        <TextField label={t.budget} inputMode="decimal" {...field("budget", "budget")} />
        <SelectField
          label={t.period}
          value={draft.period}
          options={optionsOf(text.usage.periods)}
          onChange={(event) => onChange({ ...draft, period: Number(event.target.value) as LimitsDraft["period"] })}
        />
      </div>
    </>
  );
}

/** How much of each limit is used now. */
export function LimitStates({ states }: { states: readonly LimitState[] }) {
  if (states.length === 0) return <p className="muted">{t.unlimited}</p>;
  return (
    <Table
      label={t.title}
      rows={states}
      idOf={({ holder, holderId, limit }) => `${holder} ${holderId} ${limit}`}
      columns={[
        { name: t.what, cell: ({ limit }) => t.kinds[limit] },
        { name: t.whose, hint: ({ holderId }) => holderId, cell: ({ holder }) => t.holders[holder] },
        { name: t.left, cell: (state) => <Left state={state} /> },
        { name: t.used, isNumber: true, cell: ({ limit, used }) => formatOf(limit)(used) },
        { name: t.allowed, isNumber: true, cell: ({ limit, allowed }) => formatOf(limit)(allowed) },
        {
          name: t.resets,
          hint: ({ resetsAt }) => formatTime(resetsAt),
          cell: ({ resetsAt }) => (resetsAt > 0n ? formatAgo(resetsAt) : ""),
        },
      ]}
    />
  );
}

const formatOf = (limit: Limit) => (limit === Limit.BUDGET ? formatCost : formatNumber);

function Left({ state: { limit, allowed, used, left, isNear } }: { state: LimitState }) {
  const percent = allowed === 0n ? 100 : Number((used * 100n) / allowed);
  return (
    <div className="row one-line">
      <Meter label={t.meter(percent)} percent={percent} tone={left === 0n ? "bad" : isNear ? "warn" : ""} />
      {formatOf(limit)(left)}
    </div>
  );
}

interface DialogProps {
  readonly title: string;
  readonly limits: HolderLimits | undefined;
  readonly states: readonly LimitState[];
  readonly mayChange: boolean;
  /** The mutation that saves. */
  readonly save: { readonly isPending: boolean; readonly error: unknown; readonly reset: () => void };
  readonly onSave: (limits: ReturnType<typeof limitsOf>) => void;
  /** The same call, with validate_only. */
  readonly onRehearse: (
    limits: ReturnType<typeof limitsOf>,
    options: { readonly signal: AbortSignal },
  ) => Promise<unknown>;
  readonly onClose: () => void;
  /** The change as code. */
  readonly code: (limits: ReturnType<typeof limitsOf>) => ReactNode;
  readonly children?: ReactNode;
}

/** How much of each limit is used, and the limits to change. */
export function LimitsDialog(props: DialogProps) {
  const { title, limits, states, mayChange, save, onSave, onRehearse, onClose, code, children } = props;
  const [draft, setDraft] = useState<LimitsDraft>();
  const shown = draft ?? draftOf(limits);
  const verdict = useVerdict({
    request: draft && isReadable(draft) ? limitsOf(draft) : undefined,
    ask: async (limits, options) => {
      await onRehearse(limits, options);
      return [];
    },
    onTyped: save.reset,
  });
  const fields = save.error ? problemOf(save.error).fields : verdict.fields;
  return (
    <Dialog
      title={title}
      shape="wide"
      onClose={onClose}
      footer={
        <>
          {mayChange && <VerdictLine verdict={verdict} isRefused={save.error !== null} />}
          <span className="grow" />
          {mayChange && code(limitsOf(shown))}
          <Button onClick={onClose}>{mayChange ? text.common.cancel : text.common.close}</Button>
          {mayChange && (
            <Button type="submit" form="limits" tone="primary" disabled={save.isPending}>
              {text.common.save}
            </Button>
          )}
        </>
      }
    >
      <LimitStates states={states} />
      {mayChange && (
        <form
          id="limits"
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            onSave(limitsOf(shown));
          }}
        >
          <LimitsFields draft={shown} onChange={setDraft} said={(field) => saidOf(fields, `limits.${field}`)} />
          {children}
        </form>
      )}
      {!mayChange && limits && limits.allowedModels.length > 0 && (
        <p>
          {t.models}: <code>{limits.allowedModels.join(", ")}</code>
        </p>
      )}
      <ProblemNotice error={save.error} />
    </Dialog>
  );
}
