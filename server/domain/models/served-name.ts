import type { ServedModel } from "../../upstream/adapter.ts";
import type { ProviderType } from "../../upstream/target.ts";

/** A model, by its name at an endpoint of some type, and by the names that the model catalog has for it. */
export interface ModelName {
  readonly providerType: ProviderType;
  readonly name: string;
  readonly catalogNames: readonly string[];
}

/**
 * The entry of a list that is a model, if there is one. It is the same model if the names are the same, or if
 * - Ollama has it as `name:latest`, which can be left out;
 * - OpenRouter has it without `:nitro`, `:floor`, `:exacto` or `:online`, which any model takes and no list has; others,
 *   such as `:free`, are models of their own, and listed;
 * - LiteLLM has a pattern that it fits, such as `openai/*`, which serves whatever there is;
 * - the list or the model catalog says that one name is another one's alias.
 */
export function findServed(models: readonly ServedModel[], model: ModelName): ServedModel | undefined {
  const names = new Set(namesOf(model));
  return (
    models.find(({ id }) => id === model.name) ??
    models.find(({ id, aliases }) => names.has(id) || aliases.some((alias) => names.has(alias))) ??
    models.find(({ id }) => isPattern(id) && fits(id, model.name))
  );
}

/** Whether an entry stands for more than one model, and so says nothing of any. */
export function isPattern(id: string): boolean {
  return id.includes("*");
}

function namesOf({ providerType, name, catalogNames }: ModelName): string[] {
  return [name, ...catalogNames, ...variantsOf(providerType, name)];
}

function variantsOf(providerType: ProviderType, name: string): string[] {
  if (providerType === "OLLAMA") return name.includes(":") ? [name.replace(/:latest$/, "")] : [`${name}:latest`];
  if (providerType === "OPEN_ROUTER") return [name.replace(/:(nitro|floor|exacto|online)$/, "")];
  return [];
}

/** Piece by piece and not by a regular expression, which an endpoint could make take for ever. */
function fits(pattern: string, name: string): boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop() ?? "";
  if (!name.startsWith(first)) return false;
  let position = first.length;
  for (const piece of rest) {
    const found = name.indexOf(piece, position);
    if (found < 0) return false;
    position = found + piece.length;
  }
  return name.length - last.length >= position && name.endsWith(last);
}
