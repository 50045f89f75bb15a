/** One conversation with one Llm, as the playground has it: nothing of it is stored but in this page. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { useCallback, useRef, useState } from "react";
import { ChatService } from "../../../../gen/patchbay/v1/chat_service_pb.ts";
import { problemOf } from "../../calls/problem.ts";
import { transport } from "../../calls/transport.ts";
import { refreshUsage } from "../usage.ts";
import { Message_Role, type MessageSchema, type ToolCall, UsageSource } from "./chat-words.ts";

const client = createClient(ChatService, transport);

export type MessageInit = Exclude<MessageInitShape<typeof MessageSchema>, { $typeName: string }>;
export type ChatRequestInit = Exclude<Parameters<typeof client.streamChat>[0], { $typeName: string }>;

/** Something that was said, with what is known of how. */
export interface Said {
  readonly id: number;
  readonly role: Message_Role;
  readonly text: string;
  readonly images?: readonly { readonly data: Uint8Array<ArrayBuffer>; readonly mediaType: string }[];
  readonly reasoning?: string;
  readonly toolCalls?: readonly ToolCall[];
  readonly toolCallId?: string;
  readonly model?: string;
  readonly firstMs?: number;
  readonly tookMs?: number;
  readonly stopReason?: number;
  readonly inputTokens?: bigint | undefined;
  readonly outputTokens?: bigint | undefined;
  /** Undefined while it is not known; see isOver. */
  readonly cost?: bigint | undefined;
  readonly isEstimated?: boolean;
  readonly isOverBudget?: boolean;
  readonly isStopped?: boolean;
  readonly isOver?: boolean;
  readonly error?: unknown;
}

export interface Conversation {
  readonly said: readonly Said[];
  readonly isRunning: boolean;
  /** Says more, and streams what the Llm replies. */
  readonly send: (request: ChatRequestInit, more: readonly Omit<Said, "id">[]) => Promise<void>;
  readonly stop: () => void;
  readonly clear: () => void;
}

let lastId = 0;

export function useConversation(): Conversation {
  const [said, setSaid] = useState<readonly Said[]>([]);
  const [isRunning, setRunning] = useState(false);
  const abort = useRef<AbortController>(undefined);
  const latest = useRef(said);
  latest.current = said;

  const send = useCallback(async (request: ChatRequestInit, more: readonly Omit<Said, "id">[]) => {
    lastId += 1;
    const replyId = lastId;
    const added = more.map((one): Said => {
      lastId += 1;
      return { ...one, id: lastId };
    });
    const before = [...latest.current.filter(({ error }) => !error), ...added];
    const controller = new AbortController();
    abort.current = controller;
    setRunning(true);
    let reply: Said = { id: replyId, role: Message_Role.ASSISTANT, text: "" };
    let frame = 0;
    const draw = () => {
      frame = 0;
      setSaid([...before, reply]);
    };
    const change = (changes: Partial<Said>) => {
      reply = { ...reply, ...changes };
      // Pieces come faster than a screen draws.
      frame ||= requestAnimationFrame(draw);
    };
    change({});
    const began = performance.now();
    const calls: ToolCall[] = [];
    try {
      const messages = before.map(toMessage);
      const stream = client.streamChat({ ...request, messages }, { signal: controller.signal });
      for await (const { event } of stream) {
        if (event.case === "start") change({ model: event.value.model });
        if (event.case === "textDelta") {
          change({ text: reply.text + event.value, firstMs: reply.firstMs ?? performance.now() - began });
        }
        if (event.case === "reasoningDelta") {
          change({
            reasoning: (reply.reasoning ?? "") + event.value,
            firstMs: reply.firstMs ?? performance.now() - began,
          });
        }
        if (event.case === "toolCallDelta") {
          const { index, toolCallId, name, argumentsDelta } = event.value;
          const call = calls[index];
          if (call) calls[index] = { ...call, arguments: call.arguments + argumentsDelta };
          else calls[index] = { toolCallId, name, arguments: argumentsDelta } as ToolCall;
          change({ toolCalls: [...calls], firstMs: reply.firstMs ?? performance.now() - began });
        }
        if (event.case === "end") {
          const { stopReason, usage, cost, usageSource, overBudget } = event.value;
          change({
            stopReason,
            inputTokens: usage?.inputTokens,
            outputTokens: usage?.outputTokens,
            cost,
            isEstimated: usageSource === UsageSource.ESTIMATED,
            isOverBudget: overBudget,
          });
        }
      }
    } catch (error) {
      if (controller.signal.aborted || problemOf(error).isCanceled) change({ isStopped: true });
      else change({ error });
    } finally {
      cancelAnimationFrame(frame);
      change({ tookMs: performance.now() - began, isOver: true });
      cancelAnimationFrame(frame);
      draw();
      setRunning(false);
      refreshUsage();
    }
  }, []);

  return {
    said,
    isRunning,
    send,
    stop: useCallback(() => abort.current?.abort(), []),
    clear: useCallback(() => {
      abort.current?.abort();
      setSaid([]);
    }, []),
  };
}

/** As the contract has it; a reply that was stopped goes along as far as it came. */
export function toMessage({ role, text, images, toolCalls, toolCallId }: Omit<Said, "id">): MessageInit {
  const base = {
    role,
    ...(toolCalls && { toolCalls: toolCalls.map((call) => ({ ...call })) }),
    ...(toolCallId && { toolCallId }),
  };
  if (!images?.length) return { ...base, content: text };
  const parts = images.map(({ data, mediaType }) => ({
    part: { case: "image" as const, value: { source: { case: "data" as const, value: data }, mediaType } },
  }));
  return { ...base, parts: [...(text ? [{ part: { case: "text" as const, value: text } }] : []), ...parts] };
}
