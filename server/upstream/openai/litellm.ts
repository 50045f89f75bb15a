import type { AskRoot, ListedPrice, ModelAbilities } from "../models/adapter.ts";
import { asBoolean, asCount, asObject, asObjects, asText, asTexts, type JsonObject } from "../models/json-value.ts";
import { perMillion } from "./billing.ts";

/**
 * What LiteLLM says of its models at `/v1/model/info`: `{data: [{model_name, model_info}]}`, one for each deployment. A name that
 * has several is served by any of them, so of those only what all say counts, and the shortest context.
 *
 * Seen in 1.108.7, 2026-11-29.
 */
export async function liteLlmDetails(ask: AskRoot): Promise<ReadonlyMap<string, ModelAbilities>> {
  return readModelInfo((await ask("/v1/model/info")) ?? {});
}

/** Reads the details of whichever models are there. */
export function readModelInfo(body: JsonObject): ReadonlyMap<string, ModelAbilities> {
  const deployments = Map.groupBy(asObjects(body.data), (deployment) => asText(deployment.model_name));
  return new Map([...deployments].map(([name, those]) => [name, abilitiesOf(those.map(infoOf))]));
}

function infoOf(deployment: JsonObject): JsonObject {
  return asObject(deployment.model_info) ?? {};
}

function abilitiesOf(infos: readonly JsonObject[]): ModelAbilities {
  const sight = agreed(infos.map(({ supports_vision }) => asBoolean(supports_vision)));
  return {
    maxContextLength: shortest(infos.map(({ max_input_tokens }) => asCount(max_input_tokens))),
    maxOutputTokens: shortest(infos.map(({ max_output_tokens }) => asCount(max_output_tokens))),
    supportsFunctionCalling: agreed(infos.map((info) => asBoolean(info.supports_function_calling))),
    supportsSamplingParameters: agreed(infos.map((info) => takesSampling(asTexts(info.supported_openai_params)))),
    inputModalities: sight === undefined ? undefined : ["text", ...(sight ? ["image"] : [])],
    price: agreedPrice(infos.map(priceIn)),
  };
}

/**
 * Of models that take only a temperature of 1 (o1, o3, gpt-5 …), LiteLLM lists `temperature` all the same, and of exactly these
 * not `top_p`. So the two together prove something, and one alone nothing. Of no list, nothing is known.
 */
function takesSampling(parameters: readonly string[]): boolean | undefined {
  if (parameters.length === 0 || parameters.includes("temperature") !== parameters.includes("top_p")) return undefined;
  return parameters.includes("temperature");
}

/** Prices of long prompts or of a tier, which would make the plain one wrong for some replies. */
const OTHER_PRICES = /^(input|output)_cost_per_token_(above|batches)/;

/** A price of 0 is also what it says of a model that it has none of. */
function priceIn(info: JsonObject): ListedPrice | undefined {
  const rate = (name: string) => perMillion(info[name]);
  const [input, output] = [rate("input_cost_per_token"), rate("output_cost_per_token")];
  const isPlain = !Object.entries(info).some(([name, value]) => OTHER_PRICES.test(name) && typeof value === "number");
  if (input === undefined || output === undefined || !isPlain || (input === "0" && output === "0")) return undefined;
  return {
    input,
    output,
    cacheRead: rate("cache_read_input_token_cost"),
    cacheWrite: rate("cache_creation_input_token_cost"),
  };
}

/** Undefined where one says nothing. */
function shortest(counts: readonly (number | undefined)[]): number | undefined {
  return counts.includes(undefined) ? undefined : Math.min(...(counts as number[]));
}

/** Undefined where they differ, or one says nothing. */
function agreed(words: readonly (boolean | undefined)[]): boolean | undefined {
  return words.every((word) => word === words[0]) ? words[0] : undefined;
}

function agreedPrice(prices: readonly (ListedPrice | undefined)[]): ListedPrice | undefined {
  const [first] = prices;
  return prices.every((price) => JSON.stringify(price) === JSON.stringify(first)) ? first : undefined;
}
