import type { ModelEnding } from "../domain/models/model-state.ts";

const STATE = "patchbay-model-state";
const RETIRES_AT = "patchbay-model-retires-at";
const SUCCESSOR = "patchbay-model-successor";

/** The headers by which replies tell that their model ends, with what they say. */
export const MODEL_HEADERS: Readonly<Record<string, string>> = {
  [STATE]: "What has become of the model: DEPRECATED, RETIRED or MISSING. Absent of a model that goes on.",
  [RETIRES_AT]: "The last day of that model, a date such as 2026-12-01, if it is known.",
  [SUCCESSOR]: "The model to use instead, if it is known.",
};

/** Tells it in the headers of a reply; of a model that goes on, nothing is told. */
export function tellEnding(header: Headers, ending: ModelEnding | undefined): void {
  if (!ending) return;
  header.set(STATE, ending.state);
  if (ending.retiresAt) header.set(RETIRES_AT, ending.retiresAt);
  if (ending.successor) header.set(SUCCESSOR, ending.successor);
}
