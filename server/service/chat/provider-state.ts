import { invalidField } from "../../base/fault.ts";
import type { ProviderState } from "../../upstream/models/conversation.ts";
import { asObject, asText, parseObject } from "../../upstream/models/json-value.ts";

/** A provider's state as callers carry it: a text without meaning to them. */
export function presentState(state: ProviderState | undefined): string {
  return state === undefined ? "" : Buffer.from(JSON.stringify(state)).toString("base64url");
}

/** A provider's state as it comes back with a message; undefined when it is empty. */
export function readState(text: string, field: string): ProviderState | undefined {
  if (text === "") return undefined;
  const state = parseObject(Buffer.from(text, "base64url").toString("utf8")) ?? {};
  const [provider, value] = [asText(state.provider), asObject(state.value)];
  if (provider === "" || value === undefined) throw invalidField(field, "must be as it came with the reply");
  return { provider, value };
}
