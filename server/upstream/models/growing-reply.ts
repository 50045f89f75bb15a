import type { Reply, ReplyEvent } from "./conversation.ts";

/** A streamed reply as far as it has come. */
export class GrowingReply {
  model = "";
  #text = "";
  #reasoning = "";
  readonly #toolCalls: { id: string; name: string; arguments: string }[] = [];
  #end: Pick<Reply, "stopReason" | "rawStopReason" | "usage" | "billing" | "state"> = {
    stopReason: "other",
    rawStopReason: "",
    usage: {},
  };

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
      case "end": {
        const { type: _, ...end } = event;
        this.#end = end;
        break;
      }
    }
  }

  /** What has come of it; whole, once it has ended. */
  get reply(): Reply {
    return {
      model: this.model,
      text: this.#text,
      reasoning: this.#reasoning,
      toolCalls: this.#toolCalls,
      ...this.#end,
    };
  }
}

/** A whole reply as a stream would have brought it. */
export function eventsOfReply(reply: Reply): ReplyEvent[] {
  const { model, text, reasoning, toolCalls, stopReason, rawStopReason, usage, billing, state } = reply;
  return [
    { type: "start", model },
    ...(reasoning === "" ? [] : [{ type: "reasoning-delta" as const, text: reasoning }]),
    ...(text === "" ? [] : [{ type: "text-delta" as const, text }]),
    ...toolCalls.map(({ id, name, arguments: argumentsDelta }, index) => ({
      type: "tool-call-delta" as const,
      index,
      id,
      name,
      argumentsDelta,
    })),
    { type: "end", stopReason, rawStopReason, usage, ...(billing && { billing }), ...(state && { state }) },
  ];
}
