import { Link } from "wouter";
import { formatAgo, formatTime } from "../browser/format.ts";
import { requestOf } from "../calls/call.ts";
import { useCaller } from "../data/caller.ts";
import { routeMethods, useRoutes } from "../data/routes.ts";
import { AsCode } from "../parts/as-code.tsx";
import { Button, Empty, Loading, ProblemNotice } from "../parts/basics.tsx";
import { useRowKeys } from "../parts/shortcuts.ts";
import { text } from "../text.ts";

const t = text.routes;

export default function RoutesPage() {
  const { may } = useCaller();
  const { data, error, isPending, hasNextPage, fetchNextPage } = useRoutes();
  const routes = data?.pages.flatMap(({ routes }) => routes) ?? [];
  useRowKeys();
  return (
    <div className="page">
      <div className="head">
        <h1>{t.title}</h1>
        <span className="grow" />
        <AsCode
          isSmall={false}
          method={routeMethods.listRoutes}
          request={() => requestOf(routeMethods.listRoutes, {})}
        />
        {may("CREATE_ROUTE") && (
          <Link href="/routes/new" className="button primary">
            {t.add}
          </Link>
        )}
      </div>
      <p className="muted">{t.hint}</p>
      <ProblemNotice error={error} />
      {isPending && !error && <Loading />}
      {data && routes.length === 0 && <Empty title={t.empty} hint={t.emptyHint} />}
      {routes.length > 0 && (
        <div className="table-box">
          <table>
            <thead>
              <tr>
                {Object.values(t.column).map((name) => (
                  <th key={name} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {routes.map(({ routeId, name, displayName, tiers, description, updatedAt }) => (
                <tr key={routeId}>
                  <td>
                    <Link href={`/routes/${routeId}`} data-row>
                      {displayName}
                    </Link>
                  </td>
                  <td>
                    <code>{name}</code>
                  </td>
                  <td>{t.tiersOf(tiers.map(({ targets }) => targets.length))}</td>
                  <td>{description}</td>
                  <td title={formatTime(updatedAt)}>{formatAgo(updatedAt)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {hasNextPage && <Button onClick={() => void fetchNextPage()}>{text.common.more}</Button>}
    </div>
  );
}
