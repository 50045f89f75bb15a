import type { EntityManager } from "@mikro-orm/postgresql";
import { type AllowedNames, allowedReferences } from "../../limits/allowed.ts";
import { Conditions } from "../../sql/conditions.ts";
import type { RowReader } from "../../sql/rows.ts";

/** A session as its account sees it. */
export interface SessionRow {
  /** Of the row; never shown. */
  readonly id: string;
  readonly accountId: string;
  /** What the account calls it: its session_id. */
  readonly name: string;
  readonly llmId: string;
  /** Null for none. */
  readonly routeId: string | null;
  readonly turnCount: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const SESSION = `session.id, session.account_id, session.name, session.llm_id, session.route_id, session.created_at, session.updated_at,
  (select count(*)::int from turn where turn.session_id = session.id) as turn_count`;
/** What a session is with: a route for good, as Llms that it was with before have replied in it, too. */
const WITH = ["coalesce(route_id, llm_id)"];

/** The session of that name, which begins now if there is none; locked until the transaction ends. */
export async function enterSession(
  em: EntityManager,
  session: {
    readonly id: string;
    readonly accountId: string;
    readonly name: string;
    readonly llmId: string;
    readonly routeId: string | null;
  },
): Promise<{ readonly id: string; readonly llmId: string; readonly routeId: string | null }> {
  const [row] = await em.execute<{ id: string; llm_id: string; route_id: string | null }[]>(
    `insert into session (id, account_id, name, llm_id, route_id, created_at, updated_at)
     values (?, ?, ?, ?, ?, now(), now())
     on conflict (account_id, name) do update set updated_at = excluded.updated_at returning id, llm_id, route_id`,
    [session.id, session.accountId, session.name, session.llmId, session.routeId],
  );
  return { id: row?.id ?? "", llmId: row?.llm_id ?? "", routeId: row?.route_id ?? null };
}

/** Has a session go on with another Llm of its route. */
export async function moveSession(em: EntityManager, id: string, llmId: string): Promise<void> {
  await em.execute("update session set llm_id = ? where id = ?", [llmId, id]);
}

/** The session of that name; if names are given, only one that is with what they stand for. */
export async function findSession(
  em: EntityManager,
  accountId: string,
  name: string,
  allowed: readonly AllowedNames[] = [],
): Promise<SessionRow | undefined> {
  const may = allowedReferences(WITH, allowed);
  const rows = await em.execute<SessionColumns[]>(
    `select ${SESSION} from session where account_id = ? and name = ? and ${may.text}`,
    [accountId, name, ...may.values],
  );
  return rows[0] && readSession(rows[0]);
}

/** Which sessions a list is about. */
export interface SessionFilter {
  readonly accountId: string;
  /** Undefined: with any. */
  readonly llmId: string | undefined;
  /** Those that are with what these names stand for; empty for all. */
  readonly allowed: readonly AllowedNames[];
}

/** Sessions of an account, the one that was begun last first, behind one of them. */
export async function listSessions(
  rows: RowReader,
  { accountId, llmId, allowed }: SessionFilter,
  after: readonly string[] | undefined,
  limit: number,
): Promise<SessionRow[]> {
  const where = new Conditions();
  where.add("account_id = ?", accountId);
  const may = allowedReferences(WITH, allowed);
  where.add(may.text, ...may.values);
  if (llmId !== undefined) where.add("llm_id = ?", llmId);
  if (after) where.add("(created_at, id) < (?::timestamptz, ?::uuid)", ...after);
  const found = await rows.query<SessionColumns>({
    text: `select ${SESSION} from session where ${where.text} order by created_at desc, id desc limit ${limit}`,
    values: where.values,
  });
  return found.map(readSession);
}

export async function deleteSession(em: EntityManager, id: string): Promise<void> {
  await em.execute("delete from session where id = ?", [id]);
}

interface SessionColumns {
  readonly id: string;
  readonly account_id: string;
  readonly name: string;
  readonly llm_id: string;
  readonly route_id: string | null;
  readonly turn_count: number;
  readonly created_at: Date | string;
  readonly updated_at: Date | string;
}

function readSession(row: SessionColumns): SessionRow {
  return {
    id: row.id,
    accountId: row.account_id,
    name: row.name,
    llmId: row.llm_id,
    routeId: row.route_id,
    turnCount: row.turn_count,
    createdAt: new Date(row.created_at),
    updatedAt: new Date(row.updated_at),
  };
}
