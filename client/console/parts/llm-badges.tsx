import { formatAgo, formatMs } from "../browser/format.ts";
import { type Llm, ModelState, Status } from "../data/llms.ts";
import { text } from "../text.ts";
import { Badge, type Tone } from "./basics.tsx";

const STATUS_TONES: Record<number, Tone> = {
  [Status.ACTIVE]: "ok",
  [Status.FAILING]: "bad",
  [Status.CREDENTIALS_UNREADABLE]: "bad",
};

export function StatusBadge({ status }: { status: Status }) {
  return <Badge tone={STATUS_TONES[status] ?? ""}>{text.status[status]}</Badge>;
}

const ENDING = new Set<number>([ModelState.DEPRECATED, ModelState.RETIRED, ModelState.MISSING]);

/** Only where there is something to do about the model. */
export function ModelBadge({ llm }: { llm: Llm }) {
  const state = llm.modelState?.state;
  if (state === undefined || !ENDING.has(state)) return null;
  return <Badge tone={state === ModelState.DEPRECATED ? "warn" : "bad"}>{text.modelState[state]}</Badge>;
}

export function LastTest({ llm }: { llm: Llm }) {
  const { lastTest } = llm;
  if (!lastTest) return <span className="muted">{text.common.never}</span>;
  const isFine = lastTest.outcome === 1;
  return (
    <span title={lastTest.message}>
      {formatAgo(lastTest.testedAt)}
      <span className="muted">
        {" "}
        · {isFine ? formatMs(lastTest.latencyMs) : (text.outcomes[lastTest.outcome] ?? "")}
      </span>
    </span>
  );
}
