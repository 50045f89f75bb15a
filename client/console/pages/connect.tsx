import { type FormEvent, useMemo, useState } from "react";
import { Link, useSearchParams } from "wouter";
import { requestOf } from "../calls/call.ts";
import { problemOf, saidOf } from "../calls/problem.ts";
import { Outcome } from "../data/connection-tests.ts";
import { type Llm, llmMethods, ProviderType, useCreateLlm, useTestLlm } from "../data/llms.ts";
import {
  type Provider,
  providerMethods,
  useProvider,
  useProviderModels,
  useProviders,
  useTestProvider,
  useUpsertProvider,
} from "../data/providers.ts";
import { AsCode } from "../parts/as-code.tsx";
import { Badge, Button, Loading, ProblemNotice } from "../parts/basics.tsx";
import { SelectField, TextField } from "../parts/fields.tsx";
import { MachineChoices } from "../parts/machine.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { Stages } from "../parts/stages.tsx";
import { text } from "../text.ts";

const t = text.connect;

/** Where an endpoint is, as far as somebody has chosen. */
export interface Place {
  readonly providerType: ProviderType;
  /** Empty for the vendor's own address. */
  readonly endpointUrl: string;
  readonly name: string;
  readonly isOwn: boolean;
}

const VENDORS = [
  [ProviderType.OPENAI, "openai"],
  [ProviderType.ANTHROPIC, "anthropic"],
  [ProviderType.OPEN_ROUTER, "openrouter"],
  [ProviderType.DASHSCOPE, "dashscope"],
] as const;

/** The endpoint that a server has in itself. */
const DEMO_URL = "patchbay:demo";

/** From a vendor to a chat: a Provider with the key, then an Llm of it. */
export default function ConnectPage() {
  const [query] = useSearchParams();
  const chosen = query.get("provider") ?? "";
  const { data: asked } = useProvider(chosen, chosen !== "");
  const [place, setPlace] = useState<Place>();
  const [made, setMade] = useState<Provider>();
  const [llm, setLlm] = useState<Llm>();
  const provider = made ?? asked;
  const step = llm ? 3 : provider ? 2 : place ? 1 : 0;
  return (
    <div className="page narrow">
      <PageHead title={t.title}>
        <ol className="steps" aria-label={t.title}>
          {t.steps.map((name, index) => (
            <li key={name} aria-current={index === step ? "step" : undefined}>
              {name}
            </li>
          ))}
        </ol>
      </PageHead>
      {llm ? (
        <Proof llm={llm} onBack={() => setLlm(undefined)} />
      ) : provider ? (
        <ChooseModel key={provider.providerId} provider={provider} onDone={setLlm} />
      ) : place ? (
        <GiveKey place={place} onBack={() => setPlace(undefined)} onDone={setMade} />
      ) : (
        <ChoosePlace onChoose={setPlace} onProvider={setMade} />
      )}
    </div>
  );
}

function ChoosePlace({
  onChoose,
  onProvider,
}: {
  onChoose: (place: Place) => void;
  onProvider: (it: Provider) => void;
}) {
  const { data } = useProviders();
  const known = data?.pages[0]?.providers ?? [];
  const nameFor = (base: string) => freeName(base, known);
  const chooseOwn = () =>
    onChoose({ providerType: ProviderType.CUSTOM_OPENAI_COMPATIBLE, endpointUrl: "", name: "", isOwn: true });
  const chooseDemo = () =>
    onChoose({
      providerType: ProviderType.CUSTOM_OPENAI_COMPATIBLE,
      endpointUrl: DEMO_URL,
      name: nameFor("demo"),
      isOwn: true,
    });
  return (
    <>
      {known.length > 0 && (
        <section className="card">
          <h2>{t.known}</h2>
          <div className="vendors">
            {known.slice(0, 8).map((provider) => (
              <button key={provider.providerId} type="button" className="vendor" onClick={() => onProvider(provider)}>
                <strong>{provider.displayName}</strong>
                <span className="cut">
                  {text.providerTypes[provider.providerType]} {provider.credentialsHint}
                </span>
              </button>
            ))}
          </div>
        </section>
      )}
      <section className="card">
        <h2>{t.vendors}</h2>
        <div className="vendors">
          {VENDORS.map(([providerType, name]) => (
            <button
              key={name}
              type="button"
              className="vendor"
              onClick={() => onChoose({ providerType, endpointUrl: "", name: nameFor(name), isOwn: false })}
            >
              <strong>{text.providerTypes[providerType]}</strong>
            </button>
          ))}
          <button type="button" className="vendor" onClick={chooseDemo}>
            <strong>{t.demo}</strong>
            <span>{t.demoHint}</span>
          </button>
          <button type="button" className="vendor" onClick={chooseOwn}>
            <strong>{t.own}</strong>
            <span>{t.ownHint}</span>
          </button>
        </div>
      </section>
      <MachineChoices
        onChoose={({ providerType, endpointUrl, name }) =>
          onChoose({ providerType, endpointUrl, name: nameFor(name), isOwn: true })
        }
      />
      <p>
        <Link href="/llms/new">{t.byHand}</Link>
      </p>
    </>
  );
}

