import { type ReactNode, useState } from "react";
import { formatAgo, formatCost, formatNumber, formatTime } from "../browser/format.ts";
import {
  draftOf,
  type HolderLimits,
  Limit,
  type LimitState,
  type LimitsDraft,
  limitsOf,
} from "../data/access/limits.ts";
import { text } from "../text.ts";
import { Button, Meter, ProblemNotice } from "./basics.tsx";
import { Dialog } from "./dialog.tsx";
import { optionsOf, SelectField, TextArea, TextField } from "./fields.tsx";

const t = text.limits;

interface FieldsProps {
  readonly draft: LimitsDraft;
  readonly onChange: (draft: LimitsDraft) => void;
}

export function LimitsFields({ draft, onChange }: FieldsProps) {
  const field = (name: "models" | "requests" | "tokens" | "parallel" | "budget") => ({
    value: draft[name],
    onChange: (event: { target: { value: string } }) => onChange({ ...draft, [name]: event.target.value }),
  });
  return (
    <>
      <p className="muted">{t.hint}</p>
      <TextArea label={t.models} hint={t.modelsHint} rows={2} className="mono" {...field("models")} />
      <div className="grid-3">
        <TextField label={t.requests} type="number" {...field("requests")} />
        <TextField label={t.tokens} type="number" {...field("tokens")} />
        <TextField label={t.parallel} type="number" {...field("parallel")} />
      </div>
      <div className="grid-2">
        <TextField label={t.budget} inputMode="decimal" {...field("budget")} />
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

export function LimitStates({ states }: { states: readonly LimitState[] }) {
  if (states.length === 0) return <p className="muted">{t.unlimited}</p>;
  return (
    <div className="table-box">
      <table aria-label={t.title}>
        <thead>
          <tr>
            <th scope="col">{t.what}</th>
            <th scope="col">{t.whose}</th>
            <th scope="col">{t.left}</th>
            <th scope="col" className="number">
              {t.used}
            </th>
            <th scope="col" className="number">
              {t.allowed}
            </th>
            <th scope="col">{t.resets}</th>
          </tr>
        </thead>
        <tbody>
          {states.map((state) => (
            <StateRow key={`${state.holder} ${state.holderId} ${state.limit}`} state={state} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function StateRow({ state }: { state: LimitState }) {
  const { holder, holderId, limit, allowed, used, left, resetsAt, isNear } = state;
  const format = limit === Limit.BUDGET ? formatCost : formatNumber;
  const percent = allowed === 0n ? 100 : Number((used * 100n) / allowed);
  const tone = left === 0n ? "bad" : isNear ? "warn" : "";
  return (
    <tr>
      <td>{t.kinds[limit]}</td>
      <td title={holderId}>{t.holders[holder]}</td>
      <td>
        <div className="row">
          <Meter label={t.meter(percent)} percent={percent} tone={tone} />
          {format(left)}
        </div>
      </td>
      <td className="number">{format(used)}</td>
      <td className="number">{format(allowed)}</td>
      <td title={formatTime(resetsAt)}>{resetsAt > 0n ? formatAgo(resetsAt) : ""}</td>
    </tr>
  );
}

interface DialogProps {
  readonly title: string;
  readonly limits: HolderLimits | undefined;
  readonly states: readonly LimitState[];
  readonly mayChange: boolean;
  readonly isBusy: boolean;
  readonly error: unknown;
  readonly onSave: (limits: ReturnType<typeof limitsOf>) => void;
  readonly onClose: () => void;
  /** The change as code. */
  readonly code: (limits: ReturnType<typeof limitsOf>) => ReactNode;
  readonly children?: ReactNode;
}

/** How much of each limit is used, and the limits to change. */
export function LimitsDialog(props: DialogProps) {
  const { title, limits, states, mayChange, isBusy, error, onSave, onClose, code, children } = props;
  const [draft, setDraft] = useState(() => draftOf(limits));
  return (
    <Dialog
      title={title}
      shape="wide"
      onClose={onClose}
      footer={
        <>
          {mayChange && code(limitsOf(draft))}
          <Button onClick={onClose}>{mayChange ? text.common.cancel : text.common.close}</Button>
          {mayChange && (
            <Button type="submit" form="limits" tone="primary" disabled={isBusy}>
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
            onSave(limitsOf(draft));
          }}
        >
          <LimitsFields draft={draft} onChange={setDraft} />
          {children}
        </form>
      )}
      {!mayChange && limits && limits.allowedModels.length > 0 && (
        <p>
          {t.models}: <code>{limits.allowedModels.join(", ")}</code>
        </p>
      )}
      <ProblemNotice error={error} />
    </Dialog>
  );
}
