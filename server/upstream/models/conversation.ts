import type { SamplingParams } from "../../base/sampling.ts";

/** What is said to a model and what it answers, in words that no provider owns. */

export type Role = "system" | "user" | "assistant" | "tool";

/** What may be marked as the end of what a provider keeps in a cache, in the words of Anthropic's API. */
export interface Cacheable {
  readonly cache?: Readonly<Record<string, unknown>> | undefined;
}

export type ContentPart = Cacheable & Content;

type Content =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image-data"; readonly data: Uint8Array; readonly mediaType: string }
  | { readonly type: "image-url"; readonly url: string }
  | { readonly type: "audio-data"; readonly data: Uint8Array; readonly mediaType: string }
  | { readonly type: "file-data"; readonly data: Uint8Array; readonly mediaType: string; readonly name: string }
  | { readonly type: "file-url"; readonly url: string; readonly name: string };

/**
 * What a provider wants back with a reply of its own, as it came: signed thinking, redacted blocks, the reasoning of a turn
 * that calls tools, signatures, parts that nobody else knows. It is kept and sent unread: only the adapter that made it
 * looks into the value, and only the provider that it came from gets it.
 */
export interface ProviderState {
  /** Names the provider, its endpoint and, behind a gateway, its model: compared, and no more. */
  readonly provider: string;
  readonly value: Readonly<Record<string, unknown>>;
}

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
  /** With a reply that is sent back: what its provider wants to see again. */
  readonly state?: ProviderState | undefined;
}

export interface Tool extends Cacheable {
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

/** How much a model shall think before it replies. */
export interface Thinking {
  /** Undefined, also with a budget: as the model does by itself. */
  readonly effort?: "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | "max" | undefined;
  /** The most tokens. */
  readonly budgetTokens?: number | undefined;
}

export interface ModelRequest {
  readonly messages: readonly ChatMessage[];
  readonly sampling: SamplingParams;
  readonly tools: readonly Tool[];
  /** Undefined: text. */
  readonly responseFormat?: ResponseFormat | undefined;
  /** Undefined: the model decides. */
  readonly toolChoice?: ToolChoice | undefined;
  /** Whether at most one tool is called in a reply. */
  readonly callsOneTool?: boolean | undefined;
  /** Undefined: as the provider does by itself. */
  readonly thinking?: Thinking | undefined;
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

/** What a reply itself, or its head, says of what it cost; what it does not say is undefined. */
export interface Billing {
  /** What it cost, in pico-dollars. */
  readonly costPicoUsd?: number | undefined;
  /** The way of serving it that has rates of its own, by the provider's word; undefined for the usual one. */
  readonly tier?: string | undefined;
  /** Those of the tokens written to a cache that are kept for an hour, and cost more. */
  readonly hourCacheTokens?: number | undefined;
  /** Whether something is billed beside the tokens of text: audio, searches. */
  readonly hasExtras?: boolean | undefined;
  /** Whether another model than the one that was asked for replied, as the endpoint says. */
  readonly isFallback?: boolean | undefined;
  /** Whether a gateway replied out of its cache, and asked nobody. */
  readonly isFromCache?: boolean | undefined;
}

/** What several billings say together, as a member that is only there if it says something. */
export function saidOf(...billings: readonly (Billing | undefined)[]): { readonly billing?: Billing } {
  const billing: Billing = Object.assign({}, ...billings);
  return Object.keys(billing).length > 0 ? { billing } : {};
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
  readonly billing?: Billing | undefined;
  /** What is to be sent back with it; undefined: nothing but what it says. */
  readonly state?: ProviderState | undefined;
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
      readonly billing?: Billing | undefined;
      readonly state?: ProviderState | undefined;
    };
