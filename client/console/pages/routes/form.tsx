import { type FormEvent, useState } from "react";
import { Link, useParams } from "wouter";
import { go } from "../../browser/place.ts";
import { call, requestOf } from "../../calls/call.ts";
import { contractNameOf, problemOf, saidOf } from "../../calls/problem.ts";
import {
  draftOf,
  fieldsOf,
  isAskable,
  NEW_TARGET,
  NEW_TIER,
  type Policy,
  type Route,
  type RouteFields,
  routeMethods,
  type TierDraft,
  useCreateRoute,
  useRoute,
  useUpdateRoute,
} from "../../data/routes.ts";
import { useVerdict } from "../../data/verdict.ts";
import { AsCode } from "../../parts/as-code.tsx";
import { Button, Loading, ProblemNotice } from "../../parts/basics.tsx";
import { FieldError, optionsOf, SelectField, TextField } from "../../parts/fields.tsx";
import { LlmPicker } from "../../parts/llm-picker.tsx";
import { PageHead } from "../../parts/page-head.tsx";
import { VerdictLine } from "../../parts/verdict.tsx";
import { text } from "../../text.ts";

const t = text.routes;

/** Makes a route, or changes one. */
export default function RouteFormPage() {
  const { routeId = "" } = useParams<{ routeId: string }>();
  const { data: route, error } = useRoute(routeId);
  if (routeId && !route) {
    return <div className="page narrow">{error ? <ProblemNotice error={error} /> : <Loading />}</div>;
  }
  return <RouteForm key={routeId} route={route} />;
}

function RouteForm({ route }: { route: Route | undefined }) {
  const [draft, setDraft] = useState(() => draftOf(route));
  // The change is refused if somebody else has made one since this was loaded.
  const [etag] = useState(route?.etag ?? "");
  const create = useCreateRoute();
  const update = useUpdateRoute();
  const save = route ? update : create;
  const request: Rehearsed = route
    ? { kind: "update", fields: { ...fieldsOf(draft), routeId: route.routeId, etag } }
    : { kind: "create", fields: fieldsOf(draft) };
  const [isDirty, setDirty] = useState(false);
  const verdict = useVerdict({
    request: isDirty && isAskable(draft) ? request : undefined,
    ask: rehearse,
    onTyped: save.reset,
  });
  const said = (field: string) => saidOf(save.error ? problemOf(save.error).fields : verdict.fields, field);
  const change = (part: Partial<typeof draft>) => {
    setDirty(true);
    setDraft({ ...draft, ...part });
  };
  const changeTier = (at: number, tier: TierDraft) =>
    change({ tiers: draft.tiers.map((one, index) => (index === at ? tier : one)) });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const onSuccess = ({ route }: { route?: Route | undefined }) => go(`/routes/${route?.routeId ?? ""}`);
    if (request.kind === "update") update.mutate(request.fields, { onSuccess });
    else create.mutate(request.fields, { onSuccess });
  };
  const field = (name: "name" | "displayName" | "description" | "attemptTimeoutMs") => ({
    value: draft[name],
    error: said(contractNameOf(name)),
    onChange: (event: { target: { value: string } }) => change({ [name]: event.target.value }),
  });
  return (
    <div className="page narrow">
      <PageHead title={route ? t.editTitle(route.displayName) : t.createTitle} />
      <form className="stack" onSubmit={submit}>
        <section className="card stack">
          <div className="grid-2">
            <TextField label={t.name} hint={t.nameHint} required autoFocus className="mono" {...field("name")} />
            <TextField label={t.displayName} hint={t.displayNameHint} {...field("displayName")} />
          </div>
          <TextField label={text.llm.description} {...field("description")} />
          <TextField label={t.timeoutMs} hint={t.timeoutHint} type="number" {...field("attemptTimeoutMs")} />
        </section>
        {draft.tiers.map((tier, index) => (
          <TierFields
            // biome-ignore lint/suspicious/noArrayIndexKey: a tier is its place
            key={index}
            number={index + 1}
            tier={tier}
            said={(field) => said(`tiers[${index}].${field}`)}
            onChange={(tier) => changeTier(index, tier)}
            {...(draft.tiers.length > 1 && {
              onRemove: () => change({ tiers: draft.tiers.filter((_, at) => at !== index) }),
            })}
          />
        ))}
        <div className="row">
          <Button onClick={() => change({ tiers: [...draft.tiers, NEW_TIER] })}>{t.addTier}</Button>
        </div>
        <ProblemNotice error={save.error} />
        <div className="row">
          <VerdictLine verdict={verdict} isRefused={save.isError} />
          <span className="grow" />
          <AsCode
            isSmall={false}
            method={request.kind === "update" ? routeMethods.updateRoute : routeMethods.createRoute}
            request={() =>
              request.kind === "update"
                ? requestOf(routeMethods.updateRoute, request.fields)
                : requestOf(routeMethods.createRoute, request.fields)
            }
          />
          <Link className="button" href={route ? `/routes/${route.routeId}` : "/routes"}>
            {text.common.cancel}
          </Link>
          <Button type="submit" tone="primary" disabled={save.isPending}>
            {route ? text.common.save : t.create}
          </Button>
        </div>
      </form>
    </div>
  );
}

