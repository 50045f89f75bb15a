import { type FormEvent, useState } from "react";
import { Link } from "wouter";
import { formatAgo, formatTime } from "../../browser/format.ts";
import { requestOf } from "../../calls/call.ts";
import { Outcome, Slot } from "../../data/connection-tests.ts";
import { type Llm, llmMethods, useAddPending, usePromote, useRetire, useRevert, useTestLlm } from "../../data/llms.ts";
import { useProvider } from "../../data/providers.ts";
import { AsCode } from "../../parts/as-code.tsx";
import { Badge, Button, ProblemNotice } from "../../parts/basics.tsx";
import { TextField } from "../../parts/fields.tsx";
import { outcomeTone, Stages } from "../../parts/stages.tsx";
import { text } from "../../text.ts";

const t = text.keys;

/** The three places of a key, side by side, with what can be done to each. */
export function Keys({ llm }: { llm: Llm }) {
  const { data: provider } = useProvider(llm.providerId, llm.providerId !== "");
  if (llm.providerId) {
    return (
      <section className="card">
        <p>
          {t.ofProvider}{" "}
          <Link href={`/providers?name=${llm.providerId}`}>{provider?.displayName ?? llm.providerId}</Link>
        </p>
      </section>
    );
  }
  return (
    <div className="stack">
      <p className="muted">{t.hint}</p>
      <div className="columns three">
        <section className="card stack">
          <h2>{t.current}</h2>
          {llm.hasCredentials ? <Held hint={llm.credentialsRef || llm.credentialsHint} /> : <p>{t.noneCurrent}</p>}
          <Stages test={llm.lastTest} />
        </section>
        <Pending llm={llm} />
        <Previous llm={llm} />
      </div>
    </div>
  );
}

function Held({ hint, since }: { hint: string; since?: bigint }) {
  return (
    <div className="row">
      <code>{hint || "…"}</code>
      {since !== undefined && (
        <span className="muted" title={formatTime(since)}>
          {t.since} {formatAgo(since)}
        </span>
      )}
    </div>
  );
}

function Pending({ llm }: { llm: Llm }) {
  const { llmId, pendingCredentials: pending, previousCredentials: previous } = llm;
  const [key, setKey] = useState("");
  const add = useAddPending();
  const test = useTestLlm();
  const promote = usePromote();
  const retire = useRetire();
  const isProven = pending?.lastTest?.outcome === Outcome.OK;
  const request = {
    llmId,
    credentials: { apiKey: { source: { case: "inlineSecret" as const, value: key.trim() } } },
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate(request, {
      onSuccess: () => {
        setKey("");
        test.mutate({ llmId, slot: Slot.PENDING });
      },
    });
  };
  return (
    <section className="card stack">
      <h2>{t.pending}</h2>
      {pending ? (
        <Held hint={pending.ref || pending.hint} since={pending.since} />
      ) : (
        <p className="muted">{t.nonePending}</p>
      )}
      {pending && (
        <>
          <Stages test={pending.lastTest} isRunning={test.isPending} />
          <div className="row">
            <Button isSmall disabled={test.isPending} onClick={() => test.mutate({ llmId, slot: Slot.PENDING })}>
              {text.common.test}
            </Button>
            <Button
              isSmall
              tone={isProven ? "primary" : undefined}
              disabled={promote.isPending || !isProven || previous !== undefined}
              onClick={() => promote.mutate({ llmId })}
            >
              {t.promote}
            </Button>
            {!isProven && !previous && (
              <Button isSmall tone="danger" onClick={() => promote.mutate({ llmId, force: true })}>
                {t.force}
              </Button>
            )}
            <Button isSmall tone="danger" onClick={() => retire.mutate({ llmId, slot: Slot.PENDING })}>
              {t.retire}
            </Button>
            <AsCode
              method={llmMethods.promoteCredentials}
              request={() => requestOf(llmMethods.promoteCredentials, { llmId })}
            />
          </div>
          {!isProven && <p className="muted">{t.mustTest}</p>}
          {previous && <p className="muted">{t.retireFirst}</p>}
        </>
      )}
      <form className="row" onSubmit={submit}>
        <div className="grow">
          <TextField
            label={t.newKey}
            isLabelHidden
            placeholder={t.newKey}
            type="password"
            value={key}
            required
            onChange={(event) => setKey(event.target.value)}
          />
        </div>
        <Button type="submit" disabled={add.isPending}>
          {pending ? t.replace : t.add}
        </Button>
        <AsCode
          method={llmMethods.addPendingCredentials}
          request={() => requestOf(llmMethods.addPendingCredentials, request)}
        />
      </form>
      <ProblemNotice error={add.error ?? test.error ?? promote.error ?? retire.error} />
    </section>
  );
}

function Previous({ llm }: { llm: Llm }) {
  const { llmId, previousCredentials: previous } = llm;
  const revert = useRevert();
  const retire = useRetire();
  return (
    <section className="card stack">
      <h2>{t.previous}</h2>
      {previous ? (
        <Held hint={previous.ref || previous.hint} since={previous.since} />
      ) : (
        <p className="muted">{t.nonePrevious}</p>
      )}
      {previous?.lastTest && (
        <Badge tone={outcomeTone(previous.lastTest.outcome)}>{text.outcomes[previous.lastTest.outcome]}</Badge>
      )}
      {previous && (
        <div className="row">
          <Button isSmall disabled={revert.isPending} onClick={() => revert.mutate({ llmId })}>
            {t.revert}
          </Button>
          <Button
            isSmall
            tone="danger"
            disabled={retire.isPending}
            onClick={() => retire.mutate({ llmId, slot: Slot.PREVIOUS })}
          >
            {t.retire}
          </Button>
          <AsCode
            method={llmMethods.revertCredentials}
            request={() => requestOf(llmMethods.revertCredentials, { llmId })}
          />
        </div>
      )}
      <ProblemNotice error={revert.error ?? retire.error} />
    </section>
  );
}
