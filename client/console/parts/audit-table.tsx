import { Link } from "wouter";
import { formatAgo, formatTime } from "../browser/format.ts";
import { type AuditEvent, type AuditFilter, useAuditEvents } from "../data/audit.ts";
import { text } from "../text.ts";
import { Button, Empty, Loading, ProblemNotice } from "./basics.tsx";

const t = text.audit;

interface AuditTableProps {
  readonly filter: AuditFilter;
  /** Leaves out what it was done to. */
  readonly isOfOne?: boolean;
}

export function AuditTable({ filter, isOfOne = false }: AuditTableProps) {
  const { data, error, isPending, hasNextPage, isFetchingNextPage, fetchNextPage } = useAuditEvents(filter);
  const events = data?.pages.flatMap(({ auditEvents }) => auditEvents) ?? [];
  if (isPending) return <Loading />;
  if (error) return <ProblemNotice error={error} />;
  if (events.length === 0) return <Empty title={t.empty} hint={isOfOne ? "" : t.emptyHint} />;
  return (
    <div className="stack">
      <div className="card flush">
        <table>
          <thead>
            <tr>
              <th scope="col" className="number">
                {t.sequence}
              </th>
              <th scope="col">{t.at}</th>
              <th scope="col">{t.what}</th>
              {!isOfOne && <th scope="col">{t.which}</th>}
              <th scope="col">{t.who}</th>
              <th scope="col">{t.facts}</th>
            </tr>
          </thead>
          <tbody>
            {events.map((event) => (
              <Row key={String(event.sequence)} event={event} isOfOne={isOfOne} />
            ))}
          </tbody>
        </table>
      </div>
      {hasNextPage && (
        <Button disabled={isFetchingNextPage} onClick={() => void fetchNextPage()}>
          {text.common.more}
        </Button>
      )}
    </div>
  );
}

function Row({ event, isOfOne }: { event: AuditEvent; isOfOne: boolean }) {
  const { sequence, at, action, resourceType, resourceId, facts } = event;
  return (
    <tr>
      <td className="number muted">{String(sequence)}</td>
      <td className="nowrap" title={formatTime(at)}>
        {formatAgo(at)}
      </td>
      <td>
        <code>{action}</code>
      </td>
      {!isOfOne && (
        <td className="nowrap">
          {resourceType === "llm" ? (
            <Link href={`/llms/${resourceId}`} title={resourceId}>
              <code>llm {shortId(resourceId)}</code>
            </Link>
          ) : (
            <code title={resourceId}>
              {resourceType} {shortId(resourceId)}
            </code>
          )}
        </td>
      )}
      <td>
        <code title={event.requestId}>
          {event.actorSubject || event.actorApiKeyId || event.actorAccountId || t.server}
        </code>
      </td>
      <td>
        <span className="row">
          {Object.entries(facts).map(([name, value]) => (
            <span key={name} title={value}>
              <span className="muted">{name}</span> {shortId(value)}
            </span>
          ))}
        </span>
      </td>
    </tr>
  );
}

/** A UUID by its first digits; the whole of it is its title. */
function shortId(text: string): string {
  return text.replace(/^([0-9a-f]{8})-[0-9a-f-]{27}$/, "$1…");
}
