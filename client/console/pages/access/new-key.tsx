import { type FormEvent, useState } from "react";
import { call, requestOf } from "../../calls/call.ts";
import { problemOf, saidOf } from "../../calls/problem.ts";
import { accessMethods, type NewApiKey, Role, useCreateApiKey } from "../../data/access/access.ts";
import { draftOf, isEmpty, isReadable, limitsOf } from "../../data/access/limits.ts";
import { useCaller } from "../../data/caller.ts";
import { useVerdict } from "../../data/verdict.ts";
import { AsCode } from "../../parts/as-code.tsx";
import { Button, CodeBlock, ProblemNotice } from "../../parts/basics.tsx";
import { Dialog } from "../../parts/dialog.tsx";
import { optionsOf, SelectField, TextField } from "../../parts/fields.tsx";
import { LimitsFields } from "../../parts/limits.tsx";
import { VerdictLine } from "../../parts/verdict.tsx";
import { text } from "../../text.ts";

const t = text.access;

/** Makes an API key, and shows it the one time that it is seen. */
export function NewKey({ accountId, onClose }: { accountId: string; onClose: () => void }) {
  const { mayForAny } = useCaller();
  const [name, setName] = useState("");
  const [role, setRole] = useState<number>(Role.MEMBER);
  const [end, setEnd] = useState("");
  const [secret, setSecret] = useState("");
  const [limits, setLimits] = useState(() => draftOf());
  const create = useCreateApiKey();
  const request: NewApiKey = {
    accountId,
    displayName: name,
    role: role as Role,
    ...(end && { expiresAt: BigInt(Date.parse(end)) }),
    ...(!isEmpty(limits) && { limits: limitsOf(limits) }),
    ...(secret && { importedSecret: secret }),
  };
  const verdict = useVerdict({
    request: name && isReadable(limits) ? request : undefined,
    ask: rehearse,
    onTyped: create.reset,
  });
  const said = (field: string) => saidOf(create.error ? problemOf(create.error).fields : verdict.fields, field);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(request, { onSuccess: ({ key }) => key === "" && onClose() });
  };
  if (create.data?.key) return <ShownOnce secret={create.data.key} onClose={onClose} />;
  return (
    <Dialog
      title={t.newKey}
      onClose={onClose}
      footer={
        <>
          <VerdictLine verdict={verdict} isRefused={create.isError} />
          <span className="grow" />
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
      <form id="api-key" className="stack" onSubmit={submit}>
        <TextField
          label={t.name}
          hint={t.nameHint}
          error={said("display_name")}
          value={name}
          required
          autoFocus
          onChange={(event) => setName(event.target.value)}
        />
        <SelectField
          label={t.role}
          value={role}
          error={said("role")}
          options={optionsOf(t.roleHints).map(([value, hint]) => [value, `${text.roles[Number(value)]}: ${hint}`])}
          onChange={(event) => setRole(Number(event.target.value))}
        />
        <TextField
          label={t.expires}
          hint={t.expiresHint}
          error={said("expires_at")}
          type="datetime-local"
          value={end}
          onChange={(event) => setEnd(event.target.value)}
        />
        <details>
          <summary>{text.limits.title}</summary>
          <div className="stack">
            <LimitsFields draft={limits} onChange={setLimits} said={(field) => said(`limits.${field}`)} />
          </div>
        </details>
        {mayForAny("CREATE_API_KEY") && (
          <details>
            <summary>{t.importTitle}</summary>
            <TextField
              label={t.importedSecret}
              hint={t.importedHint}
              error={said("imported_secret")}
              type="password"
              value={secret}
              onChange={(event) => setSecret(event.target.value.trim())}
            />
          </details>
        )}
      </form>
      <ProblemNotice error={create.error} />
    </Dialog>
  );
}

/** The same call as the one that makes it. */
async function rehearse(request: NewApiKey, options: { readonly signal: AbortSignal }): Promise<readonly string[]> {
  await call(accessMethods.createApiKey, { ...request, validateOnly: true }, options);
  return [];
}

/** The one time that a key is seen. */
export function ShownOnce({ secret, onClose }: { secret: string; onClose: () => void }) {
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