/** A name that no Provider has yet. */
function freeName(base: string, known: readonly Provider[]): string {
  const taken = new Set(known.map(({ name }) => name));
  let name = base;
  for (let number = 2; taken.has(name); number += 1) name = `${base}-${number}`;
  return name;
}

const OWN_TYPES = [
  ProviderType.CUSTOM_OPENAI_COMPATIBLE,
  ProviderType.OLLAMA,
  ProviderType.LLAMA_CPP,
  ProviderType.VLLM,
  ProviderType.LITELLM_PROXY,
  ProviderType.OPENAI,
  ProviderType.ANTHROPIC,
];

function GiveKey({ place, onBack, onDone }: { place: Place; onBack: () => void; onDone: (it: Provider) => void }) {
  const [endpointUrl, setUrl] = useState(place.endpointUrl);
  const [providerType, setType] = useState<number>(place.providerType);
  const [name, setName] = useState(place.name);
  const [key, setKey] = useState("");
  const upsert = useUpsertProvider();
  const test = useTestProvider();
  const isBusy = upsert.isPending || test.isPending;
  const provider = upsert.data?.provider;
  const result = test.data?.test;
  const vendor = text.providerTypes[place.providerType] ?? "";

  const request = {
    name: name || nameOfUrl(endpointUrl),
    providerType: providerType as ProviderType,
    ...(endpointUrl && { endpointUrl: endpointUrl.trim() }),
    ...(key && { credentials: { apiKey: { source: { case: "inlineSecret" as const, value: key.trim() } } } }),
  };
  const said = upsert.error ? problemOf(upsert.error).fields : [];

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    test.reset();
    try {
      const { provider } = await upsert.mutateAsync(request);
      if (!provider) return;
      const { test: proof } = await test.mutateAsync({ name: provider.providerId });
      if (proof?.outcome === Outcome.OK || proof?.outcome === Outcome.INCONCLUSIVE) onDone(provider);
    } catch {
      // The notices below say it.
    }
  };

  return (
    <form className="card stack" onSubmit={(event) => void submit(event)}>
      <h2>{t.keyTitle(place.isOwn ? t.own : vendor)}</h2>
      {place.isOwn && (
        <div className="grid-2">
          <TextField
            label={t.endpoint}
            hint={t.endpointHint}
            error={saidOf(said, "endpoint_url")}
            value={endpointUrl}
            onChange={(event) => setUrl(event.target.value)}
            type="url"
            required
            autoFocus={!place.endpointUrl}
          />
          <SelectField
            label={t.api}
            value={providerType}
            options={OWN_TYPES.map((type) => [type, text.providerTypes[type] ?? ""])}
            onChange={(event) => setType(Number(event.target.value))}
          />
        </div>
      )}
      <TextField
        label={text.form.key}
        type="password"
        hint={place.isOwn ? `${t.keyHint} ${t.noKey}` : t.keyHint}
        error={saidOf(said, "credentials")}
        value={key}
        onChange={(event) => setKey(event.target.value)}
        required={!place.isOwn}
        autoFocus={!place.isOwn}
      />
      <TextField
        label={t.name}
        hint={t.nameHint}
        error={saidOf(said, "name")}
        value={name}
        placeholder={nameOfUrl(endpointUrl)}
        onChange={(event) => setName(event.target.value)}
        pattern="[a-z0-9][a-z0-9._\-]*"
      />
      <ProblemNotice error={upsert.error ?? test.error} />
      {(test.isPending || result) && <Stages test={result} isRunning={test.isPending} />}
      <div className="row">
        <Button onClick={onBack}>{t.back}</Button>
        <AsCode
          method={providerMethods.upsertProvider}
          request={() => requestOf(providerMethods.upsertProvider, request)}
          isSmall={false}
        />
        <span className="grow" />
        {result && provider && <Button onClick={() => onDone(provider)}>{t.continueAnyway}</Button>}
        <Button type="submit" tone="primary" disabled={isBusy}>
          {isBusy ? t.checking : t.check}
        </Button>
      </div>
    </form>
  );
}

function nameOfUrl(url: string): string {
  try {
    const { hostname, port } = new URL(url);
    return `${hostname}${port && `-${port}`}`
      .toLowerCase()
      .replace(/[^a-z0-9._-]/g, "-")
      .replace(/^[^a-z0-9]+/, "");
  } catch {
    return "";
  }
}

