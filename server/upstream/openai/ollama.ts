import type { AskRoot, ModelAbilities, ServedModel } from "../models/adapter.ts";
import { asCount, asObject, asObjects, asText, asTexts, type JsonObject } from "../models/json-value.ts";

/** Each is asked of by itself. */
const MOST_ASKED = 20;

/**
 * What Ollama says of its models: at `/api/show` what each can do and the context that it was trained for, and at `/api/ps` the
 * context that runs, which is the shorter one and the one that counts. What does not run has none of those yet.
 *
 * Seen in 0.33.0-rc2, 2026-11-29.
 */
export async function ollamaDetails(
  ask: AskRoot,
  models: readonly ServedModel[],
): Promise<ReadonlyMap<string, Partial<ModelAbilities>>> {
  const running = asObjects((await ask("/api/ps"))?.models);
  const found = new Map<string, Partial<ModelAbilities>>();
  for (const { id } of models.slice(0, MOST_ASKED)) {
    const shown = await ask("/api/show", { model: id });
    const runs = running.find(({ name, model }) => asText(name) === id || asText(model) === id);
    const trained = shown && readShown(shown);
    found.set(id, { ...trained, maxContextLength: asCount(runs?.context_length) ?? trained?.maxContextLength });
    // An older server has no such path, and the next model none either.
    if (shown === undefined && runs === undefined && found.size === 1) break;
  }
  return found;
}

function readShown(shown: JsonObject): Partial<ModelAbilities> {
  const capabilities = asTexts(shown.capabilities);
  const info = asObject(shown.model_info) ?? {};
  const length = Object.entries(info).find(([name]) => name.endsWith(".context_length"))?.[1];
  if (capabilities.length === 0) return { maxContextLength: asCount(length) };
  return {
    maxContextLength: asCount(length),
    supportsFunctionCalling: capabilities.includes("tools"),
    inputModalities: [
      "text",
      ...(capabilities.includes("vision") ? ["image"] : []),
      ...(capabilities.includes("audio") ? ["audio"] : []),
    ],
  };
}
