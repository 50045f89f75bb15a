import { type FormEvent, useState } from "react";
import { Link, useSearchParams } from "wouter";
import { formatAgo } from "../browser/format.ts";
import { requestOf } from "../calls/call.ts";
import { useCaller } from "../data/caller.ts";
import {
  type Provider,
  ProviderStatus,
  providerMethods,
  useDeleteProvider,
  useProvider,
  useProviderModels,
  useProviders,
  useTestProvider,
  useUpsertProvider,
} from "../data/providers.ts";
import { AsCode } from "../parts/as-code.tsx";
import { Badge, Button, Loading, ProblemNotice, type Tone } from "../parts/basics.tsx";
import { Confirm, Dialog, Menu } from "../parts/dialog.tsx";
import { TextField } from "../parts/fields.tsx";
import { List, type RowDialogProps, useRowDialogs } from "../parts/list.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { Stages } from "../parts/stages.tsx";
import { text } from "../text.ts";

const t = text.providers;

const TONES: Record<number, Tone> = {
  [ProviderStatus.ACTIVE]: "ok",
  [ProviderStatus.FAILING]: "bad",
  [ProviderStatus.CREDENTIALS_UNREADABLE]: "bad",
};

const DIALOGS = { test: TestDialog, models: ModelsDialog, key: KeyDialog, delete: DeleteDialog };

export default function ProvidersPage() {
  const { may } = useCaller();
  const [query] = useSearchParams();
  const one = query.get("name") ?? "";
  const [search, setSearch] = useState("");
  const list = useProviders(search, one === "");
  const single = useProvider(one);
  const providers = one ? [single.data ?? []].flat() : (list.data?.pages.flatMap(({ providers }) => providers) ?? []);
  const [dialog, open] = useRowDialogs<Provider, keyof typeof DIALOGS>(DIALOGS);
  const add = may("UPDATE_PROVIDER") && (
    <Link href="/connect" className="button primary">
      {t.add}
    </Link>
  );
  return (
    <div className="page">
      <PageHead title={t.title}>
        <AsCode
          isSmall={false}
          method={providerMethods.listProviders}
          request={() => requestOf(providerMethods.listProviders, { search })}
        />
        {add}
      </PageHead>
      <p className="muted">{t.hint}</p>
      <search className="row">
        {one ? (
          <Link className="button" href="/providers">
            {text.common.all}
          </Link>
        ) : (
          <TextField
            label={text.common.search}
            isLabelHidden
            type="search"
            className="search"
            placeholder={t.search}
            value={search}
            onChange={(event) => setSearch(event.target.value)}
          />
        )}
      </search>
      <List
        label={t.title}
        query={one ? single : list}
        rows={providers}
        idOf={({ providerId }) => providerId}
        empty={search ? { title: t.nothing, hint: t.nothingHint } : { title: t.empty, hint: t.emptyHint, action: add }}
        columns={[
          {
            name: t.column.status,
            cell: ({ status }) => <Badge tone={TONES[status] ?? ""}>{text.providerStatus[status]}</Badge>,
          },
          {
            name: t.column.name,
            cell: ({ displayName, name }) => (
              <>
                {displayName} {displayName !== name && <code className="muted">{name}</code>}
              </>
            ),
          },
          {
            name: t.column.type,
            cell: ({ providerType }) => <span className="nowrap">{text.providerTypes[providerType]}</span>,
          },
          { name: t.column.url, cell: ({ endpointUrl }) => <code>{endpointUrl}</code> },
          { name: t.column.key, cell: (provider) => <code className="nowrap">{keyOf(provider)}</code> },
          {
            name: t.column.test,
            hint: ({ lastTest }) => lastTest?.message,
            cell: ({ lastTest }) => <TestedAt test={lastTest} />,
          },
          {
            name: text.common.actions,
            isNameHidden: true,
            isNumber: true,
            cell: (provider) => <Actions provider={provider} onOpen={(kind) => open(kind, provider)} />,
          },
        ]}
      />
      {dialog}
    </div>
  );
}

const keyOf = ({ credentialsRef, credentialsHint, hasCredentials }: Provider) =>
  credentialsRef || credentialsHint || (hasCredentials ? "…" : "");

function TestedAt({ test }: { test: Provider["lastTest"] }) {
  if (!test) return <span className="muted">{text.common.never}</span>;
  return (
    <>
      {formatAgo(test.testedAt)} <span className="muted">· {text.outcomes[test.outcome]}</span>
    </>
  );
}

