import { formatAgo, formatTime } from "../../browser/format.ts";
import { requestOf } from "../../calls/call.ts";
import { useCaller } from "../../data/caller.ts";
import {
  chatMethods,
  type Session,
  type Turn,
  useDeleteSession,
  useSessions,
  useTurns,
} from "../../data/chat/sessions.ts";
import type { Llm } from "../../data/llms.ts";
import { AsCode } from "../../parts/as-code.tsx";
import { Badge, Button, Loading, ProblemNotice } from "../../parts/basics.tsx";
import { Confirm, Dialog } from "../../parts/dialog.tsx";
import { List, type RowDialogProps, useRowDialogs } from "../../parts/list.tsx";
import { text } from "../../text.ts";

const t = text.sessions;

const DIALOGS = { turns: Turns, delete: DeleteSession };

export function Sessions({ llm }: { llm: Llm }) {
  const { may } = useCaller();
  const query = useSessions(llm.llmId, true);
  const [dialog, open] = useRowDialogs<Session, keyof typeof DIALOGS>(DIALOGS);
  return (
    <div className="stack">
      <List
        label={text.llm.tabs.sessions}
        query={query}
        rows={query.data?.pages.flatMap(({ sessions }) => sessions) ?? []}
        idOf={({ sessionId }) => sessionId}
        empty={{ title: t.empty, hint: t.emptyHint }}
        columns={[
          { name: t.id, cell: ({ sessionId }) => <code>{sessionId}</code> },
          { name: t.length, cell: ({ turnCount }) => t.turns(turnCount) },
          {
            name: text.llm.updated,
            hint: ({ updatedAt }) => formatTime(updatedAt),
            cell: ({ updatedAt }) => formatAgo(updatedAt),
          },
          {
            name: text.common.actions,
            isNameHidden: true,
            isNumber: true,
            cell: (session) => (
              <span className="row one-line end">
                <Button isSmall onClick={() => open("turns", session)}>
                  {t.open}
                </Button>
                {may("DELETE_SESSION") && (
                  <Button isSmall tone="danger" onClick={() => open("delete", session)}>
                    {text.common.delete}
                  </Button>
                )}
              </span>
            ),
          },
        ]}
      />
      {dialog}
    </div>
  );
}

function DeleteSession({ row: { sessionId }, onClose }: RowDialogProps<Session>) {
  const remove = useDeleteSession();
  return (
    <Confirm
      title={t.deleteTitle}
      hint={t.deleteHint}
      action={text.common.delete}
      onClose={onClose}
      isBusy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate({ sessionId }, { onSuccess: onClose })}
    >
      <AsCode method={chatMethods.deleteSession} request={() => requestOf(chatMethods.deleteSession, { sessionId })} />
    </Confirm>
  );
}

function Turns({ row: { sessionId }, onClose }: RowDialogProps<Session>) {
  const { data, error, isPending, hasNextPage, fetchNextPage } = useTurns(sessionId);
  const turns = data?.pages.flatMap(({ turns }) => turns) ?? [];
  return (
    <Dialog title={sessionId} onClose={onClose} shape="drawer">
      {isPending && !error && <Loading />}
      <ProblemNotice error={error} />
      {turns.map((turn) => (
        <OneTurn key={turn.turnId} turn={turn} />
      ))}
      {hasNextPage && <Button onClick={() => void fetchNextPage()}>{text.common.more}</Button>}
    </Dialog>
  );
}

function OneTurn({ turn }: { turn: Turn }) {
  const state = t.states[turn.state];
  return (
    <>
      {turn.messages.map((message, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: what was said does not change
        <article key={index} className="said user">
          <div className="text">
            {message.content || message.parts.map(({ part }) => (part.case === "text" ? part.value : "▣")).join(" ")}
          </div>
        </article>
      ))}
      {turn.reply && (
        <article className="said">
          <div className="text">{turn.reply.content}</div>
          {turn.reply.toolCalls.map((call) => (
            <pre key={call.toolCallId}>
              {call.name}({call.arguments})
            </pre>
          ))}
        </article>
      )}
      {state && <Badge tone="warn">{state}</Badge>}
    </>
  );
}
