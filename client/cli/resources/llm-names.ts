import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { LlmService } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import type { Connection } from "../calls/connection.ts";
import { isObject } from "./input.ts";
import { pagesOf } from "./pages.ts";

/** Rows in which Llms are named as people name them: by alias, or by name. The server is asked once. */
export async function* withLlmNames(
  connection: Connection,
  pages: AsyncIterable<readonly JsonObject[]>,
): AsyncGenerator<JsonObject[]> {
  const names = new Map<string, string>();
  let isKnown = false;
  for await (const page of pages) {
    if (!isKnown && page.length > 0) {
      const all = pagesOf(connection, { list: LlmService.method.listLlms, items: "llms" }, {});
      for await (const llms of all) {
        for (const { llmId, alias, displayName } of llms) names.set(String(llmId), String(alias || displayName));
      }
      isKnown = true;
    }
    yield page.map((row) => named(row, names) as JsonObject);
  }
}

/** A value with each llmId in it by its name. */
function named(value: JsonValue, names: ReadonlyMap<string, string>): JsonValue {
  if (Array.isArray(value)) return value.map((each) => named(each, names));
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([key, each = null]) => {
    const name = key === "llmId" ? names.get(String(each)) : undefined;
    return [key, name ?? named(each, names)] as const;
  });
  return Object.fromEntries(entries);
}
