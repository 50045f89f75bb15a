import { useState } from "react";
import { Link, useParams } from "wouter";
import { formatAgo, formatMs, formatTime } from "../browser/format.ts";
import { go } from "../browser/place.ts";
import { requestOf } from "../calls/call.ts";
import { useCaller } from "../data/caller.ts";
import {
  type Route,
  type RouteTier,
  routeMethods,
  Standing,
  useDeleteRoute,
  useExplanation,
  useRoute,
} from "../data/routes.ts";
import { AsCode } from "../parts/as-code.tsx";
import { Badge, Button, Fact, Facts, Loading, ProblemNotice, type Tone } from "../parts/basics.tsx";
import { Confirm } from "../parts/dialog.tsx";
import { LlmName } from "../parts/llm-name.tsx";
import { text } from "../text.ts";

const t = text.routes;

export default function RoutePage() {
  const { routeId = "" } = useParams<{ routeId: string }>();
  const { may } = useCaller();
  const { data: route, error, refetch } = useRoute(routeId);
  const [isDeleting, setDeleting] = useState(false);
  if (error || !route) {
    return (
      <div className="page">{error ? <ProblemNotice error={error} onRetry={() => void refetch()} /> : <Loading />}</div>
    );
  }
  return (
    <div className="page">
      <div className="head">
        <h1>{route.displayName}</h1>
        <code className="muted">{route.name}</code>
        <span className="grow" />
        <AsCode
          isSmall={false}
          method={routeMethods.getRoute}
          request={() => requestOf(routeMethods.getRoute, { routeId })}
        />
        {may("UPDATE_ROUTE") && (
          <Link className="button" href={`/routes/${routeId}/edit`}>
            {text.common.edit}
          </Link>
        )}
        {may("DELETE_ROUTE") && (
          <Button tone="danger" onClick={() => setDeleting(true)}>
            {text.common.delete}
          </Button>
        )}
      </div>
      {route.description && <p>{route.description}</p>}
      <Explanation routeId={routeId} />
      {route.tiers.map((tier, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a tier is its place
        <Tier key={index} tier={tier} number={index + 1} />
      ))}
      <section className="card">
        <Facts>
          <Fact name={t.id}>
            <code>{route.routeId}</code>
          </Fact>
          <Fact name={t.timeout}>{route.attemptTimeoutMs === 0 ? t.noTimeout : formatMs(route.attemptTimeoutMs)}</Fact>
          <Fact name={text.llm.owner}>
            <code>{route.ownerId}</code>
          </Fact>
          <Fact name={t.made}>{formatTime(route.createdAt)}</Fact>
          <Fact name={text.llm.updated}>{formatTime(route.updatedAt)}</Fact>
        </Facts>
      </section>
      {isDeleting && <DeleteRoute route={route} onClose={() => setDeleting(false)} />}
    </div>
  );
}

const TONES: Record<number, Tone> = {
  [Standing.CHOSEN]: "ok",
  [Standing.COOLING]: "bad",
  [Standing.ON_TRIAL]: "warn",
  [Standing.CREDENTIALS_UNREADABLE]: "bad",
};

/** Which Llm would be taken now, and why each other one would not, in the server's sentences. */
function Explanation({ routeId }: { routeId: string }) {
  const { data, error, isFetching, refetch } = useExplanation(routeId);
  return (
    <section className="stack">
      <div className="row">
        <h2>{t.explain}</h2>
        <span className="grow" />
        <AsCode method={routeMethods.explainRoute} request={() => requestOf(routeMethods.explainRoute, { routeId })} />
        <Button isSmall disabled={isFetching} onClick={() => void refetch()}>
          {t.askAgain}
        </Button>
      </div>
      <ProblemNotice error={error} />
      {!data && !error && <Loading />}
      {data && (
        <div className="table-box">
          <table aria-label={t.explain}>
            <thead>
              <tr>
                <th scope="col">{t.standing}</th>
                <th scope="col">{t.llm}</th>
                <th scope="col" className="number">
                  {t.tierColumn}
                </th>
                <th scope="col" className="number">
                  {t.weight}
                </th>
                <th scope="col" className="number">
                  {t.underWay}
                </th>
                <th scope="col">{t.why}</th>
                <th scope="col">{t.retryAt}</th>
              </tr>
            </thead>
            <tbody>
              {data.targets.map((target) => (
                <tr key={target.llmId}>
                  <td>
                    <Badge tone={TONES[target.standing] ?? ""}>{t.standings[target.standing]}</Badge>
                  </td>
                  <td>
                    {target.displayName ? (
                      <Link href={`/llms/${target.llmId}`}>{target.displayName}</Link>
                    ) : (
                      <code>{target.llmId}</code>
                    )}
                  </td>
                  <td className="number">{target.tier}</td>
                  <td className="number">{target.weight}</td>
                  <td className="number">{target.callsUnderWay}</td>
                  <td>{target.why}</td>
                  <td title={formatTime(target.retryAt ?? 0)}>{target.retryAt ? formatAgo(target.retryAt) : ""}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {data && <p className="muted">{t.retriesLeft(data.retriesLeft)}</p>}
    </section>
  );
}

function Tier({ tier, number }: { tier: RouteTier; number: number }) {
  return (
    <section className="card flush">
      <h2>
        {t.tier(number)} <span className="muted">· {t.policies[tier.policy]}</span>
      </h2>
      <table>
        <thead>
          <tr>
            <th scope="col">{t.llm}</th>
            <th scope="col" className="number">
              {t.weight}
            </th>
          </tr>
        </thead>
        <tbody>
          {tier.targets.map(({ llmId, weight }) => (
            <tr key={llmId}>
              <td>
                <LlmName llmId={llmId} />
              </td>
              <td className="number">{weight}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function DeleteRoute({ route, onClose }: { route: Route; onClose: () => void }) {
  const remove = useDeleteRoute();
  const request = { routeId: route.routeId, etag: route.etag };
  return (
    <Confirm
      title={t.deleteTitle(route.displayName)}
      hint={t.deleteHint}
      action={text.common.delete}
      onClose={onClose}
      isBusy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(request, { onSuccess: () => go("/routes") })}
    >
      <AsCode method={routeMethods.deleteRoute} request={() => requestOf(routeMethods.deleteRoute, request)} />
    </Confirm>
  );
}
