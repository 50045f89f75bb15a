import { useState } from "react";
import { formatAgo, formatTime } from "../../browser/format.ts";
import { useCaller } from "../../data/caller.ts";
import type { Llm } from "../../data/llms.ts";
import { type Turn, useDeleteSession, useSessions, useTurns } from "../../data/sessions.ts";
import { Badge, Button, Empty, Loading, ProblemNotice } from "../../parts/basics.tsx";
import { Confirm, Dialog } from "../../parts/dialog.tsx";
import { text } from "../../text.ts";

const t = text.sessions;

export function Sessions({ llm }: { llm: Llm }) {
  const { may } = useCaller();
  const { data, error, isPending, hasNextPage, fetchNextPage } = useSessions(llm.llmId, true);
  const [openId, setOpenId] = useState("");
  const [deletingId, setDeletingId] = useState("");
  const sessions = data?.pages.flatMap(({ sessions }) => sessions) ?? [];
  if (isPending) return <Loading />;
  return (
    <div className="stack">
      <ProblemNotice error={error} />
      {!error && sessions.length === 0 && <Empty title={t.empty} hint={t.emptyHint} />}
      {sessions.length > 0 && (
        <div className="card flush">
          <table>
            <tbody>
              {sessions.map(({ sessionId, turnCount, updatedAt }) => (
                <tr key={sessionId}>
                  <td>
                    <code>{sessionId}</code>
                  </td>
                  <td>{t.turns(turnCount)}</td>
                  <td title={formatTime(updatedAt)}>{formatAgo(updatedAt)}</td>
                  <td className="number">
                    <Button isSmall onClick={() => setOpenId(sessionId)}>
                      {t.open}
                    </Button>{" "}
                    {may("DELETE_SESSION") && (
                      <Button isSmall tone="danger" onClick={() => setDeletingId(sessionId)}>
                        {text.common.delete}
                      </Button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {hasNextPage && <Button onClick={() => void fetchNextPage()}>{text.common.more}</Button>}
      {openId && <Turns sessionId={openId} onClose={() => setOpenId("")} />}
      {deletingId && <DeleteSession sessionId={deletingId} onClose={() => setDeletingId("")} />}
    </div>
  );
}

function DeleteSession({ sessionId, onClose }: { sessionId: string; onClose: () => void }) {
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
    />
  );
}

function Turns({ sessionId, onClose }: { sessionId: string; onClose: () => void }) {
  const { data, error, isPending, hasNextPage, fetchNextPage } = useTurns(sessionId);
  const turns = data?.pages.flatMap(({ turns }) => turns) ?? [];
  return (
    <Dialog title={sessionId} onClose={onClose} shape="drawer">
      {isPending && <Loading />}
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
