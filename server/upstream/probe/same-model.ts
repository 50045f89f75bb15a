import type { ServedModel } from "../models/adapter.ts";
import type { Target } from "../models/provider-types.ts";

/** Whether a reply's model is none that the name that was asked for could stand for, as far as names tell. */
export function isOtherModel(asked: string, replied: string): boolean {
  if (replied === "") return false;
  const [one, other] = [plain(asked), plain(replied)];
  return !one.includes(other) && !other.includes(one);
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
