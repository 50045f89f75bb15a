import type { ServedModel } from "./adapter.ts";
import type { Target } from "./provider-types.ts";

/** Whether a reply's model is none that the name that was asked for could stand for, as far as names tell. */
export function isOtherModel(asked: string, replied: string): boolean {
  if (replied === "") return false;
  const [one, other] = [plain(asked), plain(replied)];
  return !one.includes(other) && !other.includes(one);
}

/** Words of which a model's name has the one of its family; of several, as a distilled model has, any. */
const FAMILIES =
  /gpt|claude|gemini|gemma|llama|mi[sx]tral|qwen|deepseek|grok|command-?r|glm|kimi|phi-?\d|nova|minimax|nemotron|granite/g;

/** Whether both names tell a family, and not the same one. */
export function isOtherFamily(asked: string, replied: string): boolean {
  const [ones, others] = [familiesIn(asked), familiesIn(replied)];
  return ones.length > 0 && others.length > 0 && !ones.some((family) => others.includes(family));
}

function familiesIn(name: string): readonly string[] {
  return plain(name).match(FAMILIES) ?? [];
}

/** Without what stands around a name: a vendor before it, a tag, a file's path and ending. */
function plain(name: string): string {
  const last = name.toLowerCase().split("/").at(-1) ?? "";
  return last.replace(/\.gguf$/, "").replace(/:[\w.-]+$/, "");
}

/** Whether a list has a model by its name or an alias of it; a pattern stands for whatever there is. */
export function isServed(models: readonly ServedModel[], { model, providerType }: Target): boolean {
  const names = [model, ...(providerType === "OLLAMA" ? [`${model}:latest`, model.replace(/:latest$/, "")] : [])];
  return models.some(({ id, aliases }) => id.includes("*") || [id, ...aliases].some((name) => names.includes(name)));
}
