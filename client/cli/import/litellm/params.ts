import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isObject } from "../../resources/input.ts";
import type { Findings } from "../findings.ts";
import { perMillion } from "../imported.ts";
import { readKey, resolve, type Variables, type Written } from "../variables.ts";
import { VENDORS, vendorAt } from "../vendors.ts";

const SAMPLING: Readonly<Record<string, string>> = {
  temperature: "temperature",
  top_p: "topP",
  top_k: "topK",
  max_tokens: "maxTokens",
  max_completion_tokens: "maxTokens",
  frequency_penalty: "frequencyPenalty",
  presence_penalty: "presencePenalty",
  stop: "stopSequences",
};

/** Dollars for one token there, for a million here. */
const PRICES: Readonly<Record<string, string>> = {
  input_cost_per_token: "input",
  output_cost_per_token: "output",
  cache_read_input_token_cost: "cacheRead",
  cache_creation_input_token_cost: "cacheWrite",
  output_cost_per_reasoning_token: "reasoning",
};

const PASSED_ON = new Set(["seed", "reasoning_effort", "thinking", "logit_bias", "user", "service_tier"]);

const NOT_TAKEN: Readonly<Record<string, string>> = {
  rpm: "limits are of API keys and accounts, not of Llms",
  tpm: "limits are of API keys and accounts, not of Llms",
  timeout: "a call's deadline is its caller's",
  stream_timeout: "a call's deadline is its caller's",
  max_retries: "a call that failed is the caller's to repeat",
  api_version: "Azure's v1 API has none",
};

const NO_COUNTERPART = "it has no counterpart";

/** Reads what a model of LiteLLM says into fields of an Llm, and tells what became of each. */
export class LitellmParams {
  readonly #variables: Variables;
  readonly #findings: Findings;

  constructor(variables: Variables, findings: Findings) {
    this.#variables = variables;
    this.#findings = findings;
  }

  /** One of litellm_params. */
  readParam(llm: JsonObject, prefix: string, key: string, value: JsonValue, path: string) {
    const sampling = SAMPLING[key];
    // Its address was read before all else.
    if (key === "api_base" || key === "base_url")
      return this.#findings.take(path, "taken as", `endpointUrl ${llm.endpointUrl}`);
    if (key === "api_key") return this.readKey(llm, value, VENDORS[prefix]?.headerName, path);
    if (PRICES[key]) return this.#readPrice(llm, key, value, path);
    if (sampling) {
      const given = sampling === "stopSequences" && !Array.isArray(value) ? [value] : value;
      llm.defaultSamplingParams = { ...(llm.defaultSamplingParams as JsonObject), [sampling]: given };
      return this.#findings.take(path, "taken as", `defaultSamplingParams.${sampling}`);
    }
    const isKnown = isObject(value) && !Object.values(value).some((each) => variableOf(each));
    if (key === "extra_headers" && isKnown) return this.#readHeaders(llm, value, path);
    if (key === "organization" && typeof value === "string" && !variableOf(value))
      return this.#readHeaders(llm, { "OpenAI-Organization": value }, path);
    if (PASSED_ON.has(key)) {
      llm.clientConfig = { ...(llm.clientConfig as JsonObject), [key]: value };
      return this.#findings.take(path, "taken as", `clientConfig.${key}`);
    }
    this.#findings.refuse(value, path, NOT_TAKEN[key] ?? NO_COUNTERPART);
  }

  /** What model_info says. */
  readInfo(llm: JsonObject, info: JsonObject, path: string) {
    for (const [key, value] of Object.entries(info)) {
      const place = `${path}.${key}`;
      if (PRICES[key]) this.#readPrice(llm, key, value ?? null, place);
      else if (key === "max_input_tokens" && typeof value === "number") {
        llm.maxContextLength = value;
        this.#findings.take(place, "taken as", "maxContextLength");
      } else if (key === "supports_function_calling" && typeof value === "boolean") {
        llm.capabilities = { supportsFunctionCalling: value };
        this.#findings.take(place, "taken as", "capabilities.supportsFunctionCalling");
      } else if (key === "mode") this.#findings.take(place, "taken", "an Llm is a model to chat with");
      else this.#findings.refuse(value, place, NO_COUNTERPART);
    }
  }

  readKey(target: JsonObject, value: JsonValue, headerName: string | undefined, path: string) {
    const { credentials, verdict, message } = readKey(writtenIn(value), this.#variables, headerName);
    if (credentials) target.credentials = credentials;
    this.#findings.take(path, verdict, message);
  }

  /** The address of an endpoint; undefined for one that is not known here, and the default of its vendor without one. */
  addressOf(
    params: JsonObject,
    prefix: string,
  ): { readonly isKnown: boolean; readonly vendor: ReturnType<typeof vendorAt> | undefined } {
    const given = params.api_base ?? params.base_url ?? null;
    if (given === null) return { isKnown: true, vendor: undefined };
    const address = resolve(writtenIn(given), this.#variables);
    const isKnown = address !== undefined && /^https?:$/.test(URL.canParse(address) ? new URL(address).protocol : "");
    return { isKnown, vendor: isKnown ? vendorAt(prefix, address) : undefined };
  }

  #readPrice(target: JsonObject, key: string, value: JsonValue, path: string) {
    const kind = PRICES[key] as string;
    const rate = perMillion(value);
    if (rate === undefined) return this.#findings.take(path, "not taken", "it is no price");
    target.price = { ...(target.price as JsonObject), [kind]: rate };
    this.#findings.take(path, "taken as", `price.${kind} ${rate} (dollars for a million tokens)`);
  }

  #readHeaders(llm: JsonObject, headers: JsonObject, path: string) {
    const before = isObject(llm.clientConfig) ? llm.clientConfig : {};
    llm.clientConfig = { ...before, headers: { ...(before.headers as JsonObject), ...headers } };
    this.#findings.take(path, "taken as", `clientConfig.headers (${Object.keys(headers).join(", ")})`);
  }
}

function writtenIn(value: JsonValue | undefined): Written {
  return { text: String(value ?? ""), variable: variableOf(value) };
}

/** The variable that a value stands for. */
function variableOf(value: JsonValue | undefined): string | undefined {
  return typeof value === "string" ? /^os\.environ\/(.+)$/.exec(value)?.[1] : undefined;
}
