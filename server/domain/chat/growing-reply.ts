import type { Reply, ReplyEvent, StopReason, ToolCall, Usage } from "../../upstream/models/conversation.ts";
import { estimateCalls, estimateText } from "../usage/cost.ts";

/** A streamed reply as far as it has come. */
export class GrowingReply {
  model = "";
  #text = "";
  #reasoning = "";
  readonly #toolCalls: { id: string; name: string; arguments: string }[] = [];

  add(event: ReplyEvent): void {
    switch (event.type) {
      case "start":
        this.model = event.model;
        break;
      case "text-delta":
        this.#text += event.text;
        break;
      case "reasoning-delta":
        this.#reasoning += event.text;
        break;
      case "tool-call-delta": {
        const { index, id, name, argumentsDelta } = event;
        this.#toolCalls[index] ??= { id: id ?? "", name: name ?? "", arguments: "" };
        this.#toolCalls[index].arguments += argumentsDelta;
        break;
      }
    }
  }

  /** The reply, once it has ended. */
  whole(stopReason: StopReason, rawStopReason: string, usage: Usage): Reply {
    const { model } = this;
    return {
      model,
      text: this.#text,
      reasoning: this.#reasoning,
      toolCalls: this.#toolCalls,
      stopReason,
      rawStopReason,
      usage,
    };
  }

  /** How many tokens came, roughly. */
  estimate(): number {
    return estimateReply({ text: this.#text, reasoning: this.#reasoning, toolCalls: this.#toolCalls });
  }
}

/** How many tokens a reply has, roughly. */
export function estimateReply(reply: {
  readonly text: string;
  readonly reasoning: string;
  readonly toolCalls: readonly ToolCall[];
}): number {
  return estimateText(reply.text) + estimateText(reply.reasoning) + estimateCalls(reply.toolCalls);
}
