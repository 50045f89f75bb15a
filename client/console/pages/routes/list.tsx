import { Link, useSearchParams } from "wouter";
import { formatAgo, formatTime } from "../../browser/format.ts";
import { go } from "../../browser/place.ts";
import { requestOf } from "../../calls/call.ts";
import { useCaller } from "../../data/caller.ts";
import { routeMethods, useRoutes, useRouteWatch } from "../../data/routes.ts";
import { AsCode } from "../../parts/as-code.tsx";
import { Button } from "../../parts/basics.tsx";
import { List } from "../../parts/list.tsx";
import { LlmPicker } from "../../parts/llm-picker.tsx";
import { PageHead } from "../../parts/page-head.tsx";
import { useRowKeys } from "../../parts/shortcuts.ts";
import { text } from "../../text.ts";

const t = text.routes;

export default function RoutesPage() {
  const { may } = useCaller();
  const [query] = useSearchParams();
  const llmId = query.get("llm") ?? "";
  const list = useRoutes(llmId);
  const filter = (llmId: string) => go(`/routes${llmId ? `?llm=${llmId}` : ""}`, { replace: true });
  useRowKeys();
  useRouteWatch();
  const add = may("CREATE_ROUTE") && (
    <Link href="/routes/new" className="button primary">
      {t.add}
    </Link>
  );
  return (
    <div className="page">
      <PageHead title={t.title}>
        <AsCode
          isSmall={false}
          method={routeMethods.listRoutes}
          request={() => requestOf(routeMethods.listRoutes, { llmId })}
        />
        {add}
      </PageHead>
      <p className="muted">{t.hint}</p>
      <search className="row">
        <span className="muted">{t.leadingTo}</span>
        <LlmPicker llmId={llmId} onChange={filter} placeholder={t.anyLlm} />
        {llmId && <Button onClick={() => filter("")}>{text.llms.clear}</Button>}
      </search>
      <List
        label={t.title}
        query={list}
        rows={list.data?.pages.flatMap(({ routes }) => routes) ?? []}
        idOf={({ routeId }) => routeId}
        empty={
          llmId ? { title: t.noneLeads, hint: t.noneLeadsHint } : { title: t.empty, hint: t.emptyHint, action: add }
        }
        columns={[
          {
            name: t.column.name,
            cell: ({ routeId, displayName }) => (
              <Link href={`/routes/${routeId}`} data-row>
                {displayName}
              </Link>
            ),
          },
          { name: t.column.slug, cell: ({ name }) => <code>{name}</code> },
          { name: t.column.tiers, cell: ({ tiers }) => t.tiersOf(tiers.map(({ targets }) => targets.length)) },
          { name: t.column.description, cell: ({ description }) => description },
          {
            name: t.column.updated,
            hint: ({ updatedAt }) => formatTime(updatedAt),
            cell: ({ updatedAt }) => <span className="nowrap">{formatAgo(updatedAt)}</span>,
          },
        ]}
      />
    </div>
  );
}
