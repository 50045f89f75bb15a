import { useState } from "react";
import { useSearchParams } from "wouter";
import { formatNumber } from "../browser/format.ts";
import { go } from "../browser/place.ts";
import { requestOf } from "../calls/call.ts";
import { useAccounts } from "../data/access/access.ts";
import { type AuditFilter, auditMethods, exportEvents, type Verdict, verifyEvents } from "../data/audit.ts";
import { useCaller } from "../data/caller.ts";
import { AsCode } from "../parts/as-code.tsx";
import { AuditTable } from "../parts/audit-table.tsx";
import { Button, ProblemNotice } from "../parts/basics.tsx";
import { SelectField, TextField } from "../parts/fields.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { text } from "../text.ts";

const t = text.audit;

export default function AuditPage() {
  const { caller } = useCaller();
  const [query] = useSearchParams();
  const accounts = useAccounts();
  const all = accounts.data?.pages.flatMap(({ accounts }) => accounts) ?? [];
  const get = (name: string) => query.get(name) ?? "";
  const set = (name: string, value: string) => {
    const next = new URLSearchParams(query);
    if (value) next.set(name, value);
    else next.delete(name);
    go(`/audit?${next}`, { replace: true });
  };
  const accountId = get("account") || (caller?.accountId ?? "");
  const filter: AuditFilter = {
    accountId,
    ...(get("kind") && { resourceType: get("kind") }),
    ...(get("id") && { resourceId: get("id") }),
    ...(get("action") && { action: get("action") }),
  };
  const entry = (name: string, label: string, placeholder: string) => (
    <TextField
      key={`${name}=${get(name)}`}
      label={label}
      isLabelHidden
      placeholder={placeholder}
      defaultValue={get(name)}
      onBlur={(event) => set(name, event.target.value.trim())}
      onKeyDown={(event) => event.key === "Enter" && set(name, event.currentTarget.value.trim())}
    />
  );
  return (
    <div className="page">
      <PageHead title={t.title}>
        <AsCode
          isSmall={false}
          method={auditMethods.listAuditEvents}
          request={() => requestOf(auditMethods.listAuditEvents, filter)}
        />
        <Whole key={accountId} accountId={accountId} />
      </PageHead>
      <search className="row">
        {all.length > 1 && (
          <SelectField
            label={t.account}
            isLabelHidden
            value={accountId}
            options={all.map(({ accountId, displayName }) => [accountId, displayName])}
            onChange={(event) => set("account", event.target.value)}
          />
        )}
        {entry("action", t.action, `${t.action}: ${t.actionHint}`)}
        {entry("kind", t.resourceType, t.resourceType)}
        {entry("id", t.resourceId, t.resourceId)}
      </search>
      {accountId && <AuditTable filter={filter} />}
    </div>
  );
}

/** What is done with all events of an account, whatever the filter. */
function Whole({ accountId }: { accountId: string }) {
  const [count, setCount] = useState<number>();
  const [verdict, setVerdict] = useState<Verdict>();
  const [error, setError] = useState<unknown>();
  const run = async (work: (onCount: (count: number) => void) => Promise<Verdict | undefined>) => {
    setError(undefined);
    setVerdict(undefined);
    setCount(0);
    try {
      setVerdict(await work(setCount));
    } catch (failure) {
      setError(failure);
    } finally {
      setCount(undefined);
    }
  };
  const isBusy = count !== undefined;
  return (
    <>
      <Button disabled={isBusy} onClick={() => void run((onCount) => verifyEvents(accountId, onCount))}>
        {t.verify}
      </Button>
      <Button disabled={isBusy} onClick={() => void run((onCount) => exportEvents(accountId, onCount))}>
        {t.export}
      </Button>
      {isBusy && (
        <span className="muted" role="status">
          {t.verifying(formatNumber(count))}
        </span>
      )}
      {verdict && (
        <div
          className={`notice ${verdict.kind === "fine" ? "ok" : verdict.kind === "unable" ? "warn" : "bad"}`}
          role="status"
        >
          {wordsOf(verdict)}
          {verdict.kind === "fine" && (
            <div className="facts">
              {t.verifiedHead} <code>{verdict.hash}</code>
            </div>
          )}
        </div>
      )}
      <ProblemNotice error={error} />
    </>
  );
}

function wordsOf(verdict: Verdict): string {
  if (verdict.kind === "fine") return t.verified(formatNumber(verdict.count));
  if (verdict.kind === "unable") return t.noCrypto;
  return verdict.kind === "gap" ? t.gap(String(verdict.sequence)) : t.broken(String(verdict.sequence));
}
