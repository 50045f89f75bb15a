import { useMemo, useState } from "react";
import { type FieldErrors, useForm } from "react-hook-form";
import { useParams } from "wouter";
import { go } from "../browser/place.ts";
import { call, requestOf } from "../calls/call.ts";
import { problemOf } from "../calls/problem.ts";
import { type Draft, draftOf, type FormValues, fieldNameOf, readForm, valuesOf } from "../data/llm-draft.ts";
import { type Llm, llmMethods, useCreateLlm, useLlm, useUpdateLlm } from "../data/llms.ts";
import { useProviders } from "../data/providers.ts";
import { useVerdict } from "../data/verdict.ts";
import { AsCode } from "../parts/as-code.tsx";
import { Button, Loading, ProblemNotice } from "../parts/basics.tsx";
import { CheckField, optionsOf, SelectField, TextArea, TextField } from "../parts/fields.tsx";
import { PageHead } from "../parts/page-head.tsx";
import { VerdictLine } from "../parts/verdict.tsx";
import { text } from "../text.ts";

const t = text.form;

export default function EditPage() {
  const { llmId = "" } = useParams<{ llmId?: string }>();
  const { data: llm, error } = useLlm(llmId);
  if (llmId && !llm) {
    return (
      <div className="page narrow">
        <ProblemNotice error={error} />
        {!error && <Loading />}
      </div>
    );
  }
  // What others change meanwhile does not overwrite what is being typed; the etag tells, when it is saved.
  return <LlmForm key={llmId} llm={llm} />;
}

function LlmForm({ llm: given }: { llm: Llm | undefined }) {
  const [llm, setBase] = useState(given);
  const initial = useMemo(() => valuesOf(llm), [llm]);
  const { register, watch, handleSubmit, reset, formState } = useForm<FormValues>({ defaultValues: initial });
  const values = watch();
  const { dirtyFields } = formState;
  const reading = readForm(values);
  const draft = draftOf(reading, llm, new Set(Object.keys(dirtyFields) as (keyof FormValues)[]));
  const create = useCreateLlm();
  const update = useUpdateLlm();
  const isReadable = Object.keys(reading.errors).length === 0;
  const verdict = useVerdict({
    request: formState.isDirty && isReadable && draft.isAskable ? draft : undefined,
    ask: rehearse,
    onTyped: () => {
      create.reset();
      update.reset();
    },
  });
  const error = create.error ?? update.error;
  const saved = error ? problemOf(error) : undefined;
  const isConflict = saved?.reason === "ETAG_MISMATCH";
  const latest = useLlm(llm?.llmId ?? "", { isEnabled: isConflict });

  const said = [...(saved?.fields ?? verdict.fields)];
  const errorOf = (name: keyof FormValues): string | undefined =>
    reading.errors[name] ?? said.find(({ field }) => fieldNameOf(field) === name)?.description;
  const field = (name: keyof FormValues) => ({ ...register(name), error: errorOf(name) });

  const submit = handleSubmit(() => {
    if (!isReadable) return;
    if (draft.kind === "update") {
      update.mutate(draft.request, { onSuccess: () => go(`/llms/${llm?.llmId}`) });
    } else {
      create.mutate(draft.request, { onSuccess: ({ llm }) => go(`/llms/${llm?.llmId}?tab=tests`) });
    }
  }, stay);

  return (
    <div className="page narrow">
      <PageHead title={llm ? t.editTitle(llm.displayName) : t.createTitle} />
      <form className="stack" onSubmit={(event) => void submit(event)}>
        <section className="card stack">
          <div className="grid-2">
            <TextField label={t.displayName} required autoFocus {...field("displayName")} />
            <TextField label={t.model} required className="mono" {...field("modelIdentifier")} />
          </div>
          <Connection llm={llm} values={values} field={field} />
          <TextField label={t.alias} hint={t.aliasHint} className="mono" {...field("alias")} />
          <TextArea label={t.description} rows={2} {...field("description")} />
        </section>
        <details className="card" open={llm !== undefined}>
          <summary>{t.more}</summary>
          <Rest field={field} register={register} isNew={!llm} />
        </details>
        {isConflict ? (
          <div className="notice warn row" role="alert">
            <span className="grow">{t.conflict}</span>
            <Button
              isSmall
              onClick={() => {
                update.reset();
                void latest.refetch().then(({ data }) => {
                  setBase(data);
                  reset(valuesOf(data), { keepDirtyValues: true });
                });
              }}
            >
              {t.reload}
            </Button>
          </div>
        ) : (
          <ProblemNotice error={error} />
        )}
        <div className="row">
          <VerdictLine verdict={verdict} isRefused={error !== null} />
          <span className="grow" />
          <AsCode
            isSmall={false}
            method={draft.kind === "update" ? llmMethods.updateLlm : llmMethods.createLlm}
            request={() =>
              draft.kind === "update"
                ? requestOf(llmMethods.updateLlm, draft.request)
                : requestOf(llmMethods.createLlm, draft.request)
            }
          />
          <Button onClick={() => history.back()}>{text.common.cancel}</Button>
          <Button type="submit" tone="primary" disabled={create.isPending || update.isPending}>
            {llm ? t.save : t.create}
          </Button>
        </div>
        {verdict.remarks.map((remark) => (
          <div key={remark} className="notice warn">
            {remark}
          </div>
        ))}
      </form>
    </div>
  );
}

