import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isObject } from "../../resources/input.ts";
import { Findings, leavesOf } from "../findings.ts";
import { type Imported, providerNameOf, slugOf } from "../imported.ts";
import { readModel, VENDORS, type Vendor } from "../vendors.ts";
import { type LitellmKeys, readLitellmKeys } from "./keys.ts";
import { LitellmParams } from "./params.ts";
import { type Member, namesOfRoutes, routesOf, withoutRoutes } from "./routes.ts";

/** Reads LiteLLM's config.yaml. Variables are those of --env-file: their secrets are taken along; others stay references. */
export function importLitellm(
  config: JsonObject,
  variables: ReadonlyMap<string, string>,
  keys?: LitellmKeys,
): Imported {
  const importer = new LitellmImporter(variables, namesOfRoutes(config));
  const models = Array.isArray(config.model_list) ? config.model_list : [];
  for (const [index, entry] of models.entries()) importer.addModel(entry, `model_list[${index}]`);
  const { llms, providers, findings } = importer;
  const routes = importer.routesOf(config);
  for (const [key, value] of Object.entries(withoutRoutes(config))) {
    if (key === "model_list" && models.length > 0) continue;
    findings.refuse(value, key, (path) => reasonOf(path) ?? REASONS[key] ?? NO_COUNTERPART);
  }
  const imported = keys ? readLitellmKeys(keys, importer.names(routes), findings) : [];
  return { llms, providers, routes, keys: imported, findings: findings.all };
}

const NO_ADDRESS = "its address must be known here, or its key went elsewhere: give --env-file, or write it out";
const NO_COUNTERPART = "it has no counterpart";

const REASONS: Readonly<Record<string, string>> = {
  general_settings: "it is about LiteLLM's own server; see patchbay serve --help",
  router_settings: "it is about LiteLLM's own router: a route here tries the next tier by itself",
  environment_variables: "set them in the server's environment, and allow them with SECRET_REFS",
  litellm_settings: "it is about LiteLLM's own behaviour",
};

class LitellmImporter {
  readonly llms: JsonObject[] = [];
  readonly providers: JsonObject[] = [];
  readonly findings = new Findings();
  readonly #params: LitellmParams;
  readonly #namesOfRoutes: ReadonlySet<string>;
  /** What became of the models of each name. */
  readonly #groups = new Map<string, Member[]>();
  /** The alias and the entry of each connection: an account has one Llm of it. */
  readonly #byConnection = new Map<string, { readonly alias: string; readonly entry: JsonObject }>();
  /** Other names of Llms. */
  readonly #otherNames: JsonObject[] = [];

  constructor(variables: ReadonlyMap<string, string>, names: ReadonlySet<string>) {
    this.#params = new LitellmParams(variables, this.findings);
    this.#namesOfRoutes = names;
  }