type Rehearsed =
  | { readonly kind: "create"; readonly fields: RouteFields }
  | { readonly kind: "update"; readonly fields: RouteFields & { readonly routeId: string; readonly etag: string } };

/** The same call as the one that saves. */
async function rehearse(request: Rehearsed, options: { readonly signal: AbortSignal }): Promise<readonly string[]> {
  const validateOnly = true;
  if (request.kind === "update") {
    await call(routeMethods.updateRoute, { ...request.fields, validateOnly }, options);
  } else {
    await call(routeMethods.createRoute, { ...request.fields, validateOnly }, options);
  }
  return [];
}

interface TierProps {
  readonly number: number;
  readonly tier: TierDraft;
  /** What the server says of a field of the tier. */
  readonly said: (field: string) => string | undefined;
  readonly onChange: (tier: TierDraft) => void;
  readonly onRemove?: () => void;
}

function TierFields({ number, tier, said, onChange, onRemove }: TierProps) {
  const { policy, targets } = tier;
  const changeTarget = (at: number, part: Partial<typeof NEW_TARGET>) =>
    onChange({ policy, targets: targets.map((one, index) => (index === at ? { ...one, ...part } : one)) });
  return (
    <fieldset className="card stack">
      <legend className="hidden-label">{t.tier(number)}</legend>
      <div className="row">
        <h2 className="grow">{t.tier(number)}</h2>
        {onRemove && (
          <Button isSmall onClick={onRemove}>
            {t.removeTier(number)}
          </Button>
        )}
      </div>
      <SelectField
        label={t.policy}
        value={policy}
        options={optionsOf(t.policies)}
        onChange={(event) => onChange({ policy: Number(event.target.value) as Policy, targets })}
      />
      {targets.map(({ llmId, weight }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: an Llm that is not chosen yet has nothing else
        <div className="row" key={index}>
          <LlmPicker llmId={llmId} onChange={(llmId) => changeTarget(index, { llmId })} />
          <TextField
            label={t.weight}
            isLabelHidden
            type="number"
            min={0}
            className="short"
            value={weight}
            error={said(`targets[${index}].weight`)}
            onChange={(event) => changeTarget(index, { weight: event.target.value })}
          />
          {targets.length > 1 && (
            <Button isSmall onClick={() => onChange({ policy, targets: targets.filter((_, at) => at !== index) })}>
              {t.removeLlm}
            </Button>
          )}
          <FieldError text={said(`targets[${index}].llm_id`)} />
        </div>
      ))}
      <div className="row">
        <Button isSmall onClick={() => onChange({ policy, targets: [...targets, NEW_TARGET] })}>
          {t.addLlm}
        </Button>
        <span className="hint">{t.weightHint}</span>
      </div>
    </fieldset>
  );
}
