import type { AskRoot, ModelAbilities, ServedModel } from "../models/adapter.ts";
import { asBoolean, asCount, asObject, type JsonObject } from "../models/json-value.ts";

/**
 * What llama-server says of its model at `/props`: what its template can do, what it sees and hears, and the context of a slot,
 * which is what a request may take. A router of several models has none of its own there.
 *
 * Seen in b10434 and b11434, 2026-11-29.
 */
export async function llamaCppDetails(
  ask: AskRoot,
  models: readonly ServedModel[],
): Promise<ReadonlyMap<string, Partial<ModelAbilities>>> {
  const [only] = models;
  const props = models.length === 1 ? await ask("/props") : undefined;
  return new Map(only && props ? [[only.id, readProps(props)]] : []);
}

function readProps(props: JsonObject): Partial<ModelAbilities> {
  const caps = asObject(props.chat_template_caps);
  const modalities = asObject(props.modalities);
  return {
    maxContextLength: asCount(asObject(props.default_generation_settings)?.n_ctx),
    supportsFunctionCalling: asBoolean(caps?.supports_tools),
    inputModalities: modalities && [
      "text",
      ...(modalities.vision === true ? ["image"] : []),
      ...(modalities.audio === true ? ["audio"] : []),
    ],
  };
}
