import { canonicalEndpoint } from "./endpoint.ts";
import { isField, isPath, isVariable, type SecretRef } from "./secret-ref.ts";

/** Which references may be used, by whom, and where the secrets that they lead to may be sent. */
export interface SecretRefRule {
  readonly scheme: SecretRef["scheme"];
  /** Ends with a slash, or for variables with an asterisk, when it stands for all that begins so. */
  readonly pattern: string;
  /** Undefined: every field. */
  readonly field: string | undefined;
  /** A canonical URL: the secrets go to it and to what is below it. Undefined: anywhere. */
  readonly endpoint: string | undefined;
}

/** The segment of a pattern that stands for the id of the account that owns the credentials. */
const OWNER = "{owner}";
const ENTRY = /^(?<scheme>env|file|vault):\/\/(?<pattern>[^@#]+)(?:#(?<field>[^@]+))?@(?<endpoint>.+)$/;
const UNBOUND = /^(env|file|vault):\/\/[^@]+$/;

/** Variables that are never given out, whatever the rules say; the server's settings are others. */
const NEVER_GIVEN = /^(KEYRING|VAULT_|PG|OTEL_|NODE_|AWS_(SECRET_ACCESS_KEY|SESSION_TOKEN|CONTAINER_)|PATCHBAY_)/;

/** The rules of a setting, separated by commas; throws an Error that says what is wrong. */
export function parseSecretRefRules(setting: string, ownSettings: ReadonlySet<string>): SecretRefRule[] {
  return setting
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "")
    .map((entry) => parseEntry(entry, ownSettings));
}

/** Whether a variable is the server's own, and no rule opens it. */
export function isOwnVariable(name: string, ownSettings: ReadonlySet<string>): boolean {
  return ownSettings.has(name) || NEVER_GIVEN.test(name);
}

/** The first rule that lets an owner use a reference for a URL. */
export function findSecretRefRule(
  rules: readonly SecretRefRule[],
  ref: SecretRef,
  ownerId: string,
  url: string,
): SecretRefRule | undefined {
  return rules.find((rule) => covers(rule, ref, ownerId) && leadsTo(rule, url));
}

/** The folder that files of a rule are in, links followed or not. */
export function folderOf({ pattern }: SecretRefRule, ownerId: string): string {
  const path = forOwner(pattern, ownerId);
  return path.slice(0, path.lastIndexOf("/")) || "/";
}

function covers({ scheme, pattern, field }: SecretRefRule, ref: SecretRef, ownerId: string): boolean {
  if (scheme !== ref.scheme || (field !== undefined && field !== ref.field)) return false;
  const start = forOwner(pattern, ownerId);
  if (scheme === "env" && start.endsWith("*")) return ref.path.startsWith(start.slice(0, -1));
  return start.endsWith("/") ? ref.path.startsWith(start) : ref.path === start;
}

function leadsTo({ endpoint }: SecretRefRule, url: string): boolean {
  return endpoint === undefined || url === endpoint || url.startsWith(`${endpoint}/`);
}

function forOwner(pattern: string, ownerId: string): string {
  return pattern.replaceAll(OWNER, ownerId);
}

function parseEntry(entry: string, ownSettings: ReadonlySet<string>): SecretRefRule {
  if (UNBOUND.test(entry)) {
    throw refusal(
      entry,
      "does not say where its secrets may be sent: put @ and an endpoint behind it, like " +
        "env://OPENAI_API_KEY@https://api.openai.com; @* is everywhere, and gives them to all who may register an Llm",
    );
  }
  const { scheme, pattern = "", field, endpoint = "" } = ENTRY.exec(entry)?.groups ?? {};
  if (scheme === "env" && isVariable(pattern.replace(/\*$/, "")) && field === undefined) {
    if (isOwnVariable(pattern, ownSettings)) throw refusal(entry, "is the server's own and is never given out");
    return { scheme, pattern, field, endpoint: readEndpoint(entry, endpoint) };
  }
  if (scheme === "file" && pattern.startsWith("/") && isPattern(pattern.slice(1)) && field === undefined) {
    return { scheme, pattern, field, endpoint: readEndpoint(entry, endpoint) };
  }
  const isExact = !pattern.endsWith("/");
  if (scheme === "vault" && pattern.includes("/") && isPattern(pattern)) {
    if (field === undefined || (isExact && isField(field))) {
      return { scheme, pattern, field, endpoint: readEndpoint(entry, endpoint) };
    }
  }
  throw refusal(
    entry,
    "must look like env://OPENAI_*@https://api.openai.com, file:///run/secrets/@https://api.openai.com or " +
      "vault://kv/patchbay/@https://api.openai.com; a folder ends with a slash, and only a variable with an asterisk",
  );
}

function isPattern(path: string): boolean {
  return isPath(path.replace(/\/$/, "").replaceAll(OWNER, "owner"));
}

function readEndpoint(entry: string, text: string): string | undefined {
  if (text === "*") return undefined;
  try {
    return canonicalEndpoint(text, "endpoint");
  } catch (error) {
    throw refusal(entry, `has behind the @ no endpoint like https://api.openai.com: ${(error as Error).message}`);
  }
}

function refusal(entry: string, what: string): Error {
  return new Error(`${JSON.stringify(entry)} ${what}`);
}
