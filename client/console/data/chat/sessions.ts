/** Conversations that the server remembers. */
import { useInfiniteQuery, useMutation } from "@connectrpc/connect-query";
import { ChatService } from "../../../../gen/patchbay/v1/chat_service_pb.ts";
import { type Session, type Turn, Turn_State } from "../../../../gen/patchbay/v1/session_pb.ts";
import { nextPage, refresh } from "../../calls/query.ts";

export type { Session, Turn };
export { Turn_State as TurnState };

export const chatMethods = ChatService.method;

export const useSessions = (llmId: string, isEnabled: boolean) =>
  useInfiniteQuery(
    ChatService.method.listSessions,
    { llmId, pageSize: 50, pageToken: "" },
    { pageParamKey: "pageToken", getNextPageParam: nextPage, enabled: isEnabled },
  );

export const useTurns = (sessionId: string) =>
  useInfiniteQuery(
    ChatService.method.listTurns,
    { sessionId, pageSize: 100, pageToken: "" },
    { pageParamKey: "pageToken", getNextPageParam: nextPage, enabled: sessionId !== "" },
  );

export const useDeleteSession = () =>
  useMutation(ChatService.method.deleteSession, { onSuccess: () => refresh(ChatService) });
