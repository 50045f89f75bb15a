import { type FormEvent, useState } from "react";
import { useSearchParams } from "wouter";
import { formatAgo, formatTime } from "../browser/format.ts";
import { go } from "../browser/place.ts";
import { requestOf } from "../calls/call.ts";
import {
  type ApiKey,
  accessMethods,
  Role,
  useAccounts,
  useApiKeys,
  useCreateAccount,
  useCreateApiKey,
  useDeleteAccount,
  useRevokeApiKey,
  useRollApiKey,
  useUpdateAccount,
} from "../data/access/access.ts";
import { briefOf, draftOf, isEmpty, limitsOf } from "../data/access/limits.ts";
import { useCaller } from "../data/caller.ts";
import { AsCode } from "../parts/as-code.tsx";
import { Badge, Button, CodeBlock, Empty, Loading, ProblemNotice } from "../parts/basics.tsx";
import { Confirm, Dialog, Menu } from "../parts/dialog.tsx";
import { CheckField, optionsOf, SelectField, TextField } from "../parts/fields.tsx";
import { LimitsFields } from "../parts/limits.tsx";
import { text } from "../text.ts";
import { LimitsOfAccount, LimitsOfKey } from "./access-limits.tsx";

const t = text.access;

export default function AccessPage() {
  const { caller, may, mayForAny } = useCaller();
  const [query] = useSearchParams();
  const accountId = query.get("account") || (caller?.accountId ?? "");
  const [isMaking, setMaking] = useState(false);
  const accounts = useAccounts();
  const all = accounts.data?.pages.flatMap(({ accounts }) => accounts) ?? [];
  const account = all.find((one) => one.accountId === accountId);
  const [isRenaming, setRenaming] = useState(false);
  const [isDeleting, setDeleting] = useState(false);
  const [isLimiting, setLimiting] = useState(false);
  return (
    <div className="page">
      <div className="head">
        <h1>{t.title}</h1>
        <span className="grow" />
        <AsCode
          isSmall={false}
          method={accessMethods.listApiKeys}
          request={() => requestOf(accessMethods.listApiKeys, { accountId })}
        />
        {mayForAny("CREATE_ACCOUNT") && <Button onClick={() => setMaking(true)}>{t.newAccount}</Button>}
      </div>
      <ProblemNotice error={accounts.error} />
      {all.length > 1 && (
        <section className="card flush">
          <h2>{t.accounts}</h2>
          <table>
            <thead>
              <tr>
                <th scope="col">{t.name}</th>
                <th scope="col">{t.account}</th>
                <th scope="col">{t.created}</th>
              </tr>
            </thead>
            <tbody>
              {all.map((one) => (
                <tr key={one.accountId} aria-current={one.accountId === accountId}>
                  <td>
                    <a href={`#/access?account=${one.accountId}`}>{one.displayName}</a>{" "}
                    {one.accountId === caller?.accountId && <Badge tone="accent">{t.you}</Badge>}
                  </td>
                  <td>
                    <code>{one.accountId}</code>
                  </td>
                  <td>{formatAgo(one.createdAt)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {accounts.hasNextPage && <Button onClick={() => void accounts.fetchNextPage()}>{text.common.more}</Button>}
        </section>
      )}
      {accountId && (
        <KeysOfAccount
          key={accountId}
          accountId={accountId}
          name={account?.displayName ?? ""}
          extra={
            <Menu
              label={t.account}
              actions={[
                ...(account ? [{ name: text.limits.title, run: () => setLimiting(true) }] : []),
                ...(mayForAny("UPDATE_ACCOUNT") ? [{ name: t.rename, run: () => setRenaming(true) }] : []),
                ...(mayForAny("DELETE_ACCOUNT") && accountId !== caller?.accountId
                  ? [{ name: t.deleteAccount, run: () => setDeleting(true), isDangerous: true }]
                  : []),
              ]}
            />
          }
          mayMake={may("CREATE_API_KEY")}
        />
      )}
      {isMaking && <AccountDialog onClose={() => setMaking(false)} />}
      {isRenaming && account && (
        <AccountDialog accountId={accountId} name={account.displayName} onClose={() => setRenaming(false)} />
      )}
      {isLimiting && account && (
        <LimitsOfAccount id={accountId} name={account.displayName} onClose={() => setLimiting(false)} />
      )}
      {isDeleting && account && (
        <DeleteAccount accountId={accountId} name={account.displayName} onClose={() => setDeleting(false)} />
      )}
    </div>
  );
}

/** Makes an account, or gives it another name. */
function AccountDialog({
  accountId,
  name: before = "",
  onClose,
}: {
  accountId?: string;
  name?: string;
  onClose: () => void;
}) {
  const [name, setName] = useState(before);
  const create = useCreateAccount();
  const update = useUpdateAccount();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (accountId) return update.mutate({ accountId, displayName: name }, { onSuccess: onClose });
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
      title={accountId ? t.rename : t.newAccount}
      onClose={onClose}
      footer={
        <>
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

function DeleteAccount({ accountId, name, onClose }: { accountId: string; name: string; onClose: () => void }) {
  const remove = useDeleteAccount();
  return (
    <Confirm
      title={t.deleteAccountTitle(name)}
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
    />
  );
}

interface KeysProps {
  readonly accountId: string;
  readonly name: string;
  readonly extra: React.ReactNode;
  readonly mayMake: boolean;
}

function KeysOfAccount({ accountId, name, extra, mayMake }: KeysProps) {
  const { caller, may } = useCaller();
  const [showEnded, setEnded] = useState(false);
  const { data, error, isPending, hasNextPage, fetchNextPage } = useApiKeys(accountId, showEnded, true);
  const keys = data?.pages.flatMap(({ apiKeys }) => apiKeys) ?? [];
  const [isMaking, setMaking] = useState(false);
  const [rolling, setRolling] = useState<ApiKey>();
  const [revoking, setRevoking] = useState<ApiKey>();
  const [limiting, setLimiting] = useState<ApiKey>();
  return (
    <section className="stack">
      <div className="row">
        <h2>{name ? t.keysOf(name) : t.keys}</h2>
        <span className="grow" />
        <CheckField label={t.showEnded} checked={showEnded} onChange={(event) => setEnded(event.target.checked)} />
        {extra}
        {mayMake && (
          <Button tone="primary" onClick={() => setMaking(true)}>
            {t.newKey}
          </Button>
        )}
      </div>
      <ProblemNotice error={error} />
      {isPending && <Loading />}
      {data && keys.length === 0 && <Empty title={t.none} />}
      {keys.length > 0 && (
        <div className="table-box">
          <table>
            <thead>
              <tr>
                <th scope="col">{t.state}</th>
                <th scope="col">{t.name}</th>
                <th scope="col">{t.role}</th>
                <th scope="col">{t.scopes}</th>
                <th scope="col">{text.limits.title}</th>
                <th scope="col">{t.keys}</th>
                <th scope="col">{t.lastUsed}</th>
                <th scope="col">{t.expires}</th>
                <th scope="col">
                  <span className="hidden-label">{text.common.actions}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {keys.map((key) => (
                <tr key={key.apiKeyId}>
                  <td>
                    <KeyState apiKey={key} />
                  </td>
                  <td>
                    {key.displayName} {key.apiKeyId === caller?.apiKeyId && <Badge tone="accent">{t.you}</Badge>}
                  </td>
                  <td>{text.roles[key.role]}</td>
                  <td>{key.scopes.length === 0 ? t.scopesAll : t.scopesSome(key.scopes.length)}</td>
                  <td>{briefOf(key.limits).join(", ") || text.limits.none}</td>
                  <td>
                    <code>pb_live_{key.apiKeyId}…</code>
                  </td>
                  <td title={formatTime(key.lastUsedAt)}>
                    {key.lastUsedAt > 0n ? formatAgo(key.lastUsedAt) : text.common.never}
                  </td>
                  <td title={formatTime(key.expiresAt)}>
                    {key.expiresAt > 0n ? formatAgo(key.expiresAt) : text.common.never}
                  </td>
                  <td className="number">
                    {!hasEnded(key) && (
                      <span className="row one-line">
                        <Button isSmall onClick={() => setLimiting(key)}>
                          {text.limits.title}
                        </Button>
                        {may("ROLL_API_KEY") && (
                          <Button isSmall onClick={() => setRolling(key)}>
                            {t.roll}
                          </Button>
                        )}
                        {may("DELETE_API_KEY") && (
                          <Button isSmall tone="danger" onClick={() => setRevoking(key)}>
                            {t.revoke}
                          </Button>
                        )}
                      </span>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {hasNextPage && <Button onClick={() => void fetchNextPage()}>{text.common.more}</Button>}
      {isMaking && <NewKey accountId={accountId} onClose={() => setMaking(false)} />}
      {limiting && (
        <LimitsOfKey id={limiting.apiKeyId} name={limiting.displayName} onClose={() => setLimiting(undefined)} />
      )}
      {rolling && <RollKey apiKey={rolling} onClose={() => setRolling(undefined)} />}
      {revoking && <RevokeKey apiKey={revoking} onClose={() => setRevoking(undefined)} />}
    </section>
  );
}

const hasExpired = ({ expiresAt }: ApiKey) => expiresAt > 0n && Number(expiresAt) < Date.now();
const hasEnded = (key: ApiKey) => key.revokedAt > 0n || hasExpired(key);

function KeyState({ apiKey }: { apiKey: ApiKey }) {
  if (apiKey.revokedAt > 0n) return <Badge tone="bad">{t.revoked}</Badge>;
  if (hasExpired(apiKey)) return <Badge>{t.expired}</Badge>;
  return <Badge tone="ok">{t.active}</Badge>;
}

function NewKey({ accountId, onClose }: { accountId: string; onClose: () => void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<number>(Role.MEMBER);
  const [end, setEnd] = useState("");
  const [limits, setLimits] = useState(() => draftOf());
  const create = useCreateApiKey();
  const request = {
    accountId,
    displayName: name,
    role: role as Role,
    ...(end && { expiresAt: BigInt(Date.parse(end)) }),
    ...(!isEmpty(limits) && { limits: limitsOf(limits) }),
  };
  if (create.data) return <ShownOnce secret={create.data.key} onClose={onClose} />;
  return (
    <Dialog
      title={t.newKey}
      onClose={onClose}
      footer={
        <>
          <AsCode
            isSmall={false}
            method={accessMethods.createApiKey}
            request={() => requestOf(accessMethods.createApiKey, request)}
          />
          <Button onClick={onClose}>{text.common.cancel}</Button>
          <Button type="submit" form="api-key" tone="primary" disabled={create.isPending}>
            {t.newKey}
          </Button>
        </>
      }
    >
      <form
        id="api-key"
        className="stack"
        onSubmit={(event) => {
          event.preventDefault();
          create.mutate(request);
        }}
      >
        <TextField
          label={t.name}
          hint={t.nameHint}
          value={name}
          required
          autoFocus
          onChange={(event) => setName(event.target.value)}
        />
        <SelectField
          label={t.role}
          value={role}
          options={optionsOf(t.roleHints).map(([value, hint]) => [value, `${text.roles[Number(value)]}: ${hint}`])}
          onChange={(event) => setRole(Number(event.target.value))}
        />
        <TextField
          label={t.expires}
          hint={t.expiresHint}
          type="datetime-local"
          value={end}
          onChange={(event) => setEnd(event.target.value)}
        />
        <details>
          <summary>{text.limits.title}</summary>
          <div className="stack">
            <LimitsFields draft={limits} onChange={setLimits} />
          </div>
        </details>
      </form>
      <ProblemNotice error={create.error} />
    </Dialog>
  );
}

/** The one time that a key is seen. */
function ShownOnce({ secret, onClose }: { secret: string; onClose: () => void }) {
  return (
    <Dialog
      title={t.onceTitle}
      onClose={onClose}
      footer={
        <Button tone="primary" onClick={onClose}>
          {t.done}
        </Button>
      }
    >
      <p>{t.onceHint}</p>
      <CodeBlock value={secret} label={t.onceTitle} />
    </Dialog>
  );
}

function RollKey({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const [overlapSeconds, setOverlap] = useState(86_400);
  const roll = useRollApiKey();
  const { apiKeyId } = apiKey;
  if (roll.data) return <ShownOnce secret={roll.data.key} onClose={onClose} />;
  return (
    <Confirm
      title={t.rollTitle(apiKey.displayName)}
      hint={t.rollHint}
      action={t.roll}
      isDangerous={false}
      onClose={onClose}
      isBusy={roll.isPending}
      error={roll.error}
      onConfirm={() => roll.mutate({ apiKeyId, overlapSeconds })}
    >
      <SelectField
        label={t.overlap}
        value={overlapSeconds}
        options={optionsOf(t.overlaps)}
        onChange={(event) => setOverlap(Number(event.target.value))}
      />
      <AsCode
        method={accessMethods.rollApiKey}
        request={() => requestOf(accessMethods.rollApiKey, { apiKeyId, overlapSeconds })}
      />
    </Confirm>
  );
}

function RevokeKey({ apiKey, onClose }: { apiKey: ApiKey; onClose: () => void }) {
  const revoke = useRevokeApiKey();
  const { apiKeyId } = apiKey;
  return (
    <Confirm
      title={t.revokeTitle(apiKey.displayName)}
      hint={t.revokeHint}
      action={t.revoke.replace("…", "")}
      onClose={onClose}
      isBusy={revoke.isPending}
      error={revoke.error}
      onConfirm={() => revoke.mutate({ apiKeyId }, { onSuccess: onClose })}
    >
      <AsCode method={accessMethods.revokeApiKey} request={() => requestOf(accessMethods.revokeApiKey, { apiKeyId })} />
    </Confirm>
  );
}
