import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isObject } from "../../resources/input.ts";
import { Findings, leavesOf } from "../findings.ts";
import { type Imported, providerNameOf, slugOf } from "../imported.ts";
import { readKey, resolve, type Variables, type Written } from "../variables.ts";
import { VENDORS, vendorAt } from "../vendors.ts";
import { readBifrostKeys } from "./keys.ts";
import { writtenIn } from "./written.ts";

/** How Bifrost calls vendors that LiteLLM, whose words our list has, calls otherwise. */
const VENDOR_OF: Readonly<Record<string, string>> = {
  vllm: "hosted_vllm",
  fireworks: "fireworks_ai",
  nvidia: "nvidia_nim",
  together: "together_ai",
};

const NO_COUNTERPART = "it has no counterpart";

/**
 * Reads Bifrost's config.json, of the schema that it publishes. A key of a vendor becomes a Provider, each model that the
 * key names an Llm called `vendor/model` as programs call it there, over several keys a route by their weights; virtual
 * keys become API keys with their limits.
 */
export function importBifrost(config: JsonObject, variables: Variables): Imported {
  const findings = new Findings();
  const importer = new BifrostImporter(findings, variables);
  const { providers: vendors, governance, version } = config;
  if (isObject(vendors)) for (const [name, value = null] of Object.entries(vendors)) importer.addVendor(name, value);
  else if (vendors !== undefined) findings.refuse(vendors, "providers", "it holds none");
  const { llms, providers, routes, models } = importer;
  const context = { models, variables, findings, isOld: version === 1 };
  const keys = isObject(governance) ? readBifrostKeys(governance, context) : [];
  if (version !== undefined) findings.take("version", "taken", "as what an empty list of models means");
  findings.refuseOthers(config, "", ["version", "providers", "governance"], "it is about Bifrost's own server");
  return { llms, providers, routes, keys, findings: findings.all };
}

/** A vendor as Bifrost has it, and how it is reached from here. */
interface Vendor {
  readonly name: string;
  readonly prefix: string;
  readonly url: Written | undefined;
  readonly path: string;
  readonly hasOneKey: boolean;
}

/** The Provider that a key became, with how much of the calls it takes. */
interface Account {
  readonly providerId: string;
  readonly weight: number | undefined;
}

class BifrostImporter {
  readonly llms: JsonObject[] = [];
  readonly providers: JsonObject[] = [];
  readonly routes: JsonObject[] = [];
  /** What models are called here, by vendor and model. */
  readonly models = new Map<string, ReadonlyMap<string, string>>();
  readonly #findings: Findings;
  readonly #variables: Variables;

  constructor(findings: Findings, variables: Variables) {
    this.#findings = findings;
    this.#variables = variables;
  }

