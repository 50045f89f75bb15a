import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isObject } from "../../resources/input.ts";
import type { Findings } from "../findings.ts";

/** A field of the export, with where it is. */
interface Field<T> {
  readonly path: string;
  readonly value: T;
}

/** An endpoint that Open WebUI is connected to, which it keeps in three lists side by side. */
export interface Connection {
  readonly section: "openai" | "ollama";
  readonly url: Field<string>;
  readonly key: Field<JsonValue | undefined>;
  readonly settings: Field<JsonObject>;
}

/** What the lists are called. */
const LISTS = {
  openai: { urls: "api_base_urls", keys: "api_keys" },
  ollama: { urls: "base_urls", keys: "api_keys" },
} as const;

/** The connections of a section that are in use; what belongs to none of them is told. */
export function readConnections(section: keyof typeof LISTS, fields: JsonObject, findings: Findings): Connection[] {
  const { urls, keys } = LISTS[section];
  const listed = (name: string) => (Array.isArray(fields[name]) ? fields[name] : []);
  const configs = isObject(fields.api_configs) ? fields.api_configs : {};
  const isOff = fields.enable === false;
  if (fields.enable !== undefined) {
    const told = isOff ? "none of its connections is in use" : "its connections are in use";
    findings.take(`${section}.enable`, isOff ? "not taken" : "taken", told);
  }
  const connections = listed(urls).map((url, index): Connection => {
    // By its number, as later versions have it, or by its address.
    const name = configs[String(index)] === undefined ? String(url) : String(index);
    const own = configs[name];
    return {
      section,
      url: { path: `${section}.${urls}[${index}]`, value: String(url) },
      key: { path: `${section}.${keys}[${index}]`, value: listed(keys)[index] },
      settings: { path: `${section}.api_configs.${name}`, value: isObject(own) ? own : {} },
    };
  });
  const configured = new Set(connections.map(({ settings }) => settings.path));
  for (const [name, value] of Object.entries(configs)) {
    const path = `${section}.api_configs.${name}`;
    if (!configured.has(path)) findings.refuse(value, path, "it has no address");
    else if (isObject(value) && Object.keys(value).length === 0) findings.take(path, "taken", "it says nothing");
  }
  for (const [index, value] of listed(keys).entries()) {
    if (index >= connections.length) findings.refuse(value, `${section}.${keys}[${index}]`, "it has no address");
  }
  for (const name of [urls, keys, "api_configs"]) {
    const value = fields[name];
    if (value !== undefined && Object.keys(value ?? {}).length === 0)
      findings.take(`${section}.${name}`, "taken", "it is empty");
  }
  findings.refuseOthers(fields, section, ["enable", urls, keys, "api_configs"], "it is about Open WebUI itself");
  const isUsed = ({ settings }: Connection) => !isOff && settings.value.enable !== false;
  for (const { url, key, settings } of connections.filter((each) => !isUsed(each))) {
    findings.refuse(url.value, url.path, "the connection is not in use");
    if (key.value !== undefined) findings.refuse(key.value, key.path, "the connection is not in use");
    findings.refuseOthers(settings.value, settings.path, [], "the connection is not in use");
  }
  return connections.filter(isUsed);
}

/** Later versions export a flat list of names with dots in them, earlier ones objects within objects. */
export function sectionsOf(config: JsonObject): JsonObject {
  const sections: JsonObject = {};
  for (const [key, value = null] of Object.entries(config)) {
    const [name = "", ...rest] = key.split(".");
    const before = isObject(sections[name]) ? sections[name] : {};
    sections[name] =
      rest.length > 0 ? { ...before, [rest.join(".")]: value } : isObject(value) ? { ...before, ...value } : value;
  }
  return sections;
}
