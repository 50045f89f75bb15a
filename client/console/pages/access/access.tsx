import { type FormEvent, useState } from "react";
import { Link, useSearchParams } from "wouter";
import { formatAgo, formatTime } from "../../browser/format.ts";
import { go } from "../../browser/place.ts";
import { requestOf } from "../../calls/call.ts";
import {
  type Account,
  accessMethods,
  useAccounts,
  useCreateAccount,
  useDeleteAccount,
  useUpdateAccount,
} from "../../data/access/access.ts";
import { useCaller } from "../../data/caller.ts";
import { AsCode } from "../../parts/as-code.tsx";
import { Badge, Button, ProblemNotice } from "../../parts/basics.tsx";
import { Confirm, Dialog, Menu } from "../../parts/dialog.tsx";
import { TextField } from "../../parts/fields.tsx";
import { List, type RowDialogProps, useRowDialogs } from "../../parts/list.tsx";
import { PageHead } from "../../parts/page-head.tsx";
import { text } from "../../text.ts";
import { KeysOfAccount } from "./keys.tsx";
import { LimitsOfAccount } from "./limits.tsx";

const t = text.access;

const DIALOGS = { limits: LimitsOfAccount, rename: AccountDialog, delete: DeleteAccount };

export default function AccessPage() {
  const { caller, mayForAny } = useCaller();
  const [query] = useSearchParams();
  const accountId = query.get("account") || (caller?.accountId ?? "");
  const [isMaking, setMaking] = useState(false);
  const accounts = useAccounts();
  const all = accounts.data?.pages.flatMap(({ accounts }) => accounts) ?? [];
  const account = all.find((one) => one.accountId === accountId);
  const [dialog, open] = useRowDialogs<Account, keyof typeof DIALOGS>(DIALOGS);
  const menu = account && (
    <Menu
      label={t.account}
      actions={[
        { name: text.limits.title, run: () => open("limits", account) },
        ...(mayForAny("UPDATE_ACCOUNT") ? [{ name: t.rename, run: () => open("rename", account) }] : []),
        ...(mayForAny("DELETE_ACCOUNT") && accountId !== caller?.accountId
          ? [{ name: t.deleteAccount, run: () => open("delete", account), isDangerous: true }]
          : []),
      ]}
    />
  );
  return (
    <div className="page">
      <PageHead title={t.title}>
        <AsCode
          isSmall={false}
          method={accessMethods.listApiKeys}
          request={() => requestOf(accessMethods.listApiKeys, { accountId })}
        />
        {mayForAny("CREATE_ACCOUNT") && <Button onClick={() => setMaking(true)}>{t.newAccount}</Button>}
      </PageHead>
      {all.length > 1 ? (
        <section className="stack">
          <h2>{t.accounts}</h2>
          <List
            label={t.accounts}
            query={accounts}
            rows={all}
            idOf={({ accountId }) => accountId}
            isCurrent={(one) => one.accountId === accountId}
            empty={{ title: t.noAccount }}
            columns={[
              {
                name: t.name,
                cell: (one) => (
                  <>
                    <Link href={`/access?account=${one.accountId}`}>{one.displayName}</Link>{" "}
                    {one.accountId === caller?.accountId && <Badge tone="accent">{t.you}</Badge>}
                  </>
                ),
              },
              { name: t.account, cell: ({ accountId }) => <code>{accountId}</code> },
              {
                name: t.created,
                hint: ({ createdAt }) => formatTime(createdAt),
                cell: ({ createdAt }) => formatAgo(createdAt),
              },
            ]}
          />
        </section>
      ) : (
        <ProblemNotice error={accounts.error} onRetry={() => void accounts.refetch()} />
      )}
      {accountId && (
        <KeysOfAccount key={accountId} accountId={accountId} name={account?.displayName ?? ""} extra={menu} />
      )}
      {isMaking && <AccountDialog onClose={() => setMaking(false)} />}
      {dialog}
    </div>
  );
}

/** Makes an account, or gives it another name. */
function AccountDialog({ row: account, onClose }: Partial<RowDialogProps<Account>> & { onClose: () => void }) {
  const [name, setName] = useState(account?.displayName ?? "");
  const create = useCreateAccount();
  const update = useUpdateAccount();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (account) {
      return update.mutate({ accountId: account.accountId, displayName: name }, { onSuccess: onClose });
    }
    create.mutate(
      { displayName: name },
      {
        onSuccess: ({ account }) => {
          onClose();
          if (account) go(`/access?account=${account.accountId}`);
        },
      },
    );
  };
  return (
    <Dialog
      title={account ? t.rename.replace("…", "") : t.newAccount}
      onClose={onClose}
      footer={
        <>
          <AsCode
            isSmall={false}
            method={account ? accessMethods.updateAccount : accessMethods.createAccount}
            request={() =>
              account
                ? requestOf(accessMethods.updateAccount, { accountId: account.accountId, displayName: name })
                : requestOf(accessMethods.createAccount, { displayName: name })
            }
          />
          <Button onClick={onClose}>{text.common.cancel}</Button>
          <Button type="submit" form="account" tone="primary" disabled={create.isPending || update.isPending}>
            {text.common.save}
          </Button>
        </>
      }
    >
      <form id="account" onSubmit={submit}>
        <TextField label={t.name} value={name} required autoFocus onChange={(event) => setName(event.target.value)} />
      </form>
      <ProblemNotice error={create.error ?? update.error} />
    </Dialog>
  );
}

function DeleteAccount({ row: { accountId, displayName }, onClose }: RowDialogProps<Account>) {
  const remove = useDeleteAccount();
  return (
    <Confirm
      title={t.deleteAccountTitle(displayName)}
      hint={t.deleteAccountHint}
      action={text.common.delete}
      onClose={onClose}
      isBusy={remove.isPending}
      error={remove.error}
      onConfirm={() =>
        remove.mutate(
          { accountId },
          {
            onSuccess: () => {
              onClose();
              go("/access");
            },
          },
        )
      }
    >
      <AsCode
        method={accessMethods.deleteAccount}
        request={() => requestOf(accessMethods.deleteAccount, { accountId })}
      />
    </Confirm>
  );
}
