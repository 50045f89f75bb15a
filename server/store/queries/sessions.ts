import type { EntityManager } from "@mikro-orm/postgresql";
import { type AllowedNames, allowedReferences } from "../limits/allowed.ts";
import { Conditions } from "../sql/conditions.ts";
import type { RowReader } from "../sql/rows.ts";
import type { SealedSecret } from "../vault/sealing.ts";

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

/** A turn without what was said. */
export interface TurnRow {
  readonly id: string;
  readonly sequence: number;
  readonly attempt: number;
  readonly state: string;
  readonly requestId: string | null;
  readonly requestDigest: Buffer;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
}

/** What was said in a turn. */
export interface SealedTurn {
  readonly id: string;
  readonly messages: SealedSecret;
  readonly reply: SealedSecret | null;
}

/** A completed turn, as far as it takes to decide whether it is sent again. */
export interface PastTurn {
  readonly id: string;
  readonly tokens: number;
  readonly answersTools: boolean;
  readonly hasSystem: boolean;
}

/** A turn that begins. */
export interface NewTurn {
  readonly id: string;
  readonly sessionId: string;
  readonly requestId: string | undefined;
  readonly requestDigest: Buffer;
  readonly answersTools: boolean;
  readonly hasSystem: boolean;
  readonly tokens: number;
  readonly sealedMessages: SealedSecret;
  readonly leaseMs: number;
}

const SESSION = `session.id, session.account_id, session.name, session.llm_id, session.route_id, session.created_at, session.updated_at,
  (select count(*)::int from turn where turn.session_id = session.id) as turn_count`;
/** What a session is with: a route for good, as Llms that it was with before have replied in it, too. */
const WITH = ["coalesce(route_id, llm_id)"];
const TURN = "id, sequence, attempt, state, request_id, request_digest, created_at, ended_at";
const LEASE = "now() + ? * interval '1 millisecond'";
/** Of a session that never ends, older turns are not looked at. */
const MAX_PAST_TURNS = 1_000;

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

/** The index turn_session_running_key, and no prior read, decides whether another turn is running. */
export async function insertTurn(em: EntityManager, turn: NewTurn): Promise<void> {
  await em.execute(
    `insert into turn (
       id, session_id, sequence, attempt, state, request_id, request_digest, answers_tools, has_system, tokens,
       sealed_messages, lease_until, created_at
     )
     select ?::uuid, ?::uuid, coalesce(max(sequence), 0) + 1, 1, 'PENDING', ?, ?::bytea, ?::boolean, ?::boolean, ?::int, ?::jsonb, ${LEASE}, now()
     from turn where session_id = ?`,
    [
      turn.id,
      turn.sessionId,
      turn.requestId ?? null,
      turn.requestDigest,
      turn.answersTools,
      turn.hasSystem,
      turn.tokens,
      JSON.stringify(turn.sealedMessages),
      turn.leaseMs,
      turn.sessionId,
    ],
  );
}

/** Runs a turn that ended without a reply again, behind all others; answers with the number of the run. */
export async function rerunTurn(em: EntityManager, id: string, sessionId: string, leaseMs: number): Promise<number> {
  const [row] = await em.execute<{ attempt: number }[]>(
    `update turn set
       state = 'PENDING', attempt = attempt + 1, ended_at = null, lease_until = ${LEASE},
       sequence = (select max(sequence) + 1 from turn as other where other.session_id = ?)
     where id = ? returning attempt`,
    [leaseMs, sessionId, id],
  );
  return row?.attempt ?? 0;
}

export async function findTurnByRequest(em: EntityManager, sessionId: string, requestId: string) {
  const rows = await em.execute<TurnColumns[]>(`select ${TURN} from turn where session_id = ? and request_id = ?`, [
    sessionId,
    requestId,
  ]);
  return rows[0] && readTurn(rows[0]);
}

/** Turns of a session in their order, behind one of them. */
export async function listTurns(
  em: EntityManager,
  sessionId: string,
  after: number,
  limit: number,
): Promise<TurnRow[]> {
  const rows = await em.execute<TurnColumns[]>(
    `select ${TURN} from turn where session_id = ? and sequence > ? order by sequence limit ?`,
    [sessionId, after, limit],
  );
  return rows.map(readTurn);
}

/** The completed turns of a session, the newest first. */
export async function listPastTurns(em: EntityManager, sessionId: string): Promise<PastTurn[]> {
  const rows = await em.execute<{ id: string; tokens: number; answers_tools: boolean; has_system: boolean }[]>(
    `select id, tokens, answers_tools, has_system from turn
     where session_id = ? and state = 'COMPLETED' order by sequence desc limit ${MAX_PAST_TURNS}`,
    [sessionId],
  );
  return rows.map(({ id, tokens, answers_tools, has_system }) => ({
    id,
    tokens,
    answersTools: answers_tools,
    hasSystem: has_system,
  }));
}

/** What was said in some turns, in no order. */
export async function findSealedTurns(em: EntityManager, ids: readonly string[]): Promise<Map<string, SealedTurn>> {
  if (ids.length === 0) return new Map();
  const rows = await em.execute<{ id: string; sealed_messages: SealedSecret; sealed_reply: SealedSecret | null }[]>(
    "select id, sealed_messages, sealed_reply from turn where id = any(?::uuid[])",
    [`{${ids.join(",")}}`],
  );
  return new Map(
    rows.map(({ id, sealed_messages, sealed_reply }) => [id, { id, messages: sealed_messages, reply: sealed_reply }]),
  );
}

/** Says that turns are still running. */
export async function renewLeases(em: EntityManager, ids: readonly string[], leaseMs: number): Promise<void> {
  await em.execute(`update turn set lease_until = ${LEASE} where id = any(?::uuid[]) and state = 'PENDING'`, [
    leaseMs,
    `{${ids.join(",")}}`,
  ]);
}

/** Ends the turns whose server is taken for dead: those of a session, of all, or, with `everything`, all that run. */
export async function interruptTurns(
  em: EntityManager,
  { sessionId, everything = false }: { readonly sessionId?: string; readonly everything?: boolean } = {},
): Promise<void> {
  const conditions = ["state = 'PENDING'"];
  if (!everything) conditions.push("lease_until < now()");
  if (sessionId !== undefined) conditions.push("session_id = ?");
  await em.execute(
    `update turn set state = 'INTERRUPTED', ended_at = now() where ${conditions.join(" and ")}`,
    sessionId === undefined ? [] : [sessionId],
  );
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

interface TurnColumns {
  readonly id: string;
  readonly sequence: number;
  readonly attempt: number;
  readonly state: string;
  readonly request_id: string | null;
  readonly request_digest: Buffer;
  readonly created_at: Date | string;
  readonly ended_at: Date | string | null;
}

function readTurn(row: TurnColumns): TurnRow {
  return {
    id: row.id,
    sequence: row.sequence,
    attempt: row.attempt,
    state: row.state,
    requestId: row.request_id,
    requestDigest: row.request_digest,
    createdAt: new Date(row.created_at),
    endedAt: row.ended_at === null ? null : new Date(row.ended_at),
  };
}
