import type { ModelAbilities, ModelDetails } from "../models/adapter.ts";
import { asBoolean, asCount, asObject, asObjects, asText, asTexts, type JsonObject } from "../models/json-value.ts";

/**
 * What LiteLLM says of its models: `{data: [{model_name, model_info}]}`, one for each deployment. A name that has several is
 * served by any of them, so of those only what all say counts, and the shortest context.
 */
export const liteLlmDetails: ModelDetails = {
  path: "/model/info",
  read(body: JsonObject): ReadonlyMap<string, ModelAbilities> {
    const deployments = Map.groupBy(asObjects(body.data), (deployment) => asText(deployment.model_name));
    return new Map([...deployments].map(([name, those]) => [name, abilitiesOf(those.map(infoOf))]));
  },
};

function infoOf(deployment: JsonObject): JsonObject {
  return asObject(deployment.model_info) ?? {};
}

function abilitiesOf(infos: readonly JsonObject[]): ModelAbilities {
  const contexts = infos.map(({ max_input_tokens }) => asCount(max_input_tokens));
  const sight = agreed(infos.map(({ supports_vision }) => asBoolean(supports_vision)));
  return {
    maxContextLength: contexts.includes(undefined) ? undefined : Math.min(...(contexts as number[])),
    supportsFunctionCalling: agreed(infos.map((info) => asBoolean(info.supports_function_calling))),
    supportsSamplingParameters: agreed(infos.map((info) => takesTemperature(asTexts(info.supported_openai_params)))),
    inputModalities: sight === undefined ? undefined : ["text", ...(sight ? ["image"] : [])],
  };
}

/** Of no list, nothing is known. */
function takesTemperature(parameters: readonly string[]): boolean | undefined {
  return parameters.length > 0 ? parameters.includes("temperature") : undefined;
}

/** Undefined where they differ, or one says nothing. */
function agreed(words: readonly (boolean | undefined)[]): boolean | undefined {
  return words.every((word) => word === words[0]) ? words[0] : undefined;
}
