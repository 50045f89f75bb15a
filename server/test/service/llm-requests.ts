import type { MessageInitShape } from "@bufbuild/protobuf";
import { Llm_ProviderType } from "../../../gen/patchbay/v1/llm_pb.ts";
import type { CreateLlmRequestSchema } from "../../../gen/patchbay/v1/llm_service_pb.ts";

/** The request as a plain object. */
export type LlmRequest = Exclude<MessageInitShape<typeof CreateLlmRequestSchema>, { $typeName: string }>;

let count = 0;

/** A request for an Llm like no other before, with what a test wants to say itself. */
export function llmRequest(said: LlmRequest = {}): LlmRequest {
  count++;
  return {
    displayName: `Llm ${count}`,
    providerType: Llm_ProviderType.CUSTOM_OPENAI_COMPATIBLE,
    endpointUrl: `https://llm-${count}.example.com/v1`,
    modelIdentifier: "some-model",
    ...said,
  };
}

/** Credentials with a key. */
export function apiKey(inlineSecret: string) {
  return { apiKey: { source: { case: "inlineSecret" as const, value: inlineSecret } } };
}

/** Credentials whose key is kept elsewhere. */
export function secretRef(uri: string) {
  return { apiKey: { source: { case: "secretRef" as const, value: { uri } } } };
}
