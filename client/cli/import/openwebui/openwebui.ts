import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isObject } from "../../resources/input.ts";
import { Findings } from "../findings.ts";
import { type Imported, nameOfHost, slugOf } from "../imported.ts";
import { vendorAt } from "../vendors.ts";
import { type Connection, readConnections, sectionsOf } from "./connections.ts";

/**
 * Reads what Open WebUI exports: its configuration (Admin Panel, Settings, Database) and, if given, its models (Workspace,
 * Models). A connection becomes a Provider, each model that it names an Llm, and a model of the workspace a route to that.
 */
export function importOpenWebui(config: JsonObject, models: JsonValue = []): Imported {
  const findings = new Findings();
  const importer = new OpenWebuiImporter(findings);
  const sections = sectionsOf(config);
  for (const section of ["openai", "ollama"] as const) {
    const fields = sections[section];
    if (isObject(fields)) for (const each of readConnections(section, fields, findings)) importer.addConnection(each);
    else if (fields !== undefined) findings.refuse(fields, section, "it holds no connections");
  }
  findings.refuseOthers(sections, "", ["openai", "ollama"], "it is about Open WebUI itself");
  for (const [index, model] of (Array.isArray(models) ? models : []).entries()) {
    importer.addModel(model, `models[${index}]`);
  }
  const { llms, providers, routes } = importer;
  return { llms, providers, routes, keys: [], findings: findings.all };
}

const NOT_TAKEN: Readonly<Record<string, string>> = {
  tags: "Open WebUI's own; give Llms labels",
  connection_type: "where an endpoint is, its address says",
  auth_type: "a key is sent as a bearer token",
  headers: "set clientConfig.headers of its Llms",
  api_version: "Azure's v1 API has none",
};

class OpenWebuiImporter {
  readonly llms: JsonObject[] = [];
  readonly providers: JsonObject[] = [];
  readonly routes: JsonObject[] = [];
  readonly #findings: Findings;
  /** The aliases of Llms by what Open WebUI calls their models. */
  readonly #aliases = new Map<string, string>();

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  addConnection({ section, url, key, settings }: Connection) {
    const isAzure = settings.value.azure === true;
    const vendor = vendorAt(isAzure ? "azure" : section, url.value);
    const taken = new Set(this.providers.map(({ name }) => name));
    const base = nameOfHost(url.value);
    let name = base;
    for (let count = 2; taken.has(name); count++) name = `${base}-${count}`;
    const provider: JsonObject = { name, providerType: vendor.providerType, endpointUrl: vendor.endpointUrl };
    this.providers.push(provider);
    this.#findings.take(url.path, "taken as", `Provider ${name}`);
    const header = vendor.headerName ? { headerName: vendor.headerName, prefix: "" } : {};
    for (const { path, value } of [key, { path: `${settings.path}.key`, value: settings.value.key }]) {
      if (value === undefined) continue;
      if (value) provider.credentials = { apiKey: { ...header, inlineSecret: String(value) } };
      this.#findings.take(path, value ? "taken" : "not taken", value ? "the key, which is sealed" : "it is empty");
    }
    this.#readSettings(settings.path, settings.value, name);
  }

  #readSettings(path: string, settings: JsonObject, providerId: string) {
    const { enable, azure, prefix_id: prefix, model_ids: ids } = settings;
    if (enable !== undefined) this.#findings.take(`${path}.enable`, "taken", "the connection is in use");
    if (azure !== undefined)
      this.#findings.take(`${path}.azure`, "taken as", "the header of the key and the path of the v1 API");
    if (prefix) this.#findings.take(`${path}.prefix_id`, "taken as", "the beginning of aliases");
    else if (prefix !== undefined) this.#findings.take(`${path}.prefix_id`, "not taken", "it is empty");
    const models = Array.isArray(ids) ? ids.map(String) : [];
    for (const [index, model] of models.entries()) {
      const called = prefix ? `${prefix}.${model}` : model;
      this.#addLlm(called, { displayName: called, providerId, modelIdentifier: model }, `${path}.model_ids[${index}]`);
    }
    if (models.length === 0 && ids !== undefined) {
      this.#findings.take(
        `${path}.model_ids`,
        "not taken",
        `it means all: make Llms of Provider ${providerId} one by one`,
      );
    }
    const reasonOf = (place: string) =>
      NOT_TAKEN[place.slice(path.length + 1).split(/[.[]/)[0] ?? ""] ?? "it has no counterpart";
    this.#findings.refuseOthers(settings, path, ["key", "enable", "azure", "prefix_id", "model_ids"], reasonOf);
  }

  #addLlm(called: string, llm: JsonObject, path: string) {
    const alias = slugOf(called);
    if (this.llms.some((other) => other.alias === alias)) {
      return this.#findings.take(path, "not taken", `${alias} is the Llm of another connection already`);
    }
    this.llms.push({ alias, ...llm });
    this.#aliases.set(called, alias);
    this.#findings.take(path, "taken as", `Llm ${alias}`);
  }

  /** A model of the workspace: another name of a connection's model, with instructions that a caller sends here. */
  addModel(model: JsonValue, path: string) {
    const { id, name, base_model_id: base, is_active: isActive } = isObject(model) ? model : {};
    const alias = this.#aliases.get(String(base));
    const route = slugOf(String(id ?? ""));
    const refusal =
      (!id && "it is no model") ||
      (isActive === false && "it is not in use") ||
      (!base && "it dresses a model of a connection up, and is none of its own") ||
      (!alias && `no connection names ${base} among its model_ids`) ||
      ([...this.llms.map((llm) => llm.alias), ...this.routes.map((each) => each.name)].includes(route) &&
        `${route} is there already`);
    if (refusal || !isObject(model)) return this.#findings.refuse(model, path, String(refusal));
    this.routes.push({ name: route, displayName: String(name || id), tiers: [{ targets: [{ llmId: alias ?? "" }] }] });
    this.#findings.take(`${path}.id`, "taken as", `the route ${route}`);
    this.#findings.take(`${path}.base_model_id`, "taken as", `its Llm ${alias}`);
    if (name !== undefined) this.#findings.take(`${path}.name`, "taken as", "displayName");
    const known = ["id", "base_model_id", "name"];
    this.#findings.refuseOthers(
      model,
      path,
      known,
      "a route has none: instructions and parameters are the caller's to send",
    );
  }
}