/** The browser has said what is missing. */
function stay(_: FieldErrors): void {}

/** The same call as the one that saves; what it remarks on. */
async function rehearse(draft: Draft, options: { readonly signal: AbortSignal }): Promise<readonly string[]> {
  const validateOnly = true;
  const { statuses } =
    draft.kind === "update"
      ? await call(llmMethods.updateLlm, { ...draft.request, validateOnly }, options)
      : await call(llmMethods.createLlm, { ...draft.request, validateOnly }, options);
  return statuses.map(({ message }) => message);
}

type Field = (name: keyof FormValues) => Omit<ReturnType<ReturnType<typeof useForm<FormValues>>["register"]>, never> & {
  error: string | undefined;
};

function Connection({ llm, values, field }: { llm: Llm | undefined; values: FormValues; field: Field }) {
  const { data } = useProviders();
  const providers = data?.pages.flatMap(({ providers }) => providers) ?? [];
  const hasProvider = values.providerId !== "";
  return (
    <>
      <div className="grid-2">
        {(providers.length > 0 || hasProvider) && (
          <SelectField
            // The options come later than the form.
            key={providers.length}
            label={t.provider}
            hint={t.providerHint}
            options={[
              ["", t.ownConnection],
              ...providers.map(({ providerId, displayName }): [string, string] => [providerId, displayName]),
              ...(hasProvider && !providers.some(({ providerId }) => providerId === values.providerId)
                ? [[values.providerId, values.providerId] as [string, string]]
                : []),
            ]}
            {...field("providerId")}
          />
        )}
        {!llm && !hasProvider && (
          <SelectField label={t.providerType} options={optionsOf(text.providerTypes)} {...field("providerType")} />
        )}
        {!hasProvider && <TextField label={t.endpointUrl} hint={t.endpointHint} {...field("endpointUrl")} />}
        <TextField label={t.apiPath} {...field("apiPath")} />
      </div>
      {!hasProvider && (
        <div className="grid-2">
          <TextField
            label={t.key}
            type="password"
            hint={llm?.hasCredentials ? `${t.keyKeep} ${llm.credentialsHint}` : t.keyHint}
            {...field("key")}
          />
          <TextField label={t.secretRef} hint={t.secretRefHint} {...field("secretRef")} />
        </div>
      )}
    </>
  );
}

type Register = ReturnType<typeof useForm<FormValues>>["register"];

function Rest({ field, register, isNew }: { field: Field; register: Register; isNew: boolean }) {
  const triple: [string, string][] = [
    ["", t.capabilityUnset],
    ["yes", text.common.yes],
    ["no", text.common.no],
  ];
  return (
    <div className="stack">
      <fieldset>
        <legend className="hidden-label">{t.modalities}</legend>
        <div className="row">
          <span>{t.modalities}</span>
          {optionsOf(text.modalities).map(([value, name]) => (
            <CheckField key={value} label={name} value={value} {...register("modalities")} />
          ))}
        </div>
      </fieldset>
      <div className="grid-2">
        <TextArea label={t.labels} hint={t.labelsHint} className="mono" {...field("labels")} />
        <TextArea label={t.clientConfig} className="mono" {...field("clientConfig")} />
      </div>
      <div className="grid-3">
        <TextField label={t.maxContext} inputMode="numeric" {...field("maxContextLength")} />
        <TextField label={t.checkInterval} hint={t.checkHint} inputMode="numeric" {...field("checkInterval")} />
        <TextField label={t.version} {...field("version")} />
        <TextField label={t.monitoring} {...field("monitoringEndpoint")} />
      </div>
      <h3>{t.capabilities}</h3>
      <div className="grid-3">
        {Object.entries(text.llm.capability).map(([name, words]) => (
          <SelectField key={name} label={words} options={triple} {...field(name as keyof FormValues)} />
        ))}
      </div>
      <h3>{t.sampling}</h3>
      <div className="grid-3">
        <TextField label={t.temperature} inputMode="decimal" {...field("temperature")} />
        <TextField label={t.topP} inputMode="decimal" {...field("topP")} />
        <TextField label={t.topK} inputMode="numeric" {...field("topK")} />
        <TextField label={t.maxTokens} inputMode="numeric" {...field("maxTokens")} />
        <TextField label={t.frequency} inputMode="decimal" {...field("frequencyPenalty")} />
        <TextField label={t.presence} inputMode="decimal" {...field("presencePenalty")} />
      </div>
      <TextArea label={t.stop} hint={t.stopHint} rows={2} {...field("stopSequences")} />
      <h3>{t.patience}</h3>
      <p className="muted">{t.patienceHint}</p>
      <div className="grid-3">
        {(["firstPiece", "betweenPieces", "whole"] as const).map((name) => (
          <TextField key={name} label={t[name]} inputMode="numeric" {...field(name)} />
        ))}
      </div>
      <h3>{t.price}</h3>
      <p className="muted">{t.priceHint}</p>
      <div className="grid-3">
        {(["input", "output", "cacheRead", "cacheWrite", "reasoning"] as const).map((name) => (
          <TextField key={name} label={t[name]} inputMode="decimal" {...field(name)} />
        ))}
      </div>
      {isNew && (
        <div className="grid-2">
          <TextField label={t.headerName} {...field("headerName")} />
          <TextField label={t.prefix} {...field("prefix")} />
        </div>
      )}
    </div>
  );
}
