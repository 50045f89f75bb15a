import type { MessageInitShape } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import type { ChatService } from "../../../gen/patchbay/v1/chat_service_pb.ts";
import { type SessionSchema, Turn_StateSchema, type TurnSchema } from "../../../gen/patchbay/v1/session_pb.ts";
import type { ReadableTurn, Sessions } from "../../domain/chat/sessions.ts";
import type { SessionRow } from "../../store/queries/chat/sessions.ts";
import { scopeOf } from "../call/context.ts";
import { numberOf } from "../call/enums.ts";
import { presentMessage, presentReply } from "./present.ts";

type SessionRpcs = Pick<ServiceImpl<typeof ChatService>, "getSession" | "listSessions" | "listTurns" | "deleteSession">;

/** The rpcs of ChatService that are about sessions: unpack, ask the domain, present. */
export function sessionRpcs({ sessions }: { sessions: Sessions }): SessionRpcs {
  return {
    async getSession({ accountId, sessionId }, context) {
      const session = await sessions.get(scopeOf(context), accountId, sessionId);
      return { session: presentSession(session) };
    },

    async listSessions({ accountId, llmId, pageSize, pageToken }, context) {
      const asked = { accountId, llmId };
      const page = await sessions.list(scopeOf(context), asked, pageSize, pageToken);
      return { sessions: page.rows.map(presentSession), nextPageToken: page.nextPageToken };
    },

    async listTurns({ accountId, sessionId, pageSize, pageToken }, context) {
      const asked = { accountId, sessionId };
      const page = await sessions.turns(scopeOf(context), asked, pageSize, pageToken);
      return { turns: page.rows.map(presentTurn), nextPageToken: page.nextPageToken };
    },

    async deleteSession({ accountId, sessionId }, context) {
      await sessions.delete(scopeOf(context), accountId, sessionId);
      return {};
    },
  };
}

function presentSession(session: SessionRow): MessageInitShape<typeof SessionSchema> {
  return {
    sessionId: session.name,
    accountId: session.accountId,
    llmId: session.llmId,
    routeId: session.routeId ?? "",
    turnCount: session.turnCount,
    createdAt: BigInt(session.createdAt.getTime()),
    updatedAt: BigInt(session.updatedAt.getTime()),
  };
}

function presentTurn(turn: ReadableTurn): MessageInitShape<typeof TurnSchema> {
  return {
    turnId: turn.id,
    sequence: turn.sequence,
    state: numberOf(Turn_StateSchema, turn.state),
    requestId: turn.requestId ?? "",
    messages: turn.messages.map(presentMessage),
    ...(turn.reply ? { reply: presentReply(turn.reply) } : {}),
    createdAt: BigInt(turn.createdAt.getTime()),
    endedAt: BigInt(turn.endedAt?.getTime() ?? 0),
    unreadable: turn.isUnreadable,
  };
}
