import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isObject } from "../resources/input.ts";
import { readModel, VENDORS } from "./litellm-models.ts";
import { type Member, namesOfRoutes, routesOf, withoutRoutes } from "./litellm-routes.ts";

/** What became of one field of the other's configuration. */
export interface Finding {
  readonly path: string;
  readonly verdict: "taken" | "taken as" | "not taken";
  readonly message: string;
}

/** A manifest that does what another's configuration does, and what became of each of its fields. */
export interface Imported {
  readonly llms: JsonObject[];
  readonly providers: JsonObject[];
  readonly routes: JsonObject[];
  readonly findings: readonly Finding[];
}

/** Reads LiteLLM's config.yaml. Variables are those of --env-file: their secrets are taken along; others stay references. */
export function importLitellm(config: JsonObject, variables: ReadonlyMap<string, string>): Imported {
  const importer = new LitellmImporter(variables, namesOfRoutes(config));
  const models = Array.isArray(config.model_list) ? config.model_list : [];
  for (const [index, entry] of models.entries()) importer.addModel(entry, `model_list[${index}]`);
  importer.addRoutes(config);
  for (const [key, value] of Object.entries(withoutRoutes(config))) {
    if (key !== "model_list") importer.refuseAll(value ?? null, key, REASONS[key] ?? "it has no counterpart");
  }
  return importer;
}

const REASONS: Readonly<Record<string, string>> = {
  general_settings: "it is about LiteLLM's own server; see patchbay serve --help",
  router_settings: "it is about LiteLLM's own router: a route here tries the next tier by itself",
  environment_variables: "set them in the server's environment, and allow them with SECRET_REFS",
  litellm_settings: "it is about LiteLLM's own behaviour",
};

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
  rpm: "limits are of API keys (CHATS_PER_MINUTE), not of Llms",
  tpm: "limits are of API keys, not of Llms",
  timeout: "a call's deadline is its caller's",
  stream_timeout: "a call's deadline is its caller's",
  max_retries: "a call that failed is the caller's to repeat",
  api_version: "Azure's v1 API has none",
};

class LitellmImporter implements Imported {
  readonly llms: JsonObject[] = [];
  readonly providers: JsonObject[] = [];
  readonly findings: Finding[] = [];
  routes: JsonObject[] = [];
  readonly #variables: ReadonlyMap<string, string>;
  readonly #namesOfRoutes: ReadonlySet<string>;
  /** What became of the models of each name. */
  readonly #groups = new Map<string, Member[]>();

  constructor(variables: ReadonlyMap<string, string>, names: ReadonlySet<string>) {
    this.#variables = variables;
    this.#namesOfRoutes = names;
  }

  /** What stands over the models that were added. */
  addRoutes(config: JsonObject): void {
    this.routes = routesOf(config, this.#groups, slugOf, (path, verdict, message) =>
      this.#take(path, verdict, message),
    );
  }

  addModel(entry: JsonValue, path: string) {
    if (!isObject(entry) || !isObject(entry.litellm_params)) {
      return this.refuseAll(entry, path, "it has no litellm_params");
    }
    const { model_name, litellm_params: params, model_info, ...rest } = entry;
    const { prefix, name } = readModel(String(params.model ?? ""));
    const vendor = VENDORS[prefix];
    const mode = isObject(model_info) ? model_info.mode : undefined;
    if (!vendor) return this.refuseAll(entry, path, `Patchbay does not speak the API of ${prefix}`);
    if (mode !== undefined && mode !== "chat" && mode !== "responses") {
      return this.refuseAll(entry, path, `an Llm is a model to chat with, and this is one for ${mode}`);
    }
    if (name === "*" || name === "") return this.#addWildcard(entry, prefix, path);
    const llm: JsonObject = { providerType: vendor.providerType, modelIdentifier: name };
    this.#take(`${path}.litellm_params.model`, "taken as", `${vendor.providerType} ${name}`);
    this.#readName(llm, String(model_name ?? name), path, params.weight);
    for (const [key, value] of Object.entries(params)) {
      if (key === "weight") this.#readWeight(value ?? null, `${path}.litellm_params.weight`, String(model_name));
      else if (key !== "model") this.#readParam(llm, prefix, key, value ?? null, `${path}.litellm_params.${key}`);
    }
    if (llm.endpointUrl === undefined && vendor.endpointUrl) llm.endpointUrl = vendor.endpointUrl;
    if (isObject(model_info)) this.#readInfo(llm, model_info, `${path}.model_info`);
    for (const [key, value] of Object.entries(rest))
      this.refuseAll(value ?? null, `${path}.${key}`, "it has no counterpart");
    this.llms.push(llm);
  }

