import { Fault } from "../../base/fault.ts";
import type { Llm } from "../../store/llm.entity.ts";
import type { ModelRequest } from "../../upstream/conversation.ts";
import { providers } from "../../upstream/providers.ts";
import { providerTypeOf } from "../llms/llm-values.ts";

/** Refuses a chat that an Llm is not there for, before anything is sent. */
export function requireServed(llm: Readonly<Llm>, { responseFormat }: ModelRequest): void {
  if (llm.disabled) {
    throw new Fault("LLM_DISABLED", `llm ${llm.id} is disabled; its owner enables it with UpdateLlm`, {
      metadata: { llmId: llm.id },
    });
  }
  const providerType = providerTypeOf(llm);
  if (responseFormat && !providers[providerType].adapter.responseFormats.has(responseFormat.type)) {
    throw new Fault(
      "RESPONSE_FORMAT_NOT_SUPPORTED",
      `the API of ${providerType} has no JSON_OBJECT; ask for JSON_SCHEMA with a schema, or for JSON in a message`,
      { metadata: { llmId: llm.id } },
    );
  }
}
