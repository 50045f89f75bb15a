import { randomUUID } from "node:crypto";
import { Fault } from "../../base/fault.ts";
import { enterSession, findSession, moveSession, type SessionRow } from "../../store/queries/chat/sessions.ts";
import {
  findSealedTurns,
  findTurnByRequest,
  insertTurn,
  interruptTurns,
  listPastTurns,
  type PastTurn,
  rerunTurn,
} from "../../store/queries/chat/turns.ts";
import type { Llm } from "../../store/schema/llm.entity.ts";
import { type EntityManager, violates } from "../../store/store.ts";
import type { Vault } from "../../store/vault/vault.ts";
import type { ModelRequest } from "../../upstream/models/conversation.ts";
import { canonicalJson } from "../call/answer-once.ts";
import { allowedRows, isModelLimited } from "../call/holder-limits.ts";
import type { Caller, Scope } from "../call/scope.ts";
import { estimateMessages, estimatePrompt } from "../usage/cost.ts";
import type { ReachFailpoint } from "./attempt.ts";
import { conversationOf, requireCalled, requireTurn, systemOf, turnsThatFit } from "./history.ts";
import type { Leases } from "./leases.ts";
import type { SentRequest } from "./notices.ts";
import { encodeMessages, openMessages, openReply, type StoredReply, sealMessages } from "./turn-text.ts";

/** Room that is left for a reply whose length nothing limits. */
const USUAL_REPLY_TOKENS = 4_096;

/** Which session a chat is a turn of. */
export interface SessionAsk {
  /** Empty: a new one. */
  readonly sessionId: string;
  /** Empty: it cannot be repeated. */
  readonly requestId: string;
  /** The route that the chat names; a session of that route goes on with whichever Llm it has chosen. */
  readonly routeId?: string;
}

/** What an endpoint said of a prompt that was too long, as far as it did. */
export interface RefusedPrompt {
  readonly sent: SentRequest;
  readonly promptTokens: number | undefined;
  readonly contextTokens: number | undefined;
}

/** A turn that runs, and is this server's to end. */
export interface RunningTurn {
  readonly accountId: string;
  /** As its account knows it. */
  readonly sessionId: string;
  /** Of the row. */
  readonly sessionRow: string;
  readonly turnId: string;
  readonly attempt: number;
  /** Of its own messages. */
  readonly tokens: number;
  /** It is over: its lease is not renewed any more. */
  release(): void;
}

/** A turn that was completed before. */
export interface AnsweredTurn {
  readonly sessionId: string;
  readonly turnId: string;
  readonly reply: StoredReply;
}

/** The turns of sessions: two short transactions each, and none while a reply is made. */
export class Turns {
  readonly #vault: Vault;
  readonly #leases: Leases;
  readonly #reachFailpoint: ReachFailpoint;

  constructor(deps: { readonly vault: Vault; readonly leases: Leases; readonly reachFailpoint: ReachFailpoint }) {
    this.#vault = deps.vault;
    this.#leases = deps.leases;
    this.#reachFailpoint = deps.reachFailpoint;
  }

  /** The session that has begun by a name; undefined if none has. */
  sessionOf(scope: Scope, sessionId: string): Promise<SessionRow | undefined> {
    return findSession(scope.em, scope.caller.accountId, sessionId);
  }

