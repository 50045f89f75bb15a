import { useEffect, useRef, useState } from "react";
import { formatMs } from "../../browser/format.ts";
import { requestOf } from "../../calls/call.ts";
import { useCaller } from "../../data/caller.ts";
import { type Llm, llmMethods, useTestLlm } from "../../data/llms.ts";
import { type PingSummary, usePings } from "../../data/pings.ts";
import { AsCode } from "../../parts/as-code.tsx";
import { AuditTable } from "../../parts/audit-table.tsx";
import { Button, Fact, Facts, ProblemNotice } from "../../parts/basics.tsx";
import { SelectField } from "../../parts/fields.tsx";
import { Plot } from "../../parts/plot.tsx";
import { Stages, TestFacts } from "../../parts/stages.tsx";
import { text } from "../../text.ts";

const t = text.llm;

export function Tests({ llm }: { llm: Llm }) {
  const { may } = useCaller();
  const { llmId } = llm;
  const test = useTestLlm();
  return (
    <div className="stack">
      <div className="columns">
        <section className="card stack">
          <div className="row">
            <h2>{t.lastTest}</h2>
            <span className="grow" />
            <AsCode method={llmMethods.testLlm} request={() => requestOf(llmMethods.testLlm, { llmId })} />
            <Button isSmall disabled={test.isPending} onClick={() => test.mutate({ llmId })}>
              {text.common.test}
            </Button>
          </div>
          <ProblemNotice error={test.error} />
          <Stages test={llm.lastTest} isRunning={test.isPending} />
          {llm.lastTest && !test.isPending && <TestFacts test={llm.lastTest} />}
        </section>
        <Pings llmId={llmId} />
      </div>
      {may("READ_AUDIT_EVENT") && <History llm={llm} />}
    </div>
  );
}

const COUNTS = [5, 20, 50, 100];

function Pings({ llmId }: { llmId: string }) {
  const { pings, summary, error, isRunning, start, stop } = usePings(llmId);
  const [count, setCount] = useState(20);
  const latest = useRef(stop);
  latest.current = stop;
  useEffect(() => () => latest.current(), []);
  return (
    <section className="card stack">
      <div className="row">
        <h2>{t.ping}</h2>
        <span className="grow" />
        <SelectField
          label={t.pings}
          isLabelHidden
          value={count}
          options={COUNTS.map((number) => [number, String(number)])}
          onChange={(event) => setCount(Number(event.target.value))}
        />
        {isRunning ? (
          <Button isSmall onClick={stop}>
            {t.pingStop}
          </Button>
        ) : (
          <Button isSmall onClick={() => start(count)}>
            {t.ping}
          </Button>
        )}
      </div>
      <p className="muted">{t.pingHint}</p>
      <ProblemNotice error={error} />
      {pings.length > 0 && (
        <>
          <div role="status" className="muted">
            {pings.length} / {count}
          </div>
          <LatencyPlot pings={pings} />
        </>
      )}
      {summary && <Summary summary={summary} />}
    </section>
  );
}

const milliseconds = (value: number) => `${Math.round(value)} ms`;

function LatencyPlot({ pings }: { pings: ReturnType<typeof usePings>["pings"] }) {
  const series = [
    { name: text.test.firstToken, values: pings.map(({ firstMs }) => firstMs) },
    { name: text.test.latency, values: pings.map(({ latencyMs }) => latencyMs) },
  ];
  return (
    <Plot
      label={t.pingPlot}
      xs={pings.map(({ sequence }) => sequence)}
      isTime={false}
      series={series}
      format={milliseconds}
      kind="lines"
    />
  );
}

function Summary({ summary }: { summary: PingSummary }) {
  const spread = (it: PingSummary["latency"]) =>
    it?.medianMs === undefined ? "" : `${t.median} ${formatMs(it.medianMs)}, ${t.p95} ${formatMs(it.p95Ms ?? 0)}`;
  return (
    <Facts>
      <Fact name={text.test.firstToken}>{spread(summary.firstToken)}</Fact>
      <Fact name={text.test.latency}>{spread(summary.latency)}</Fact>
      <Fact name={t.replied}>{`${summary.replied} / ${summary.sent}`}</Fact>
    </Facts>
  );
}

function History({ llm }: { llm: Llm }) {
  const filter = { accountId: llm.ownerId, resourceType: "llm", resourceId: llm.llmId, action: "llm.test" };
  return (
    <section className="stack">
      <h2>{t.historyHint}</h2>
      <AuditTable filter={filter} isOfOne />
    </section>
  );
}
