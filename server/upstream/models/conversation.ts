import type { SamplingParams } from "../../base/sampling.ts";

/** What is said to a model and what it answers, in words that no provider owns. */

export type Role = "system" | "user" | "assistant" | "tool";

export type ContentPart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image-data"; readonly data: Uint8Array; readonly mediaType: string }
  | { readonly type: "image-url"; readonly url: string };

export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** A JSON object as the model wrote it, which may not be valid. */
  readonly arguments: string;
}

export interface ChatMessage {
  readonly role: Role;
  readonly parts: readonly ContentPart[];
  readonly toolCalls: readonly ToolCall[];
  /** Which call a tool message answers. */
  readonly toolCallId?: string;
}

export interface Tool {
  readonly name: string;
  readonly description: string;
  /** A JSON Schema of its arguments. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** In which form a reply shall be. */
export type ResponseFormat =
  | { readonly type: "text" }
  | { readonly type: "json-object" }
  | {
      readonly type: "json-schema";
      readonly name: string;
      readonly description: string;
      readonly schema: Readonly<Record<string, unknown>>;
      /** Undefined: as the provider does by itself. */
      readonly strict: boolean | undefined;
    };

/** Whether tools are called. */
export type ToolChoice =
  | { readonly type: "auto" | "none" | "required" }
  | { readonly type: "tool"; readonly name: string };

export interface ModelRequest {
  readonly messages: readonly ChatMessage[];
  readonly sampling: SamplingParams;
  readonly tools: readonly Tool[];
  /** Undefined: text. */
  readonly responseFormat?: ResponseFormat | undefined;
  /** Undefined: the model decides. */
  readonly toolChoice?: ToolChoice | undefined;
}

/** Tokens of one reply as the provider counted them; what it did not report is undefined, never 0. */
export interface Usage {
  /** All tokens of the prompt, cached ones among them. */
  readonly inputTokens?: number;
  /** All tokens of the reply, reasoning among them. */
  readonly outputTokens?: number;
  readonly cacheReadTokens?: number;
  readonly cacheWriteTokens?: number;
  readonly reasoningTokens?: number;
}

export type StopReason = "end" | "max-tokens" | "stop-sequence" | "tool-calls" | "content-filter" | "other";

export interface Reply {
  /** As the endpoint names it; empty when it does not. */
  readonly model: string;
  readonly text: string;
  readonly reasoning: string;
  readonly toolCalls: readonly ToolCall[];
  readonly stopReason: StopReason;
  /** The provider's word for it. */
  readonly rawStopReason: string;
  readonly usage: Usage;
}

/** A streamed reply: one start, deltas, one end. A stream that fails throws instead of ending. */
export type ReplyEvent =
  | { readonly type: "start"; readonly model: string }
  | { readonly type: "text-delta"; readonly text: string }
  | { readonly type: "reasoning-delta"; readonly text: string }
  | {
      readonly type: "tool-call-delta";
      readonly index: number;
      /** With the first piece of a call. */
      readonly id?: string;
      /** With the first piece of a call. */
      readonly name?: string;
      readonly argumentsDelta: string;
    }
  | {
      readonly type: "end";
      readonly stopReason: StopReason;
      readonly rawStopReason: string;
      readonly usage: Usage;
    };
