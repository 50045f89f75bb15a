import type { QueryConfig } from "pg";
import type { SealedSecret } from "../../vault/sealing.ts";
import { ADD_REPLIES, ADD_REPLY, RECORD_REPLIES, REPLY_COLUMNS } from "./record-replies.sql.ts";

/** What came of a call of a model. REFUSED is no reply: the provider said no, or was not reached. */
export type Outcome = "COMPLETED" | "CANCELLED" | "FAILED" | "REFUSED";

/** What one reply took and cost, as a row of `reply_usage`. Undefined is unknown, and never 0. */
export interface ReplyRecord {
  readonly id: string;
  readonly ownerId: string;
  readonly llmId: string;
  /** The route that chose the Llm; undefined if it was named itself. */
  readonly routeId: string | undefined;
  readonly accountId: string;
  readonly apiKeyId: string;
  readonly subject: string | undefined;
  readonly requestId: string;
  readonly sessionId: string | undefined;
  readonly turnId: string | undefined;
  readonly model: string;
  readonly providerType: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly inputTokens: number | undefined;
  readonly cacheReadTokens: number | undefined;
  readonly cacheWriteTokens: number | undefined;
  readonly outputTokens: number | undefined;
  readonly reasoningTokens: number | undefined;
  readonly source: "REPORTED" | "ESTIMATED" | undefined;
  readonly outcome: Outcome;
  readonly latencyMs: number;
  readonly firstTokenMs: number | undefined;
  /** In pico-dollars. */
  readonly cost: bigint | undefined;
  readonly priceSource: string | undefined;
  /** Such as 2026-11-25. */
  readonly priceDate: string | undefined;
  readonly createdAt: Date;
}

/** The end of a turn of a session. */
export interface TurnEnd {
  readonly turnId: string;
  readonly attempt: number;
  readonly state: "COMPLETED" | "INTERRUPTED" | "FAILED";
  readonly tokens: number;
  readonly sealedReply: SealedSecret | undefined;
}

/** What is written at once or not at all. */
export interface Entry {
  readonly reply?: ReplyRecord | undefined;
  /** Whether anything of a budget was reserved for the reply, which it settles. */
  readonly hasReserved: boolean;
  readonly turn?: TurnEnd | undefined;
}

/** Prepared once on each connection: they are long, and what they are to do changes only in its values. */
export function statementFor(entries: readonly Entry[]): QueryConfig {
  const rows = entries.flatMap(({ reply }) => (reply ? [rowOf(reply)] : []));
  if (entries.some(({ turn, hasReserved }) => turn !== undefined || hasReserved)) {
    const turns = entries.flatMap(({ turn }) => (turn ? [turnRowOf(turn)] : []));
    return { name: "record-replies", text: RECORD_REPLIES, values: [JSON.stringify(rows), JSON.stringify(turns)] };
  }
  const [row] = rows;
  if (rows.length > 1 || !row) return { name: "add-replies", text: ADD_REPLIES, values: [JSON.stringify(rows)] };
  return { name: "add-reply", text: ADD_REPLY, values: REPLY_COLUMNS.map((column) => row[column]) };
}

function rowOf(reply: ReplyRecord): Record<(typeof REPLY_COLUMNS)[number], unknown> {
  return {
    id: reply.id,
    owner_id: reply.ownerId,
    llm_id: reply.llmId,
    account_id: reply.accountId,
    api_key_id: reply.apiKeyId,
    subject: reply.subject,
    request_id: reply.requestId,
    session_id: reply.sessionId,
    turn_id: reply.turnId,
    model: reply.model,
    provider_type: reply.providerType,
    labels: reply.labels,
    input_tokens: reply.inputTokens,
    cache_read_tokens: reply.cacheReadTokens,
    cache_write_tokens: reply.cacheWriteTokens,
    output_tokens: reply.outputTokens,
    reasoning_tokens: reply.reasoningTokens,
    source: reply.source,
    outcome: reply.outcome,
    latency_ms: reply.latencyMs,
    first_token_ms: reply.firstTokenMs,
    cost: reply.cost?.toString(),
    price_source: reply.priceSource,
    price_date: reply.priceDate,
    created_at: reply.createdAt.toISOString(),
    route_id: reply.routeId,
  };
}

function turnRowOf({ turnId, attempt, state, tokens, sealedReply }: TurnEnd) {
  return { turn_id: turnId, attempt, state, tokens, sealed_reply: sealedReply, ended_at: new Date() };
}