const MAX_SHOWN = 200;

function ChooseModel({ provider, onDone }: { provider: Provider; onDone: (llm: Llm) => void }) {
  const models = useProviderModels(provider.providerId, true);
  const create = useCreateLlm();
  const [typed, setTyped] = useState("");
  const list = useMemo(() => models.data?.models ?? [], [models.data]);
  const word = typed.trim().toLowerCase();
  const matching = list.filter(
    ({ modelIdentifier, displayName }) =>
      modelIdentifier.toLowerCase().includes(word) || displayName.toLowerCase().includes(word),
  );
  const isExact = list.some(({ modelIdentifier }) => modelIdentifier === typed.trim());
  const existingId = create.error ? problemOf(create.error).metadata.llmId : undefined;

  const requestFor = (modelIdentifier: string) => ({
    providerId: provider.providerId,
    ownerId: provider.ownerId,
    modelIdentifier,
    displayName: modelIdentifier,
  });
  const choose = (modelIdentifier: string) =>
    create.mutate(requestFor(modelIdentifier), { onSuccess: ({ llm }) => llm && onDone(llm) });

  return (
    <form
      className="card stack"
      onSubmit={(event) => {
        event.preventDefault();
        if (typed.trim()) choose(typed.trim());
      }}
    >
      <div className="row">
        <h2>{t.chooseModel}</h2>
        <span className="muted">
          {provider.displayName} {provider.credentialsHint}
        </span>
        {provider.lastTest && (
          <Badge tone={provider.lastTest.outcome === Outcome.OK ? "ok" : "warn"}>
            {text.outcomes[provider.lastTest.outcome]}
          </Badge>
        )}
        <span className="grow" />
        <AsCode
          method={llmMethods.createLlm}
          request={() =>
            requestOf(llmMethods.createLlm, requestFor(typed.trim() || (matching[0]?.modelIdentifier ?? "")))
          }
        />
      </div>
      <TextField
        label={t.filterModels}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        autoFocus
        hint={models.data ? t.listedBy(list.length) : undefined}
      />
      {models.isPending && <Loading />}
      {models.error && (
        <>
          <ProblemNotice error={models.error} onRetry={() => void models.refetch()} />
          <p className="muted">{t.noList}</p>
        </>
      )}
      {existingId ? (
        <div className="notice warn row" role="alert">
          <span className="grow">{t.existed}</span>
          <Link className="button small" href={`/llms/${existingId}`}>
            {t.openIt}
          </Link>
        </div>
      ) : (
        <ProblemNotice error={create.error} />
      )}
      {matching.length > 0 && (
        <ul className="models">
          {matching.slice(0, MAX_SHOWN).map(({ modelIdentifier, displayName }) => (
            <li key={modelIdentifier}>
              <button
                type="button"
                className="menu-item plain wide"
                disabled={create.isPending}
                onClick={() => choose(modelIdentifier)}
              >
                <code>{modelIdentifier}</code>
                {displayName && displayName !== modelIdentifier && <span className="muted">{displayName}</span>}
              </button>
            </li>
          ))}
        </ul>
      )}
      {typed.trim() && !isExact && (
        <Button type="submit" tone="primary" disabled={create.isPending}>
          {t.use(typed.trim())}
        </Button>
      )}
    </form>
  );
}

/** Asks the new Llm for a first reply, and says what to do next. */
function Proof({ llm, onBack }: { llm: Llm; onBack: () => void }) {
  const test = useTestLlm();
  const [isStarted, setStarted] = useState(false);
  if (!isStarted) {
    setStarted(true);
    // Not while it renders.
    queueMicrotask(() => test.mutate({ llmId: llm.llmId }));
  }
  const result = test.data?.test;
  const isFine = result?.outcome === Outcome.OK;
  return (
    <section className="card stack">
      <div className="row">
        <h2>{result ? (isFine ? t.ready : t.notReady) : t.testing}</h2>
        <code>{llm.modelIdentifier}</code>
      </div>
      <ProblemNotice error={test.error} onRetry={() => test.mutate({ llmId: llm.llmId })} />
      {!test.error && <Stages test={result} isRunning={!result} />}
      <div className="row">
        <Button onClick={onBack}>{t.anotherModel}</Button>
        <Link className="button" href={`/llms/${llm.llmId}`}>
          {t.seeIt}
        </Link>
        {result && !isFine && (
          <Button onClick={() => test.mutate({ llmId: llm.llmId })} disabled={test.isPending}>
            {text.common.retry}
          </Button>
        )}
        <span className="grow" />
        <Link className={`button ${isFine ? "primary" : ""}`} href={`/playground?llm=${llm.llmId}`}>
          {t.startChat}
        </Link>
      </div>
    </section>
  );
}
