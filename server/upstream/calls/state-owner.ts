import { createHash } from "node:crypto";
import type { ChatMessage, ProviderState } from "../models/conversation.ts";
import type { JsonObject } from "../models/json-value.ts";
import type { Target } from "../models/provider-types.ts";

/** Behind these, it is the model that decides whose state it is. */
const GATEWAYS: ReadonlySet<string> = new Set(["LITELLM_PROXY", "OPEN_ROUTER"]);

/** Names whose state it is that a target's replies bring; it tells nothing of the endpoint. */
export function stateOwnerOf({ providerType, endpointUrl, model }: Target): string {
  const place = GATEWAYS.has(providerType) ? `${endpointUrl}\n${model}` : endpointUrl;
  return `${providerType}:${createHash("sha256").update(place).digest("base64url").slice(0, 16)}`;
}

/** The state of a reply of a target's; undefined if it has none. */
export function stateOfReply(target: Target, value: JsonObject | undefined): ProviderState | undefined {
  return value && { provider: stateOwnerOf(target), value };
}

/** Messages with only the state that the target gave. */
export function withOwnState(target: Target, messages: readonly ChatMessage[]): readonly ChatMessage[] {
  if (!hasState(messages)) return messages;
  const owner = stateOwnerOf(target);
  return messages.map((message) => (isForeign(message, owner) ? { ...message, state: undefined } : message));
}

/** Whether any message has a state that another provider gave, which is not sent. */
export function hasForeignState(target: Target, messages: readonly ChatMessage[]): boolean {
  if (!hasState(messages)) return false;
  const owner = stateOwnerOf(target);
  return messages.some((message) => isForeign(message, owner));
}

/** Most have none, and whose it would be need not be reckoned. */
function hasState(messages: readonly ChatMessage[]): boolean {
  return messages.some(({ state }) => state !== undefined);
}

function isForeign({ state }: ChatMessage, owner: string): boolean {
  return state !== undefined && state.provider !== owner;
}
