import type { Llm } from "./llm.entity.ts";
import type { EntityManager } from "./store.ts";

/** The columns of an Llm that say what is known of its model. */
export type KnownModel = Pick<
  Llm,
  "modelState" | "model" | "capabilities" | "maxContextLength" | "supportedModalities" | "supportsWebSearch"
>;

/** Keeps what is known of the model of an Llm that is locked; this is no change by the owner. */
export async function keepModel(em: EntityManager, id: string, known: KnownModel): Promise<void> {
  const { modelState, model, capabilities, maxContextLength, supportedModalities, supportsWebSearch } = known;
  await em.execute(
    `update llm set model_state = ?, model = ?, capabilities = ?, max_context_length = ?, supported_modalities = ?,
       supports_web_search = ? where id = ?`,
    [
      modelState,
      JSON.stringify(model),
      JSON.stringify(capabilities),
      maxContextLength,
      `{${supportedModalities.join(",")}}`,
      supportsWebSearch,
      id,
    ],
  );
}
