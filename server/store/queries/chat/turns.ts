import type { EntityManager } from "@mikro-orm/postgresql";
import type { SealedSecret } from "../../vault/sealing.ts";

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

const TURN = "id, sequence, attempt, state, request_id, request_digest, created_at, ended_at";
const LEASE = "now() + ? * interval '1 millisecond'";
/** Of a session that never ends, older turns are not looked at. */
const MAX_PAST_TURNS = 1_000;

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
