import { Fault } from "../../base/fault.ts";
import { deleteSession, findSession, listSessions, type SessionRow } from "../../store/queries/chat/sessions.ts";
import { findSealedTurns, listTurns, type TurnRow } from "../../store/queries/chat/turns.ts";
import type { RowReader } from "../../store/sql/rows.ts";
import { Unreadable } from "../../store/vault/sealing.ts";
import type { Vault } from "../../store/vault/vault.ts";
import type { ChatMessage } from "../../upstream/models/conversation.ts";
import { recordAudit } from "../call/audit-record.ts";
import { allowedRows } from "../call/holder-limits.ts";
import { byCreation, type Page, readPage } from "../call/paging.ts";
import type { OwnPermission } from "../call/permissions.ts";
import { requireReach, type Scope, within } from "../call/scope.ts";
import { openMessages, openReply, type StoredReply } from "./turn-text.ts";

/** A turn with what was said in it. */
export interface ReadableTurn extends TurnRow {
  readonly messages: readonly ChatMessage[];
  /** Undefined unless it was completed. */
  readonly reply: StoredReply | undefined;
  /** Whether what was said cannot be opened any more. */
  readonly isUnreadable: boolean;
}

/**
 * Sessions, read back and deleted. Everywhere, an empty accountId means the caller's. Who may use some names only sees those with
 * an Llm or a route that they may use.
 */
export class Sessions {
  readonly #rows: RowReader;
  readonly #vault: Vault;

  constructor({ rows, vault }: { rows: RowReader; vault: Vault }) {
    this.#rows = rows;
    this.#vault = vault;
  }

  get(scope: Scope, accountId: string, sessionId: string): Promise<SessionRow> {
    return find(scope, accountOf(scope, accountId, "READ_SESSION_OWN"), sessionId);
  }

  async list(
    scope: Scope,
    asked: { readonly accountId: string; readonly llmId: string },
    pageSize: number,
    pageToken: string,
  ): Promise<Page<SessionRow>> {
    const accountId = accountOf(scope, asked.accountId, "READ_SESSION_OWN");
    const key = ["sessions", accountId, asked.llmId];
    const filter = { accountId, llmId: asked.llmId || undefined, allowed: allowedRows(scope.caller) };
    const list = (after: readonly string[] | undefined, limit: number) =>
      listSessions(this.#rows, filter, after, limit);
    return readPage(this.#vault, { key, pageSize, pageToken }, list, byCreation);
  }

  /** The turns of a session in their order. */
  async turns(
    scope: Scope,
    asked: { readonly accountId: string; readonly sessionId: string },
    pageSize: number,
    pageToken: string,
  ): Promise<Page<ReadableTurn>> {
    const accountId = accountOf(scope, asked.accountId, "READ_SESSION_OWN");
    const session = await find(scope, accountId, asked.sessionId);
    const key = ["turns", session.id];
    const list = ([after = "0"]: readonly string[] = [], limit: number) =>
      listTurns(scope.em, session.id, Number(after), limit);
    const ask = { key, pageSize, pageToken };
    const page = await readPage(this.#vault, ask, list, ({ sequence }) => [String(sequence)]);
    return { ...page, rows: await this.#open(scope, session, page.rows) };
  }

  async delete(scope: Scope, accountId: string, sessionId: string): Promise<void> {
    const ownerId = accountOf(scope, accountId, "DELETE_SESSION_OWN");
    await scope.em.transactional(async (em) => {
      const session = await find(within(scope, { em }), ownerId, sessionId);
      await deleteSession(em, session.id);
      await recordAudit(scope, em, { action: "session.delete", resourceId: sessionId, ownerId });
    });
  }

  async #open({ em }: Scope, { accountId, name: sessionId }: SessionRow, turns: readonly TurnRow[]) {
    const sealed = await findSealedTurns(
      em,
      turns.map(({ id }) => id),
    );
    return Promise.all(
      turns.map(async (turn): Promise<ReadableTurn> => {
        const { messages, reply } = sealed.get(turn.id) ?? {};
        const where = { accountId, sessionId, turnId: turn.id };
        try {
          return {
            ...turn,
            messages: messages ? await openMessages(this.#vault, em, where, messages) : [],
            reply: reply ? await openReply(this.#vault, em, where, reply) : undefined,
            isUnreadable: false,
          };
        } catch (error) {
          // One turn that is lost takes none of the others along. Keys that cannot be had now are no loss.
          if (!(error instanceof Unreadable)) throw error;
          return { ...turn, messages: [], reply: undefined, isUnreadable: true };
        }
      }),
    );
  }
}

async function find(scope: Scope, accountId: string, sessionId: string): Promise<SessionRow> {
  const session = await findSession(scope.em, accountId, sessionId, allowedRows(scope.caller));
  if (!session) throw new Fault("SESSION_NOT_FOUND", `there is no session ${sessionId}`);
  return session;
}

function accountOf(scope: Scope, asked: string, own: OwnPermission): string {
  const accountId = asked || scope.caller.accountId;
  requireReach(scope, accountId, own);
  return accountId;
}
