import type { ModelEnding } from "../domain/models/model-state.ts";

const STATE = "patchbay-model-state";
const RETIRES_AT = "patchbay-model-retires-at";
const SUCCESSOR = "patchbay-model-successor";

/** The headers by which replies tell that their model ends. */
export const MODEL_HEADERS: readonly string[] = [STATE, RETIRES_AT, SUCCESSOR];

/** Tells it in the headers of a reply; of a model that goes on, nothing is told. */
export function tellEnding(header: Headers, ending: ModelEnding | undefined): void {
  if (!ending) return;
  header.set(STATE, ending.state);
  if (ending.retiresAt) header.set(RETIRES_AT, ending.retiresAt);
  if (ending.successor) header.set(SUCCESSOR, ending.successor);
}