  /** Begins a turn; an index decides that no other one runs. One that is repeated after it was completed does not run. */
  async begin(
    scope: Scope,
    llm: Readonly<Llm>,
    ask: SessionAsk,
    request: ModelRequest,
  ): Promise<RunningTurn | AnsweredTurn> {
    requireTurn(request.messages);
    const { accountId } = scope.caller;
    const sessionId = ask.sessionId || randomUUID();
    const turnId = randomUUID();
    const tokens = estimateMessages(request.messages);
    const sealed = await sealMessages(this.#vault, scope.em, { accountId, sessionId, turnId }, request.messages);
    const digest = ask.requestId ? this.#digestOf(request) : Buffer.alloc(0);
    this.#reachFailpoint("before_tx1");
    const begun = await refuseSecond(() =>
      scope.em.transactional(async (em) => {
        const { routeId = null } = ask;
        const session = await enterSession(em, {
          id: randomUUID(),
          accountId,
          name: sessionId,
          llmId: llm.id,
          routeId,
        });
        await requireSeen(em, scope.caller, sessionId);
        if (session.llmId !== llm.id) {
          if (routeId === null || session.routeId !== routeId) throw ofAnotherLlm(sessionId, session.llmId);
          await moveSession(em, session.id, llm.id);
        }
        await interruptTurns(em, { sessionId: session.id });
        const known = ask.requestId ? await findTurnByRequest(em, session.id, ask.requestId) : undefined;
        if (!known) {
          await insertTurn(em, {
            id: turnId,
            sessionId: session.id,
            requestId: ask.requestId || undefined,
            requestDigest: digest,
            answersTools: request.messages.some(({ role }) => role === "tool"),
            hasSystem: systemOf(request.messages).length > 0,
            tokens,
            sealedMessages: sealed,
            leaseMs: this.#leases.leaseMs,
          });
          return { row: session.id, turnId, attempt: 1 };
        }
        if (!digest.equals(known.requestDigest)) throw requestIdReused();
        if (known.state === "PENDING") throw busy(known.id);
        if (known.state === "COMPLETED") return { row: session.id, turnId: known.id, attempt: 0 };
        const attempt = await rerunTurn(em, known.id, session.id, this.#leases.leaseMs);
        return { row: session.id, turnId: known.id, attempt };
      }),
    );
    this.#reachFailpoint("after_tx1");
    const where = { accountId, sessionId, turnId: begun.turnId };
    if (begun.attempt === 0) return { ...where, reply: await this.#replyOf(scope.em, where) };
    const release = this.#leases.hold(begun.turnId);
    return { ...where, sessionRow: begun.row, attempt: begun.attempt, tokens, release };
  }

  /**
   * What is sent to the model: of what was said before, what fits, and then what is new. After an endpoint has said that it
   * was too much, what fits by its own numbers, and less in any case; undefined if nothing is left to leave out.
   */
  async conversation(
    scope: Scope,
    llm: Readonly<Llm>,
    turn: RunningTurn,
    request: ModelRequest,
    refused?: RefusedPrompt,
  ): Promise<SentRequest | undefined> {
    const { messages, sampling } = request;
    const past = await listPastTurns(scope.em, turn.sessionRow);
    const reply = sampling.maxTokens ?? USUAL_REPLY_TOKENS;
    const room = roomFor(refused?.contextTokens ?? llm.maxContextLength ?? undefined, reply, refused);
    const answersTools = messages.some(({ role }) => role === "tool");
    const fitting = turnsThatFit(past, room - estimatePrompt(request), answersTools);
    const kept = refused ? fewer(fitting, past.length - refused.sent.turnsLeftOut, answersTools) : fitting;
    if (kept === undefined) return undefined;
    const chosen = kept.reverse();
    const system = systemOf(messages);
    const withSystem = system.length === 0 ? past.find(({ hasSystem }) => hasSystem) : undefined;
    const ids = [...new Set([...chosen, ...(withSystem ? [withSystem] : [])].map(({ id }) => id))];
    const spoken = await this.#open(scope.em, turn, ids);
    const turns = chosen.flatMap(({ id }) => spoken.get(id) ?? []);
    requireCalled(messages, turns.at(-1)?.reply.toolCalls ?? []);
    const oldSystem = withSystem ? systemOf(spoken.get(withSystem.id)?.messages ?? []) : [];
    const last = turns.at(-1)?.reply;
    return {
      request: { ...request, messages: conversationOf([...system, ...oldSystem], turns, messages) },
      turnsLeftOut: past.length - chosen.length,
      before: past.length === chosen.length && last?.source === "REPORTED" ? last.usage : undefined,
    };
  }

  async #open(em: EntityManager, { accountId, sessionId }: RunningTurn, ids: readonly string[]) {
    const sealed = await findSealedTurns(em, ids);
    const entries = ids.map(async (turnId) => {
      const { messages, reply } = sealed.get(turnId) ?? {};
      if (!messages || !reply) throw turnLost();
      const where = { accountId, sessionId, turnId };
      return [
        turnId,
        {
          messages: await openMessages(this.#vault, em, where, messages),
          reply: await openReply(this.#vault, em, where, reply),
        },
      ] as const;
    });
    return new Map(await Promise.all(entries));
  }

  async #replyOf(em: EntityManager, where: { accountId: string; sessionId: string; turnId: string }) {
    const sealed = (await findSealedTurns(em, [where.turnId])).get(where.turnId)?.reply;
    if (!sealed) throw turnLost();
    return openReply(this.#vault, em, where, sealed);
  }

  /** Of all that a request says: what is added to it later counts, too. */
  #digestOf({ messages, ...form }: ModelRequest): Buffer {
    return this.#vault.digest("turn", encodeMessages(messages), canonicalJson(form));
  }
}

/** Tokens by a provider's count for each by our estimate: estimates are within a tenth, and what is over is refused. */
const MARGIN = 1.1;

/** How many tokens, by our estimate, prompt and history may have; by what the endpoint counted, where it has refused some. */
function roomFor(context: number | undefined, reply: number, refused: RefusedPrompt | undefined): number {
  const estimated = refused && estimatePrompt(refused.sent.request);
  if (context === undefined) return estimated === undefined ? Number.POSITIVE_INFINITY : estimated / 2;
  const counted = refused?.promptTokens && estimated ? refused.promptTokens / estimated : 1;
  return (context - reply) / (Math.max(counted, 1) * MARGIN);
}

/** At most one group fewer than were sent; undefined if none can be left out. */
function fewer(fitting: readonly PastTurn[], sentCount: number, answersTools: boolean): PastTurn[] | undefined {
  if (fitting.length < sentCount) return [...fitting];
  const less = turnsThatFit(fitting.slice(0, -1), Number.POSITIVE_INFINITY, answersTools);
  return sentCount > 0 && less.length < sentCount && !(answersTools && less.length === 0) ? less : undefined;
}

/** The turn was ended by somebody else while it ran: its session was deleted, or its server seemed dead. */
export function turnLost(): Fault {
  return new Fault("TURN_LOST", "the turn was taken for dead, or its session was deleted, while its reply was made");
}

async function refuseSecond<Result>(begin: () => Promise<Result>): Promise<Result> {
  try {
    return await begin();
  } catch (error) {
    if (violates(error, "turn_session_running_key")) throw busy("", error);
    throw error;
  }
}

function busy(turnId: string, cause?: unknown): Fault {
  return new Fault(
    "SESSION_BUSY",
    "another turn of the session is running; a session has one at a time",
    { ...(turnId ? { metadata: { turnId } } : {}), retryAfterMs: 1_000 },
    cause,
  );
}

function requestIdReused(): Fault {
  const message = "request_id: names another turn of the session, which said something else";
  return new Fault("REQUEST_ID_REUSED", message, { fields: [{ field: "request_id", description: "must be new" }] });
}

/** Refuses a session that the caller may not see: the model would be told of it, and the caller by the model. */
async function requireSeen(em: EntityManager, caller: Caller, sessionId: string): Promise<void> {
  if (!isModelLimited(caller)) return;
  if (await findSession(em, caller.accountId, sessionId, allowedRows(caller))) return;
  throw new Fault(
    "SESSION_NOT_FOUND",
    `session ${sessionId} is with something that may not be used: begin another one`,
  );
}

function ofAnotherLlm(sessionId: string, llmId: string): Fault {
  return new Fault("SESSION_OF_ANOTHER_LLM", `session ${sessionId} is with llm ${llmId}, and stays with it`, {
    metadata: { llmId },
  });
}
