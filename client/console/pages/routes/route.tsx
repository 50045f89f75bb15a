import { useState } from "react";
import { Link, useParams } from "wouter";
import { formatAgo, formatMs, formatTime } from "../../browser/format.ts";
import { go } from "../../browser/place.ts";
import { requestOf } from "../../calls/call.ts";
import { useCaller } from "../../data/caller.ts";
import { useLlmChanges } from "../../data/llm-watch.ts";
import {
  type Route,
  routeMethods,
  Standing,
  useDeleteRoute,
  useExplanation,
  useRoute,
  useRouteWatch,
} from "../../data/routes.ts";
import { AsCode } from "../../parts/as-code.tsx";
import { Badge, Button, Fact, Facts, Loading, ProblemNotice, type Tone } from "../../parts/basics.tsx";
import { Confirm } from "../../parts/dialog.tsx";
import { List } from "../../parts/list.tsx";
import { PageHead } from "../../parts/page-head.tsx";
import { text } from "../../text.ts";

const t = text.routes;

export default function RoutePage() {
  const { routeId = "" } = useParams<{ routeId: string }>();
  const { may } = useCaller();
  const { data: route, error, refetch } = useRoute(routeId);
  const [isDeleting, setDeleting] = useState(false);
  useRouteWatch();
  if (error || !route) {
    return (
      <div className="page">{error ? <ProblemNotice error={error} onRetry={() => void refetch()} /> : <Loading />}</div>
    );
  }
  return (
    <div className="page">
      <PageHead title={route.displayName} beside={<code className="muted">{route.name}</code>}>
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
        {may("USE_LLM") && (
          <Link className="button primary" href={`/playground?llm=${encodeURIComponent(route.name)}`}>
            {text.llm.chat}
          </Link>
        )}
      </PageHead>
      {route.description && <p>{route.description}</p>}
      <Explanation routeId={routeId} />
      <section className="card">
        <Facts>
          <Fact name={t.id}>
            <code>{route.routeId}</code>
          </Fact>
          {route.tiers.map(({ policy }, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a tier is its place
            <Fact key={index} name={t.policyOf(index + 1)}>
              {t.policies[policy]}
            </Fact>
          ))}
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
  const query = useExplanation(routeId);
  const { data, isFetching, refetch } = query;
  useLlmChanges(() => void refetch({ cancelRefetch: false }));
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
      <List
        label={t.explain}
        query={query}
        rows={data?.targets ?? []}
        idOf={({ llmId }) => llmId}
        empty={{ title: t.noTargets }}
        columns={[
          {
            name: t.standing,
            cell: ({ standing }) => <Badge tone={TONES[standing] ?? ""}>{t.standings[standing]}</Badge>,
          },
          {
            name: t.llm,
            cell: ({ llmId, displayName }) =>
              displayName ? <Link href={`/llms/${llmId}`}>{displayName}</Link> : <code>{llmId}</code>,
          },
          { name: t.tierColumn, isNumber: true, cell: ({ tier }) => tier },
          { name: t.weight, isNumber: true, cell: ({ weight }) => weight },
          { name: t.underWay, isNumber: true, cell: ({ callsUnderWay }) => callsUnderWay },
          { name: t.why, cell: ({ why }) => why },
          {
            name: t.retryAt,
            hint: ({ retryAt }) => formatTime(retryAt ?? 0),
            cell: ({ retryAt }) => (retryAt ? formatAgo(retryAt) : ""),
          },
        ]}
      />
      {data && <p className="muted">{t.retriesLeft(data.retriesLeft)}</p>}
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
