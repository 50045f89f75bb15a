import { Fault, invalidField } from "../../base/fault.ts";
import type { Llm } from "../../store/schema/llm.entity.ts";
import { adapterOf } from "../../upstream/calls/adapters.ts";
import type { ChatMessage, ModelRequest } from "../../upstream/models/conversation.ts";
import { type ProviderType, providerTypeOf } from "../../upstream/models/provider-types.ts";
import { takesChats } from "../../upstream/pass-through/apis.ts";

/** Refuses a chat that an Llm is not there for, before anything is sent. */
export function requireServed(llm: Readonly<Llm>, { responseFormat, messages }: ModelRequest): void {
  requireEnabled(llm);
  if (!takesChats(llm)) {
    const advice = "call it by POST /v1/responses, or make one with the api_path of its chat completions";
    const message = `the endpoint of llm ${llm.id} takes calls of Responses alone, by its api_path ${llm.apiPath}; ${advice}`;
    throw new Fault("INVALID_REQUEST", message, { metadata: { llmId: llm.id } });
  }
  const providerType = providerTypeOf(llm);
  if (responseFormat && !adapterOf(providerType).responseFormats.has(responseFormat.type)) {
    throw new Fault(
      "RESPONSE_FORMAT_NOT_SUPPORTED",
      `the API of ${providerType} has no JSON_OBJECT; ask for JSON_SCHEMA with a schema, or for JSON in a message`,
      { metadata: { llmId: llm.id } },
    );
  }
  requireTaken(providerType, messages);
}

/** Refuses a part of a message that the API has no place for. */
function requireTaken(providerType: ProviderType, messages: readonly ChatMessage[]): void {
  const adapter = adapterOf(providerType);
  for (const [index, { parts, role }] of messages.entries()) {
    for (const [partIndex, part] of parts.entries()) {
      const refused = part.type === "text" ? undefined : adapter.refusesPart(part, role, providerType);
      if (refused !== undefined) throw invalidField(`messages[${index}].parts[${partIndex}]`, refused);
    }
  }
}

/** Refuses an Llm that its owner has disabled. */
export function requireEnabled(llm: Readonly<Llm>): void {
  if (!llm.disabled) return;
  throw new Fault("LLM_DISABLED", `llm ${llm.id} is disabled; its owner enables it with UpdateLlm`, {
    metadata: { llmId: llm.id },
  });
}