function Actions({ provider, onOpen }: { provider: Provider; onOpen: (kind: keyof typeof DIALOGS) => void }) {
  const { may } = useCaller();
  return (
    <span className="row one-line end">
      {may("CREATE_LLM") && (
        <Link className="button small" href={`/connect?provider=${provider.providerId}`}>
          {t.addLlm}
        </Link>
      )}
      <Menu
        isSmall
        label={text.common.actions}
        actions={[
          ...(may("TEST_PROVIDER") ? [{ name: text.common.test, run: () => onOpen("test") }] : []),
          { name: t.models, run: () => onOpen("models") },
          ...(may("UPDATE_PROVIDER") ? [{ name: t.changeKey, run: () => onOpen("key") }] : []),
          ...(may("DELETE_PROVIDER")
            ? [{ name: text.common.delete, run: () => onOpen("delete"), isDangerous: true }]
            : []),
        ]}
      />
    </span>
  );
}

type DialogProps = RowDialogProps<Provider>;

function TestDialog({ row: provider, onClose }: DialogProps) {
  const test = useTestProvider();
  const request = { name: provider.providerId };
  return (
    <Dialog
      title={t.testTitle(provider.displayName)}
      onClose={onClose}
      footer={
        <>
          <AsCode
            isSmall={false}
            method={providerMethods.testProvider}
            request={() => requestOf(providerMethods.testProvider, request)}
          />
          <Button tone="primary" disabled={test.isPending} onClick={() => test.mutate(request)}>
            {text.common.test}
          </Button>
        </>
      }
    >
      <ProblemNotice error={test.error} />
      <Stages test={test.data?.test ?? provider.lastTest} isRunning={test.isPending} />
    </Dialog>
  );
}

function ModelsDialog({ row: provider, onClose }: DialogProps) {
  const { data, error, isPending } = useProviderModels(provider.providerId, true);
  return (
    <Dialog title={t.modelsOf(provider.displayName)} onClose={onClose} shape="wide">
      {isPending && <Loading />}
      <ProblemNotice error={error} />
      {data && (
        <>
          <p className="muted">
            {text.connect.listedBy(data.models.length)}, {formatAgo(data.fetchedAt)}
          </p>
          <ul className="models">
            {data.models.map(({ modelIdentifier, displayName, ownedBy }) => (
              <li key={modelIdentifier} className="menu-item">
                <code>{modelIdentifier}</code>
                <span className="muted">{[displayName, ownedBy].filter(Boolean).join(" · ")}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </Dialog>
  );
}

function KeyDialog({ row: provider, onClose }: DialogProps) {
  const [key, setKey] = useState("");
  const upsert = useUpsertProvider();
  const test = useTestProvider();
  const request = {
    name: provider.providerId,
    etag: provider.etag,
    credentials: { apiKey: { source: { case: "inlineSecret" as const, value: key.trim() } } },
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    upsert.mutate(request, { onSuccess: () => test.mutate({ name: provider.providerId }) });
  };
  return (
    <Dialog
      title={t.changeKey.replace("…", "")}
      onClose={onClose}
      footer={
        <>
          <AsCode
            isSmall={false}
            method={providerMethods.upsertProvider}
            request={() => requestOf(providerMethods.upsertProvider, request)}
          />
          <Button onClick={onClose}>{upsert.isSuccess ? text.common.close : text.common.cancel}</Button>
          {!upsert.isSuccess && (
            <Button type="submit" form="provider-key" tone="primary" disabled={upsert.isPending}>
              {text.common.save}
            </Button>
          )}
        </>
      }
    >
      <form id="provider-key" onSubmit={submit}>
        <TextField
          label={text.keys.newKey}
          hint={text.form.keyHint}
          type="password"
          value={key}
          required
          autoFocus
          onChange={(event) => setKey(event.target.value)}
        />
      </form>
      <ProblemNotice error={upsert.error ?? test.error} />
      {upsert.isSuccess && <Stages test={test.data?.test} isRunning={test.isPending} />}
    </Dialog>
  );
}

function DeleteDialog({ row: provider, onClose }: DialogProps) {
  const remove = useDeleteProvider();
  const request = { name: provider.providerId, etag: provider.etag };
  return (
    <Confirm
      title={t.deleteTitle(provider.displayName)}
      hint={t.deleteHint}
      action={text.common.delete}
      onClose={onClose}
      isBusy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(request, { onSuccess: onClose })}
    >
      <AsCode
        method={providerMethods.deleteProvider}
        request={() => requestOf(providerMethods.deleteProvider, request)}
      />
    </Confirm>
  );
}
