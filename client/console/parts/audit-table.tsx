import { Link } from "wouter";
import { formatAgo, formatTime } from "../browser/format.ts";
import { useKeyNames } from "../data/access/access.ts";
import { type AuditEvent, type AuditFilter, useAuditEvents } from "../data/audit.ts";
import { useCaller } from "../data/caller.ts";
import { text } from "../text.ts";
import { List } from "./list.tsx";
import type { TableColumn } from "./table.tsx";

const t = text.audit;

interface AuditTableProps {
  readonly filter: AuditFilter;
  /** Leaves out what it was done to. */
  readonly isOfOne?: boolean;
}

export function AuditTable({ filter, isOfOne = false }: AuditTableProps) {
  const { may } = useCaller();
  const query = useAuditEvents(filter);
  const keys = useKeyNames(may("READ_API_KEY"));
  const which: TableColumn<AuditEvent> = { name: t.which, cell: (event) => <Which event={event} /> };
  return (
    <List
      label={t.title}
      query={query}
      rows={query.data?.pages.flatMap(({ auditEvents }) => auditEvents) ?? []}
      idOf={({ sequence }) => String(sequence)}
      empty={{ title: t.empty, hint: isOfOne ? "" : t.emptyHint }}
      columns={[
        {
          name: t.sequence,
          isNumber: true,
          cell: ({ sequence }) => <span className="muted">{String(sequence)}</span>,
        },
        {
          name: t.at,
          hint: ({ at }) => formatTime(at),
          cell: ({ at }) => <span className="nowrap">{formatAgo(at)}</span>,
        },
        { name: t.what, cell: ({ action }) => <code>{action}</code> },
        ...(isOfOne ? [] : [which]),
        {
          name: t.who,
          hint: ({ actorApiKeyId, requestId }) => [actorApiKeyId, requestId].filter(Boolean).join(" · "),
          cell: ({ actorSubject, actorApiKeyId, actorAccountId }) =>
            actorSubject || keys.get(actorApiKeyId) || <code>{actorApiKeyId || actorAccountId || t.server}</code>,
        },
        { name: t.facts, cell: ({ facts }) => <FactsOf facts={facts} /> },
      ]}
    />
  );
}

/** Where the pages of the console are that are about one thing. */
const PAGES: Readonly<Record<string, string>> = { llm: "/llms", route: "/routes" };

function Which({ event: { resourceType, resourceId } }: { event: AuditEvent }) {
  const page = PAGES[resourceType];
  const name = (
    <code className="nowrap" title={resourceId}>
      {resourceType} {shortId(resourceId)}
    </code>
  );
  return page ? <Link href={`${page}/${resourceId}`}>{name}</Link> : name;
}

function FactsOf({ facts }: { facts: AuditEvent["facts"] }) {
  return (
    <span className="row">
      {Object.entries(facts).map(([name, value]) => (
        <span key={name} title={value}>
          <span className="muted">{name}</span> {shortId(value)}
        </span>
      ))}
    </span>
  );
}

/** A UUID by its first digits; the whole of it is its title. */
function shortId(text: string): string {
  return text.replace(/^([0-9a-f]{8})-[0-9a-f-]{27}$/, "$1…");
}