  /** Every leaf of a value, with one reason. */
  refuseAll(value: JsonValue, path: string, reason: string): void {
    const inner: [string, JsonValue | undefined][] = Array.isArray(value)
      ? value.map((each, index) => [`${path}[${index}]`, each])
      : isObject(value)
        ? Object.entries(value).map(([key, each]) => [`${path}.${key}`, each])
        : [];
    if (inner.length === 0) this.#take(path, "not taken", reasonOf(path) ?? reason);
    for (const [place, each] of inner) this.refuseAll(each ?? null, place, reason);
  }

  /** All models of a vendor: its account is taken as a Provider, for Llms to be made of. */
  #addWildcard(entry: JsonObject, prefix: string, path: string) {
    const params = entry.litellm_params as JsonObject;
    const vendor = VENDORS[prefix];
    const isThere = this.providers.some(({ name }) => name === prefix);
    if (isThere || !vendor) return this.refuseAll(entry, path, "its vendor's Provider is there already; name a model");
    const provider: JsonObject = { name: prefix.replaceAll("_", "-"), providerType: vendor.providerType };
    if (vendor.endpointUrl) provider.baseUrl = vendor.endpointUrl;
    const { api_key, api_base, model: _, ...rest } = params;
    this.#take(
      `${path}.litellm_params.model`,
      "taken as",
      `Provider ${provider.name}; make Llms of its models one by one`,
    );
    if (entry.model_name !== undefined)
      this.#take(`${path}.model_name`, "not taken", "an Llm has one model, never all of a vendor");
    if (typeof api_base === "string") {
      provider.baseUrl = api_base;
      this.#take(`${path}.litellm_params.api_base`, "taken as", "baseUrl");
    }
    if (api_key !== undefined) this.#readKey(provider, api_key, undefined, `${path}.litellm_params.api_key`);
    for (const [key, value] of Object.entries(rest))
      this.refuseAll(value ?? null, `${path}.litellm_params.${key}`, "a Provider has none");
    if (entry.model_info !== undefined) this.refuseAll(entry.model_info, `${path}.model_info`, "a Provider has none");
    this.providers.push(provider);
  }

  #readWeight(value: JsonValue, path: string, modelName: string): void {
    if (this.#namesOfRoutes.has(modelName)) this.#take(path, "taken as", "its weight in the route");
    else this.refuseAll(value, path, "it is alone by its name");
  }

  #readName(llm: JsonObject, modelName: string, path: string, weight: JsonValue | undefined): void {
    const slug = slugOf(modelName);
    const taken = new Set(this.llms.map(({ alias }) => alias));
    const isOfRoute = this.#namesOfRoutes.has(modelName);
    // The name itself is the route's.
    let alias = isOfRoute ? `${slug}-1` : slug;
    for (let count = 2; taken.has(alias); count++) alias = `${slug}-${count}`;
    llm.alias = alias;
    const isWeight = typeof weight === "number" && Number.isInteger(weight) && weight >= 0 && weight <= 10_000;
    const member = { alias, weight: isWeight ? weight : undefined };
    this.#groups.set(modelName, [...(this.#groups.get(modelName) ?? []), member]);
    llm.displayName = alias === slug ? modelName : `${modelName} (${alias.slice(slug.length + 1)})`;
    if (alias === modelName) this.#take(`${path}.model_name`, "taken", "as the alias");
    else if (alias === slug) this.#take(`${path}.model_name`, "taken as", `alias ${alias}`);
    else this.#take(`${path}.model_name`, "taken as", isOfRoute ? `${alias} of the route ${slug}` : `alias ${alias}`);
  }

  #readParam(llm: JsonObject, prefix: string, key: string, value: JsonValue, path: string) {
    const sampling = SAMPLING[key];
    if (key === "api_base" || key === "base_url") return this.#readBase(llm, prefix, value, path);
    if (key === "api_key") return this.#readKey(llm, value, VENDORS[prefix]?.headerName, path);
    if (PRICES[key]) return this.#readPrice(llm, key, value, path);
    if (sampling) {
      const given = sampling === "stopSequences" && !Array.isArray(value) ? [value] : value;
      llm.defaultSamplingParams = { ...(llm.defaultSamplingParams as JsonObject), [sampling]: given };
      return this.#take(path, "taken as", `defaultSamplingParams.${sampling}`);
    }
    const isKnown = isObject(value) && !Object.values(value).some((each) => variableOf(each ?? null));
    if (key === "extra_headers" && isKnown) return this.#readHeaders(llm, value, path);
    if (key === "organization" && typeof value === "string")
      return this.#readHeaders(llm, { "OpenAI-Organization": value }, path);
    if (PASSED_ON.has(key)) {
      llm.clientConfig = { ...(llm.clientConfig as JsonObject), [key]: value };
      return this.#take(path, "taken as", `clientConfig.${key}`);
    }
    this.refuseAll(value, path, NOT_TAKEN[key] ?? "it has no counterpart");
  }

  #readBase(llm: JsonObject, prefix: string, value: JsonValue, path: string) {
    const given = this.#resolve(value);
    if (given === undefined)
      return this.#take(path, "not taken", "an address must be known here: give --env-file, or write it out");
    const suffix = VENDORS[prefix]?.suffix ?? "";
    const base = given.replace(/\/+$/, "");
    const url = base.endsWith(suffix) ? base : base + suffix;
    llm.endpointUrl = url;
    if (prefix === "openai" && !/^https:\/\/api\.openai\.com/.test(url)) llm.providerType = "CUSTOM_OPENAI_COMPATIBLE";
    this.#take(path, "taken as", `endpointUrl ${url}`);
  }

  #readKey(target: JsonObject, value: JsonValue, headerName: string | undefined, path: string) {
    const reference = variableOf(value);
    const header: JsonObject = headerName ? { headerName, prefix: "" } : {};
    const secret = this.#resolve(value);
    if (secret !== undefined && secret !== "") {
      target.credentials = { apiKey: { ...header, inlineSecret: secret } };
      return this.#take(
        path,
        "taken",
        reference ? `the key that ${reference} has in --env-file` : "the key, which is sealed",
      );
    }
    if (!reference) return this.#take(path, "not taken", "it is empty");
    target.credentials = { apiKey: { ...header, secretRef: { uri: `env://${reference}` } } };
    this.#take(path, "taken as", `env://${reference}: allow it on the server with SECRET_REFS`);
  }

  #readPrice(target: JsonObject, key: string, value: JsonValue, path: string) {
    const kind = PRICES[key] as string;
    const rate = (Number(value) * 1_000_000).toFixed(6).replace(/\.?0+$/, "");
    if (!Number.isFinite(Number(value))) return this.#take(path, "not taken", "it is no number");
    target.price = { ...(target.price as JsonObject), [kind]: rate };
    this.#take(path, "taken as", `price.${kind} ${rate} (dollars for a million tokens)`);
  }

  #readHeaders(llm: JsonObject, headers: JsonObject, path: string): void {
    const before = isObject(llm.clientConfig) ? llm.clientConfig : {};
    llm.clientConfig = { ...before, headers: { ...(before.headers as JsonObject), ...headers } };
    this.#take(path, "taken as", `clientConfig.headers (${Object.keys(headers).join(", ")})`);
  }

  #readInfo(llm: JsonObject, info: JsonObject, path: string): void {
    for (const [key, value] of Object.entries(info)) {
      const place = `${path}.${key}`;
      if (PRICES[key]) this.#readPrice(llm, key, value ?? null, place);
      else if (key === "max_input_tokens" && typeof value === "number") {
        llm.maxContextLength = value;
        this.#take(place, "taken as", "maxContextLength");
      } else if (key === "supports_function_calling" && typeof value === "boolean") {
        llm.capabilities = { supportsFunctionCalling: value };
        this.#take(place, "taken as", "capabilities.supportsFunctionCalling");
      } else if (key === "mode") this.#take(place, "taken", "an Llm is a model to chat with");
      else this.refuseAll(value ?? null, place, "it has no counterpart");
    }
  }

  /** A text, or the variable that it names, where that is known here. */
  #resolve(value: JsonValue): string | undefined {
    const reference = variableOf(value);
    return reference === undefined ? String(value ?? "") : this.#variables.get(reference);
  }

  #take(path: string, verdict: Finding["verdict"], message: string): void {
    this.findings.push({ path, verdict, message });
  }
}

/** A name as the contract takes it. */
function slugOf(modelName: string): string {
  const slug = modelName.toLowerCase().replace(/[^a-z0-9._/-]+/g, "-");
  return slug.replace(/^[^a-z0-9]+|[/.]+$/g, "").slice(0, 58) || "llm";
}

function variableOf(value: JsonValue): string | undefined {
  return typeof value === "string" ? /^os\.environ\/(.+)$/.exec(value)?.[1] : undefined;
}

/** What a path says by itself. */
function reasonOf(path: string): string | undefined {
  if (/fallbacks/.test(path)) return "a route has one list of tiers, whatever it was that failed";
  if (/callback|langfuse/.test(path)) return "traces go to OTEL_EXPORTER_OTLP_ENDPOINT";
  if (/master_key/.test(path)) return "Patchbay has keys of its own: patchbay keys create";
  if (/database_url/.test(path)) return "set DATABASE_URL, with a database of its own";
  return /budget/.test(path) ? "make one: patchbay budgets create" : undefined;
}
