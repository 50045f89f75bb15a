import { requestOf } from "../calls/call.ts";
import { accessMethods } from "../data/access/access.ts";
import { useCaller, useLimitsOfCaller } from "../data/caller.ts";
import { useBudgets } from "../data/usage.ts";
import { AsCode } from "../parts/as-code.tsx";
import { CopyButton, Fact, Facts, Loading, ProblemNotice } from "../parts/basics.tsx";
import { BudgetList } from "../parts/budgets.tsx";
import { LimitStates } from "../parts/limits.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { text } from "../text.ts";

const t = text.you;

/** Who is signed in, how much of what they may take is left, and whom to ask for more. */
export default function YouPage() {
  const { may, caller: known } = useCaller();
  const { data: caller, error, refetch } = useLimitsOfCaller();
  const budgets = useBudgets({ ownerId: known?.accountId ?? "" }, may("READ_BUDGET"));
  if (!caller) {
    return (
      <div className="page narrow">
        <h1>{t.title}</h1>
        <ProblemNotice error={error} onRetry={() => void refetch()} />
        {!error && <Loading />}
      </div>
    );
  }
  const { accountId, apiKeyId, subject, role, limitStates, allowedModels, contact } = caller;
  return (
    <div className="page">
      <PageHead title={t.title}>
        <AsCode
          isSmall={false}
          method={accessMethods.getCaller}
          request={() => requestOf(accessMethods.getCaller, {})}
        />
      </PageHead>
      <ProblemNotice error={error} onRetry={() => void refetch()} />
      <section className="card">
        <Facts>
          <Fact name={t.role}>{t.roleOf(text.roles[role] ?? "", text.access.roleHints[role] ?? "")}</Fact>
          <Fact name={t.person}>{subject}</Fact>
          <Fact name={t.key}>
            {apiKeyId && (
              <>
                <code>{apiKeyId}</code> <CopyButton value={apiKeyId} />
              </>
            )}
          </Fact>
          <Fact name={t.account}>
            <code>{accountId}</code> <CopyButton value={accountId} />
          </Fact>
          <Fact name={t.models}>{allowedModels.length > 0 ? <code>{allowedModels.join(", ")}</code> : t.anyModel}</Fact>
          <Fact name={t.contact}>{contact}</Fact>
        </Facts>
      </section>
      <section className="stack">
        <h2>{text.limits.title}</h2>
        <LimitStates states={limitStates} />
      </section>
      {may("READ_BUDGET") && (
        <section className="stack">
          <h2>{text.usage.budgets}</h2>
          <ProblemNotice error={budgets.error} onRetry={() => void budgets.refetch()} />
          {budgets.data?.budgets.length === 0 && <p className="muted">{t.noBudget}</p>}
          {(budgets.data?.budgets.length ?? 0) > 0 && <BudgetList budgets={budgets.data?.budgets ?? []} isReadOnly />}
        </section>
      )}
    </div>
  );
}