  /** What stands over the models that were added. */
  routesOf(config: JsonObject): JsonObject[] {
    return [...routesOf(config, this.#groups, slugOf, this.findings), ...this.#otherNames];
  }

  /** What a model that LiteLLM's keys name is called here: its route, or else its Llm. */
  names(routes: readonly JsonObject[]): ReadonlyMap<string, string> {
    const ofLlms = [...this.#groups].flatMap(([name, [first]]) => (first ? [[name, first.alias] as const] : []));
    const ofRoutes = routes.map(({ displayName, name }) => [String(displayName), String(name)] as const);
    return new Map([...ofLlms, ...ofRoutes]);
  }

  addModel(entry: JsonValue, path: string) {
    if (!isObject(entry) || !isObject(entry.litellm_params)) {
      return this.#refuse(entry, path, "it has no litellm_params");
    }
    const { model_name, litellm_params: params, model_info, ...rest } = entry;
    const { prefix, name } = readModel(String(params.model ?? ""));
    const vendor = VENDORS[prefix];
    const mode = isObject(model_info) ? model_info.mode : undefined;
    if (!vendor) return this.#refuse(entry, path, `Patchbay does not speak the API of ${prefix}`);
    if (mode !== undefined && mode !== "chat" && mode !== "responses") {
      return this.#refuse(entry, path, `an Llm is a model to chat with, and this is one for ${mode}`);
    }
    const address = this.#params.addressOf(params, prefix);
    if (!address.isKnown) return this.#refuse(entry, path, NO_ADDRESS);
    if (name.includes("*") || name === "") return this.#addWildcard(entry, prefix, address.vendor ?? vendor, path);
    const modelName = String(model_name ?? name);
    const connection = JSON.stringify([vendor, name, params.api_base ?? params.base_url ?? "", params.api_key ?? ""]);
    const twin = this.#byConnection.get(connection);
    if (twin) return this.#addName(twin, entry, modelName, path);

    const { providerType, endpointUrl } = address.vendor ?? vendor;
    const llm: JsonObject = { providerType, modelIdentifier: name, ...(endpointUrl ? { endpointUrl } : {}) };
    this.findings.take(`${path}.litellm_params.model`, "taken as", `${providerType} ${name}`);
    this.#readName(llm, modelName, path, params.weight);
    for (const [key, value = null] of Object.entries(params)) {
      if (key === "weight") this.#readWeight(value, `${path}.litellm_params.weight`, modelName);
      else if (key !== "model") this.#params.readParam(llm, prefix, key, value, `${path}.litellm_params.${key}`);
    }
    if (isObject(model_info)) this.#params.readInfo(llm, model_info, `${path}.model_info`);
    else if (model_info !== undefined) this.#refuse(model_info, `${path}.model_info`, "it is no object");
    for (const [key, value] of Object.entries(rest)) this.#refuse(value, `${path}.${key}`, NO_COUNTERPART);
    this.llms.push(llm);
    this.#byConnection.set(connection, { alias: String(llm.alias), entry });
  }

  /** A second model of a connection: another name of the first, whose settings hold. */
  #addName(twin: { alias: string; entry: JsonObject }, entry: JsonObject, modelName: string, path: string) {
    const { alias } = twin;
    this.#groups.set(modelName, [...(this.#groups.get(modelName) ?? []), { alias, weight: undefined }]);
    const slug = slugOf(modelName);
    const isAlone = !this.#namesOfRoutes.has(modelName) && slug !== alias;
    if (isAlone && !this.#otherNames.some(({ name }) => name === slug)) {
      this.#otherNames.push({ name: slug, displayName: modelName, tiers: [{ targets: [{ llmId: alias }] }] });
    }
    const { model_name, ...settings } = entry;
    const told = `the route ${slug}, to ${alias}: it reaches the same`;
    if (model_name !== undefined) this.findings.take(`${path}.model_name`, "taken as", told);
    const before = new Map(leavesOf(twin.entry, "").map((leaf) => [leaf.path, leaf.value]));
    for (const leaf of leavesOf(settings, "")) {
      if (before.get(leaf.path) === leaf.value)
        this.findings.take(`${path}.${leaf.path}`, "taken", `as that of ${alias}`);
      else this.#refuse(leaf.value, `${path}.${leaf.path}`, `${alias} reaches the same, with settings of its own`);
    }
  }

  #refuse(value: JsonValue | undefined, path: string, reason: string) {
    this.findings.refuse(value, path, (place) => reasonOf(place) ?? reason);
  }

  /** All models of a vendor: its account is taken as a Provider, for Llms to be made of. */
  #addWildcard(entry: JsonObject, prefix: string, { providerType, endpointUrl, headerName }: Vendor, path: string) {
    const params = entry.litellm_params as JsonObject;
    const name = providerNameOf(prefix);
    const isThere = this.providers.some((provider) => provider.name === name);
    if (isThere) return this.#refuse(entry, path, "its vendor's Provider is there already; name a model");
    const provider: JsonObject = { name, providerType, ...(endpointUrl ? { endpointUrl } : {}) };
    const { api_key, model: _, ...rest } = params;
    this.findings.take(
      `${path}.litellm_params.model`,
      "taken as",
      `Provider ${provider.name}; make Llms of its models one by one`,
    );
    if (entry.model_name !== undefined)
      this.findings.take(`${path}.model_name`, "not taken", "an Llm has one model, never all of a vendor");
    if (api_key !== undefined) this.#params.readKey(provider, api_key, headerName, `${path}.litellm_params.api_key`);
    for (const [key, value] of Object.entries(rest)) {
      const place = `${path}.litellm_params.${key}`;
      if (key === "api_base" || key === "base_url") this.findings.take(place, "taken as", `endpointUrl ${endpointUrl}`);
      else this.#refuse(value, place, "a Provider has none");
    }
    if (entry.model_info !== undefined) this.#refuse(entry.model_info, `${path}.model_info`, "a Provider has none");
    this.providers.push(provider);
  }

  #readWeight(value: JsonValue, path: string, modelName: string) {
    if (this.#namesOfRoutes.has(modelName)) this.findings.take(path, "taken as", "its weight in the route");
    else this.#refuse(value, path, "it is alone by its name");
  }

  #readName(llm: JsonObject, modelName: string, path: string, weight: JsonValue | undefined) {
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
    if (alias === modelName) this.findings.take(`${path}.model_name`, "taken", "as the alias");
    else if (alias === slug) this.findings.take(`${path}.model_name`, "taken as", `alias ${alias}`);
    else
      this.findings.take(
        `${path}.model_name`,
        "taken as",
        isOfRoute ? `${alias} of the route ${slug}` : `alias ${alias}`,
      );
  }
}

/** What a path says by itself. */
function reasonOf(path: string): string | undefined {
  if (/fallbacks/.test(path)) return "a route has one list of tiers, whatever it was that failed";
  if (/callback|langfuse/.test(path)) return "traces go to OTEL_EXPORTER_OTLP_ENDPOINT";
  if (/master_key/.test(path)) return "Patchbay has keys of its own: patchbay keys create";
  if (/database_url/.test(path)) return "set DATABASE_URL, with a database of its own";
  return /budget/.test(path) ? "make one: patchbay budgets create" : undefined;
}
