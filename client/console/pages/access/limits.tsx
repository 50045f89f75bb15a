import { useState } from "react";
import { call, requestOf } from "../../calls/call.ts";
import {
  type Account,
  type ApiKey,
  accessMethods,
  useAccount,
  useApiKey,
  useUpdateAccount,
  useUpdateApiKey,
} from "../../data/access/access.ts";
import { useCaller } from "../../data/caller.ts";
import { AsCode } from "../../parts/as-code.tsx";
import { Loading, ProblemNotice } from "../../parts/basics.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { TextField } from "../../parts/fields.tsx";
import { LimitsDialog } from "../../parts/limits.tsx";
import type { RowDialogProps } from "../../parts/list.tsx";
import { text } from "../../text.ts";

const t = text.limits;

/** The limits of a key and how much of them is used, which the server tells where one key is asked for. */
export function LimitsOfKey({ row: { apiKeyId, displayName: name }, onClose }: RowDialogProps<ApiKey>) {
  const { may } = useCaller();
  const { data: apiKey, error } = useApiKey(apiKeyId);
  const update = useUpdateApiKey();
  if (!apiKey) return <Waiting name={name} error={error} onClose={onClose} />;
  return (
    <LimitsDialog
      title={t.titleOf(name)}
      limits={apiKey.limits}
      states={apiKey.limitStates}
      mayChange={may("UPDATE_API_KEY")}
      save={update}
      onSave={(limits) => update.mutate({ apiKeyId, limits }, { onSuccess: onClose })}
      onRehearse={(limits, options) =>
        call(accessMethods.updateApiKey, { apiKeyId, limits, validateOnly: true }, options)
      }
      onClose={onClose}
      code={(limits) => (
        <AsCode
          isSmall={false}
          method={accessMethods.updateApiKey}
          request={() => requestOf(accessMethods.updateApiKey, { apiKeyId, limits })}
        />
      )}
    />
  );
}

/** The same of all who call for an account together. */
export function LimitsOfAccount({ row: { accountId, displayName: name }, onClose }: RowDialogProps<Account>) {
  const { mayForAny } = useCaller();
  const { data: account, error } = useAccount(accountId);
  const update = useUpdateAccount();
  const [typed, setTyped] = useState<string>();
  if (!account) return <Waiting name={name} error={error} onClose={onClose} />;
  const contact = typed ?? account.contact;
  return (
    <LimitsDialog
      title={t.titleOf(name)}
      limits={account.limits}
      states={account.limitStates}
      mayChange={mayForAny("UPDATE_ACCOUNT")}
      save={update}
      onSave={(limits) => update.mutate({ accountId, contact, limits }, { onSuccess: onClose })}
      onRehearse={(limits, options) =>
        call(accessMethods.updateAccount, { accountId, contact, limits, validateOnly: true }, options)
      }
      onClose={onClose}
      code={(limits) => (
        <AsCode
          isSmall={false}
          method={accessMethods.updateAccount}
          request={() => requestOf(accessMethods.updateAccount, { accountId, contact, limits })}
        />
      )}
    >
      <TextField
        label={t.contact}
        hint={t.contactHint}
        value={contact}
        onChange={(event) => setTyped(event.target.value)}
      />
    </LimitsDialog>
  );
}

function Waiting({ name, error, onClose }: { name: string; error: unknown; onClose: () => void }) {
  return (
    <Dialog title={t.titleOf(name)} shape="wide" onClose={onClose}>
      {error ? <ProblemNotice error={error} /> : <Loading />}
    </Dialog>
  );
}
