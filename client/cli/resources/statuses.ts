import type { JsonObject } from "@bufbuild/protobuf";
import type { Invocation } from "../invocation.ts";

/** Remarks that may be a mistake; what was merely inferred is in the thing itself, with its source. */
export function tellStatuses({ terminal }: Pick<Invocation, "terminal">, answer: JsonObject): void {
  for (const { code, message } of (answer.statuses ?? []) as JsonObject[]) {
    if (code !== "LLM_CAPABILITY_INFERRED") terminal.note(`note: ${message}`);
  }
}
