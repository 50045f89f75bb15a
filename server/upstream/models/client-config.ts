import { asObject, type JsonObject } from "./json-value.ts";

/** What an API takes from a client configuration: the members of a request's body and its headers, by their names. */
export interface ConfigNames {
  readonly members: ReadonlySet<string>;
  /** In lower case. */
  readonly headers: ReadonlySet<string>;
}

/** What of a client configuration goes with every request. */
export interface ClientConfig {
  readonly members: JsonObject;
  readonly headers: Readonly<Record<string, string>>;
}

/** A client configuration as an API reads it. */
export interface ReadConfig extends ClientConfig {
  /** What the API is not known to take: kept, and not sent. */
  readonly unsent: readonly string[];
  /** What no configuration may say, by its path; undefined if it says none of it. */
  readonly refused: string | undefined;
}

/** Members that hold members, as the SDKs of OpenAI and LiteLLM have it. */
const WRAPPERS = new Set(["extra_body", "extraBody"]);
const HEADERS = new Set(["headers", "extra_headers", "extraHeaders"]);

/**
 * What decides where a request goes, with which key, to which model, with which messages and in which form. Compared
 * without case, hyphens and underscores, since proxies behind us are not picky either.
 */
const REFUSED = new Set(
  (
    "url baseurl apibase apiurl apipath endpoint endpointurl host hostname proxy proxyurl httpproxy authorization " +
    "proxyauthorization authtoken accesstoken apikey xapikey apitoken bearertoken token secret secretkey clientsecret " +
    "password credentials cookie model models fallbacks messages stream streamoptions"
  ).split(" "),
);

/** A schema's properties are named by what the model shall say: nothing of a request is decided there. */
const SCHEMAS = new Set([
  "response_format.json_schema.schema",
  "output_config.format.schema",
  "guided_json",
  "structured_outputs.json",
]);

const HEADER_VALUE = /^[\x20-\x7e]{1,1024}$/;

/** Reads a client configuration by what an API takes. What is refused is never among what is sent. */
export function readClientConfig(names: ConfigNames, config: JsonObject): ReadConfig {
  const members: Record<string, unknown> = {};
  const headers: Record<string, string> = {};
  const unsent: string[] = [];
  const refused: string[] = [];
  const add = (name: string, value: unknown, path: string) => {
    const wrong = refusedIn(name, value, path, name);
    if (wrong !== undefined) refused.push(wrong);
    else if (names.members.has(name)) members[name] = value;
    else unsent.push(path);
  };
  const addHeader = (name: string, value: unknown, path: string) => {
    const lower = name.toLowerCase();
    const isText = typeof value === "string" && HEADER_VALUE.test(value);
    if (isRefused(name)) refused.push(path);
    else if (!names.headers.has(lower)) unsent.push(path);
    else if (isText) headers[lower] = value;
    else refused.push(path);
  };
  for (const [name, value] of Object.entries(config)) {
    const inner = asObject(value);
    const isHeaders = HEADERS.has(name);
    if (inner === undefined || !(isHeaders || WRAPPERS.has(name))) add(name, value, name);
    else for (const [key, item] of Object.entries(inner)) (isHeaders ? addHeader : add)(key, item, `${name}.${key}`);
  }
  return { members, headers, unsent, refused: refused[0] };
}

/** The path of what is refused in a member; `inner` is the same without what it is wrapped in. */
function refusedIn(name: string, value: unknown, path: string, inner: string): string | undefined {
  if (isRefused(name)) return path;
  if (typeof value !== "object" || value === null || SCHEMAS.has(inner)) return undefined;
  for (const [key, item] of Object.entries(value)) {
    const isItem = Array.isArray(value);
    const found = refusedIn(isItem ? "" : key, item, isItem ? `${path}[${key}]` : `${path}.${key}`, `${inner}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Whether a member of this name would decide where a request goes, with which key or to which model. */
export function isRefusedName(name: string): boolean {
  return isRefused(name) || HEADERS.has(name) || WRAPPERS.has(name);
}

function isRefused(name: string): boolean {
  return REFUSED.has(name.toLowerCase().replace(/[-_]/g, ""));
}
