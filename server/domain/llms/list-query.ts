import type { LlmFilter, LlmOrder } from "../../store/llm-list.ts";
import type { ListKey } from "../lists/page-token.ts";

/** Which Llms, in which order. */
export interface Query {
  readonly filter: LlmFilter;
  readonly order: LlmOrder;
  readonly descending: boolean;
}

/** What a page token of a list of Llms is bound to. */
export function listKeyOf({ filter, order, descending }: Query): ListKey {
  const { ownerId, providerType, status, modelState, labels, search, showDeleted } = filter;
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  return ["llms", ownerId, providerType, status, modelState, sorted, search, showDeleted, order, descending];
}
