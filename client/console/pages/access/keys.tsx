import { type ReactNode, useState } from "react";
import { formatAgo, formatTime } from "../../browser/format.ts";
import { requestOf } from "../../calls/call.ts";
import { type ApiKey, accessMethods, useApiKeys, useRevokeApiKey, useRollApiKey } from "../../data/access/access.ts";
import { briefOf } from "../../data/access/limits.ts";
import { useCaller } from "../../data/caller.ts";
import { AsCode } from "../../parts/as-code.tsx";
import { Badge, Button } from "../../parts/basics.tsx";
import { Confirm } from "../../parts/dialog.tsx";
import { CheckField, optionsOf, SelectField } from "../../parts/fields.tsx";
import { List, type RowDialogProps, useRowDialogs } from "../../parts/list.tsx";
import { text } from "../../text.ts";
import { LimitsOfKey } from "./limits.tsx";
import { NewKey, ShownOnce } from "./new-key.tsx";

const t = text.access;

const DIALOGS = { limits: LimitsOfKey, roll: RollKey, revoke: RevokeKey };

interface KeysProps {
  readonly accountId: string;
  readonly name: string;
  /** What else can be done with the account. */
  readonly extra: ReactNode;
}

export function KeysOfAccount({ accountId, name, extra }: KeysProps) {
  const { caller, may } = useCaller();
  const [showEnded, setEnded] = useState(false);
  const query = useApiKeys(accountId, showEnded, true);
  const [isMaking, setMaking] = useState(false);
  const [dialog, open] = useRowDialogs<ApiKey, keyof typeof DIALOGS>(DIALOGS);
  const add = may("CREATE_API_KEY") && (
    <Button tone="primary" onClick={() => setMaking(true)}>
      {t.newKey}
    </Button>
  );
  return (
    <section className="stack">
      <div className="row">
        <h2>{name ? t.keysOf(name) : t.keys}</h2>
        <span className="grow" />
        <CheckField label={t.showEnded} checked={showEnded} onChange={(event) => setEnded(event.target.checked)} />
        {extra}
        {add}
      </div>
      <List
        label={t.keys}
        query={query}
        rows={query.data?.pages.flatMap(({ apiKeys }) => apiKeys) ?? []}
        idOf={({ apiKeyId }) => apiKeyId}
        empty={{ title: t.none, hint: add ? t.noneHint : "" }}
        columns={[
          { name: t.state, cell: (key) => <KeyState apiKey={key} /> },
          {
            name: t.name,
            cell: ({ displayName, apiKeyId }) => (
              <>
                {displayName} {apiKeyId === caller?.apiKeyId && <Badge tone="accent">{t.you}</Badge>}
              </>
            ),
          },
          {
            name: t.role,
            cell: ({ role, scopes }) => (
              <>
                {text.roles[role]} {scopes.length > 0 && <span className="muted">{t.scopesSome(scopes.length)}</span>}
              </>
            ),
          },
          {
            name: text.limits.title,
            cell: ({ limits }) => briefOf(limits).join(", ") || <span className="muted">{text.limits.none}</span>,
          },
          {
            name: t.keys,
            cell: ({ apiKeyId, isImported }) =>
              isImported ? <Badge>{t.imported}</Badge> : <code>pb_live_{apiKeyId}…</code>,
          },
          {
            name: t.lastUsed,
            hint: ({ lastUsedAt }) => formatTime(lastUsedAt),
            cell: ({ lastUsedAt }) => <Ago at={lastUsedAt} />,
          },
          {
            name: t.expires,
            hint: ({ expiresAt }) => formatTime(expiresAt),
            cell: ({ expiresAt }) => <Ago at={expiresAt} />,
          },
          {
            name: text.common.actions,
            isNameHidden: true,
            isNumber: true,
            cell: (key) => !hasEnded(key) && <Actions onOpen={(kind) => open(kind, key)} />,
          },
        ]}
      />
      {isMaking && <NewKey accountId={accountId} onClose={() => setMaking(false)} />}
      {dialog}
    </section>
  );
}

function Ago({ at }: { at: bigint }) {
  return at > 0n ? <span className="nowrap">{formatAgo(at)}</span> : <span className="muted">{text.common.never}</span>;
}

function Actions({ onOpen }: { onOpen: (kind: keyof typeof DIALOGS) => void }) {
  const { may } = useCaller();
  return (
    <span className="row one-line end">
      <Button isSmall onClick={() => onOpen("limits")}>
        {text.limits.title}
      </Button>
      {may("ROLL_API_KEY") && (
        <Button isSmall onClick={() => onOpen("roll")}>
          {t.roll}
        </Button>
      )}
      {may("DELETE_API_KEY") && (
        <Button isSmall tone="danger" onClick={() => onOpen("revoke")}>
          {t.revoke}
        </Button>
      )}
    </span>
  );
}

const hasExpired = ({ expiresAt }: ApiKey) => expiresAt > 0n && Number(expiresAt) < Date.now();
const hasEnded = (key: ApiKey) => key.revokedAt > 0n || hasExpired(key);

function KeyState({ apiKey }: { apiKey: ApiKey }) {
  if (apiKey.revokedAt > 0n) return <Badge tone="bad">{t.revoked}</Badge>;
  if (hasExpired(apiKey)) return <Badge>{t.expired}</Badge>;
  return <Badge tone="ok">{t.active}</Badge>;
}

function RollKey({ row: apiKey, onClose }: RowDialogProps<ApiKey>) {
  const [overlapSeconds, setOverlap] = useState(86_400);
  const roll = useRollApiKey();
  const { apiKeyId } = apiKey;
  if (roll.data) return <ShownOnce secret={roll.data.key} onClose={onClose} />;
  return (
    <Confirm
      title={t.rollTitle(apiKey.displayName)}
      hint={t.rollHint}
      action={t.roll.replace("…", "")}
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

function RevokeKey({ row: apiKey, onClose }: RowDialogProps<ApiKey>) {
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
