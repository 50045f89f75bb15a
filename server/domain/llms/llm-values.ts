import { Fault } from "../../base/fault.ts";
import type { Llm } from "../../store/llm.entity.ts";
import type { ProviderType } from "../../upstream/target.ts";
import type { InferredModel } from "../models/inference.ts";

/** The column holds nothing else: what goes in is checked by the contract. */
export function providerTypeOf(llm: Readonly<Pick<Llm, "providerType">>): ProviderType {
  return llm.providerType as ProviderType;
}

/** What is inferred or declared of an Llm's model. */
export function inferredOf(llm: Readonly<Llm>): InferredModel {
  return {
    capabilities: llm.capabilities,
    maxContextLength: llm.maxContextLength ?? undefined,
    supportedModalities: llm.supportedModalities,
    inferred: llm.inferred,
  };
}

/** Names the version of an Llm that a change was made from. */
export function etagOf(llm: Readonly<Llm>): string {
  return `r${llm.revision}`;
}

/** Refuses a change that was made from another version. */
export function requireEtag(llm: Readonly<Llm>, etag: string): void {
  if (etag === "" || etag === etagOf(llm)) return;
  throw new Fault("ETAG_MISMATCH", `llm ${llm.id} has changed since ${etag}; get it again and repeat the change`, {
    metadata: { llmId: llm.id, etag: etagOf(llm) },
  });
}

/** Missing and not to be seen are the same. */
export function notFound(llmId: string): Fault {
  return new Fault("LLM_NOT_FOUND", `there is no llm ${llmId}`, { metadata: { llmId } });
}
