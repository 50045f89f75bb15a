import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isObject } from "../../resources/input.ts";
import { Findings } from "../findings.ts";
import { type Imported, listIn, perMillion, providerNameOf, slugOf } from "../imported.ts";
import type { Variables } from "../variables.ts";
import { VENDORS, vendorAt } from "../vendors.ts";

/** Langfuse's adapters in the words of our list of vendors; what is not here speaks an API of its own. */
const VENDOR_OF: Readonly<Record<string, string>> = {
  openai: "openai",
  anthropic: "anthropic",
  azure: "azure",
  "google-ai-studio": "gemini",
};

/**
 * Reads what Langfuse's public API says of LLM connections (GET /api/public/llm-connections) and, if given, of models and
 * their prices (GET /api/public/models). A connection becomes a Provider, each of its custom models an Llm. Their keys are
 * in neither; --env-file may have one as NAME_API_KEY, by the name of the connection.
 */
export function importLangfuse(connections: JsonObject, models: JsonObject, variables: Variables): Imported {
  const findings = new Findings();
  const importer = new LangfuseImporter(findings, variables);
  for (const [index, connection] of listIn(connections.data).entries()) {
    importer.addConnection(connection, `data[${index}]`);
  }
  findings.refuseOthers(connections, "", ["data"], "it is about the list itself");
  const priced = new Map<string, JsonObject>();
  for (const [index, model] of listIn(models.data).entries())
    importer.readPrices(model, `models.data[${index}]`, priced);
  findings.refuseOthers(models, "models", ["data"], "it is about the list itself");
  const { llms, providers } = importer;
  return { llms, providers, routes: [], keys: [], findings: findings.all };
}

class LangfuseImporter {
  readonly llms: JsonObject[] = [];
  readonly providers: JsonObject[] = [];
  readonly #findings: Findings;
  readonly #variables: Variables;

  constructor(findings: Findings, variables: Variables) {
    this.#findings = findings;
    this.#variables = variables;
  }

  addConnection(connection: JsonValue, path: string) {
    if (!isObject(connection)) return this.#findings.refuse(connection, path, "it is no connection");
    const { provider: called, adapter, baseURL, displaySecretKey, customModels, withDefaultModels } = connection;
    const prefix = VENDOR_OF[String(adapter)] ?? "";
    const vendor = VENDORS[prefix];
    if (!vendor) return this.#findings.refuse(connection, path, `Patchbay does not speak the API of ${adapter}`);
    if (prefix === "azure" && !baseURL)
      return this.#findings.refuse(connection, path, "its address is not in the export");
    const name = providerNameOf(String(called));
    const address = baseURL ? String(baseURL) : vendor.endpointUrl;
    const reach = address === undefined ? { ...vendor, endpointUrl: undefined } : vendorAt(prefix, address);
    const { providerType, endpointUrl } = reach;
    const provider: JsonObject = { name, providerType, ...(endpointUrl ? { endpointUrl } : {}) };
    this.providers.push(provider);
    this.#findings.take(`${path}.provider`, name === called ? "taken" : "taken as", `Provider ${name}`);
    this.#findings.take(`${path}.adapter`, "taken as", `providerType ${providerType}`);
    if (baseURL) this.#findings.take(`${path}.baseURL`, "taken as", `endpointUrl ${endpointUrl}`);
    else if (baseURL !== undefined) this.#findings.take(`${path}.baseURL`, "not taken", "it is empty");
    if (displaySecretKey !== undefined) this.#readKey(provider, vendor.headerName, `${path}.displaySecretKey`);
    if (withDefaultModels !== undefined) {
      const told = withDefaultModels
        ? `which they are is not in the export: make Llms of Provider ${name} one by one`
        : "it has its own only";
      this.#findings.take(`${path}.withDefaultModels`, withDefaultModels ? "not taken" : "taken", told);
    }
    for (const [index, model] of listIn(customModels).map(String).entries()) {
      const place = `${path}.customModels[${index}]`;
      const alias = this.#aliasFor(model, name);
      this.llms.push({ alias, displayName: model, providerId: name, modelIdentifier: model });
      this.#findings.take(place, alias === model ? "taken" : "taken as", `Llm ${alias}`);
    }
    if (Array.isArray(customModels) && customModels.length === 0)
      this.#findings.take(`${path}.customModels`, "taken", "there are none");
    const known = ["provider", "adapter", "baseURL", "displaySecretKey", "customModels", "withDefaultModels"];
    this.#findings.refuseOthers(connection, path, known, (place) =>
      place.includes("extraHeaderKeys")
        ? "their values are not in the export: set clientConfig.headers"
        : "it is Langfuse's own",
    );
  }

  #readKey(provider: JsonObject, headerName: string | undefined, path: string) {
    const variable = `${String(provider.name)
      .toUpperCase()
      .replace(/[^A-Z0-9]+/g, "_")}_API_KEY`;
    const secret = this.#variables.get(variable);
    const header: JsonObject = headerName ? { headerName, prefix: "" } : {};
    if (secret) provider.credentials = { apiKey: { ...header, inlineSecret: secret } };
    const told = secret
      ? `the key that ${variable} has in --env-file`
      : `Langfuse exports no key: put it into --env-file as ${variable}, or patchbay providers edit ${provider.name} --key-env NAME`;
    this.#findings.take(path, secret ? "taken as" : "not taken", told);
  }

  #aliasFor(model: string, provider: string): string {
    const isTaken = (alias: string) => this.llms.some((llm) => llm.alias === alias);
    return isTaken(slugOf(model)) ? slugOf(`${provider}/${model}`) : slugOf(model);
  }

  /** The price of a model, where an Llm of that name was taken; a project's own before those that Langfuse brings. */
  readPrices(model: JsonValue, path: string, priced: Map<string, JsonObject>) {
    if (!isObject(model)) return this.#findings.refuse(model, path, "it is no model");
    const { modelName, unit, inputPrice, outputPrice, isLangfuseManaged } = model;
    const wanted = this.llms.filter(({ modelIdentifier }) => modelIdentifier === modelName);
    const before = priced.get(String(modelName));
    const refusal =
      (wanted.length === 0 && "no Llm of this model was taken") ||
      (unit && unit !== "TOKENS" && `it is for ${unit}, and prices here are for tokens`) ||
      (before &&
        (isLangfuseManaged === true || before.isLangfuseManaged !== true) &&
        "another definition of this model was taken");
    const price: JsonObject = {};
    for (const [kind, dollars] of Object.entries({ input: inputPrice, output: outputPrice })) {
      const rate = dollars === undefined ? undefined : perMillion(dollars);
      if (rate !== undefined) price[kind] = rate;
    }
    if (refusal || Object.keys(price).length === 0)
      return this.#findings.refuse(model, path, refusal || "it has no flat price");
    priced.set(String(modelName), model);
    for (const llm of wanted) llm.price = price;
    this.#findings.take(`${path}.modelName`, "taken as", "the Llms of this model");
    for (const [kind, rate] of Object.entries(price)) {
      this.#findings.take(`${path}.${kind}Price`, "taken as", `price.${kind} ${rate} (dollars for a million tokens)`);
    }
    if (unit !== undefined) this.#findings.take(`${path}.unit`, "taken", "tokens");
    const known = ["modelName", "unit", ...Object.keys(price).map((kind) => `${kind}Price`)];
    this.#findings.refuseOthers(model, path, known, "it is Langfuse's own");
  }
}