  addVendor(name: string, fields: JsonValue) {
    const path = `providers.${name}`;
    if (!isObject(fields)) return this.#findings.refuse(fields, path, "it is no provider");
    const custom = isObject(fields.custom_provider_config) ? fields.custom_provider_config : {};
    const network = isObject(fields.network_config) ? fields.network_config : {};
    const prefix = String(custom.base_provider_type ?? VENDOR_OF[name] ?? name);
    if (!VENDORS[prefix]) return this.#findings.refuse(fields, path, `Patchbay does not speak the API of ${prefix}`);
    // One that asks for no key has none.
    const keys = Array.isArray(fields.keys) && fields.keys.length > 0 ? fields.keys : [{}];
    const url = network.base_url === undefined ? undefined : writtenIn(network.base_url);
    const vendor = { name, prefix, url, path, hasOneKey: keys.length === 1 };
    const accounts = new Map<string, Account[]>();
    for (const [index, key] of keys.entries()) this.#addKey(vendor, key, `${path}.keys[${index}]`, accounts);
    this.models.set(
      name,
      new Map([...accounts].map(([model, of]) => [model, this.#addModel(`${name}/${model}`, model, of)])),
    );
    if (url) this.#tell(network.base_url, `${path}.network_config.base_url`, "taken as", "endpointUrl");
    if (custom.base_provider_type !== undefined) {
      this.#findings.take(`${path}.custom_provider_config.base_provider_type`, "taken as", "providerType");
    }
    this.#findings.refuseOthers(network, `${path}.network_config`, ["base_url"], networkReason);
    this.#findings.refuseOthers(custom, `${path}.custom_provider_config`, ["base_provider_type"], NO_COUNTERPART);
    const known = ["keys", "network_config", "custom_provider_config"];
    this.#findings.refuseOthers(fields, path, known, NO_COUNTERPART);
  }

  #addKey(vendor: Vendor, key: JsonValue, path: string, accounts: Map<string, Account[]>) {
    if (!isObject(key)) return this.#findings.refuse(key, path, "it is no key");
    const azure = isObject(key.azure_key_config) ? key.azure_key_config : {};
    const reach = this.#reach(vendor, azure.endpoint);
    const label = String(key.name ?? key.id ?? this.providers.length);
    const providerId = providerNameOf(vendor.hasOneKey ? vendor.name : `${vendor.name}-${label}`);
    const refusal =
      (key.enabled === false && "the key is not in use") ||
      (!reach && "its address is not known here: give --env-file, or write it out") ||
      (this.providers.some(({ name }) => name === providerId) && `Provider ${providerId} is there already`);
    if (refusal || !reach) return this.#findings.refuse(key, path, String(refusal));

    const { endpointUrl, providerType, headerName } = reach;
    const provider: JsonObject = { name: providerId, providerType, ...(endpointUrl ? { endpointUrl } : {}) };
    this.providers.push(provider);
    for (const field of ["name", "id"]) {
      if (key[field] !== undefined) this.#findings.take(`${path}.${field}`, "taken as", `Provider ${providerId}`);
    }
    if (key.enabled !== undefined) this.#findings.take(`${path}.enabled`, "taken", "the key is in use");
    if (key.value !== undefined) {
      const { credentials, verdict, message } = readKey(writtenIn(key.value), this.#variables, headerName);
      if (credentials) provider.credentials = credentials;
      this.#tell(key.value, `${path}.value`, verdict, message);
    }
    if (azure.endpoint !== undefined)
      this.#tell(azure.endpoint, `${path}.azure_key_config.endpoint`, "taken as", "endpointUrl");
    // Of the shares there, whole numbers.
    const weight = typeof key.weight === "number" ? Math.round(key.weight * 100) : undefined;
    const weighs = vendor.hasOneKey ? "not needed: it is alone" : `the weight ${weight} in routes`;
    if (key.weight !== undefined) this.#findings.take(`${path}.weight`, "taken as", weighs);
    for (const [index, model] of (Array.isArray(key.models) ? key.models.map(String) : []).entries()) {
      const isAll = model === "*";
      const told = isAll ? `it means all: make Llms of Provider ${providerId} one by one` : `${vendor.name}/${model}`;
      this.#findings.take(`${path}.models[${index}]`, isAll ? "not taken" : "taken as", told);
      if (!isAll) accounts.set(model, [...(accounts.get(model) ?? []), { providerId, weight }]);
    }
    if (Array.isArray(key.models) && key.models.length === 0)
      this.#findings.refuse([], `${path}.models`, "it names none");
    this.#findings.refuseOthers(
      azure,
      `${path}.azure_key_config`,
      ["endpoint"],
      "Azure's v1 API takes a key and the model's name",
    );
    const known = ["name", "id", "enabled", "value", "weight", "models", "azure_key_config"];
    this.#findings.refuseOthers(key, path, known, NO_COUNTERPART);
  }

  /** How an endpoint is reached; undefined if its address is not known here. */
  #reach({ prefix, url }: Vendor, azureEndpoint: JsonValue | undefined) {
    const given = url ?? (azureEndpoint === undefined ? undefined : writtenIn(azureEndpoint));
    const address = given ? resolve(given, this.#variables) : VENDORS[prefix]?.endpointUrl;
    if (address) return vendorAt(prefix, address);
    const vendor = VENDORS[prefix];
    const hasDefault = given === undefined && vendor && vendor.providerType !== "CUSTOM_OPENAI_COMPATIBLE";
    return hasDefault ? { ...vendor, endpointUrl: undefined } : undefined;
  }

  /** A model that several keys serve is a route over them: its name is what programs say. */
  #addModel(called: string, modelIdentifier: string, accounts: readonly Account[]): string {
    const alias = slugOf(called);
    const isOne = accounts.length === 1;
    const targets = accounts.map(({ providerId, weight }, index) => {
      const own = isOne ? alias : `${alias}-${index + 1}`;
      const displayName = isOne ? called : `${called} (${index + 1})`;
      this.llms.push({ alias: own, displayName, providerId, modelIdentifier });
      return { llmId: own, ...(weight === undefined ? {} : { weight }) };
    });
    if (!isOne) this.routes.push({ name: alias, displayName: called, tiers: [{ targets }] });
    return alias;
  }

  #tell(value: JsonValue | undefined, path: string, verdict: "taken" | "taken as" | "not taken", message: string) {
    for (const leaf of leavesOf(value ?? null, path)) this.#findings.take(leaf.path, verdict, message);
  }
}

function networkReason(path: string): string {
  return path.includes("header")
    ? "set clientConfig.headers of its Llms"
    : "a call's deadline and retries are its caller's";
}
