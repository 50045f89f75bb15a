import { asObject, type JsonObject } from "../../../upstream/models/json-value.ts";
import type { ApiName } from "../../../upstream/pass-through/apis.ts";
import { type JsonBody, readMembers, splice, valueIn } from "../../../upstream/pass-through/json-members.ts";
import { isOurs, STATE_MARK } from "./translation.ts";

/** Where each API has what was said. */
const SAID: Readonly<Partial<Record<ApiName, string>>> = {
  "chat-completions": "messages",
  messages: "messages",
  "count-tokens": "messages",
  responses: "input",
};

/**
 * A request without what was given out here in the place of an endpoint's own signature, where a conversation goes on at an
 * endpoint that speaks the caller's API: it would take it for a forgery. All other requests stay as they are.
 */
export function withoutOwnState(api: ApiName, body: JsonBody): JsonBody {
  const name = SAID[api];
  if (name === undefined || !body.bytes.includes(STATE_MARK)) return body;
  const member = body.members.findLast((one) => one.name === name);
  const said = valueIn(body, name);
  if (!member || !Array.isArray(said)) return body;
  const text = JSON.stringify(said.filter((item) => !isState(item)).map(withoutState));
  return readMembers(splice(body.bytes, [{ start: member.valueStart, end: member.end, text }])) ?? body;
}

/** A block of Messages, or an item of Responses. */
function isState(value: unknown): boolean {
  const block = asObject(value) ?? {};
  return isOurs(block.signature) || isOurs(block.data) || isOurs(block.encrypted_content);
}

function withoutState(value: unknown): unknown {
  const message = asObject(value);
  if (!message) return value;
  const { provider_state, ...rest } = message;
  const kept: JsonObject = isOurs(provider_state) ? rest : message;
  return Array.isArray(kept.content) ? { ...kept, content: kept.content.filter((block) => !isState(block)) } : kept;
}
