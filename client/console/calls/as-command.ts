/** A call as `patchbay` does it at a terminal, which is signed in there with `patchbay login`. */
import type { DescMethod, JsonObject, JsonValue } from "@bufbuild/protobuf";

/** The nouns of the command, by those of the contract's rpcs. */
const NOUNS: Readonly<Record<string, readonly [noun: string, id: string]>> = {
  Llm: ["llms", "llmId"],
  Route: ["routes", "routeId"],
  Provider: ["providers", "name"],
  ApiKey: ["keys", "apiKeyId"],
  Account: ["accounts", "accountId"],
  Budget: ["budgets", "budgetId"],
};

/** Empty for what the command does in no single line. */
export function asCommand({ name }: DescMethod, json: JsonObject, secret: string): string {
  const [, verb = "", thing = ""] = /^(Create|Set|Upsert|Update|Get|Delete|Revoke|List)([A-Z]\w*?)s?$/.exec(name) ?? [];
  const noun = NOUNS[thing];
  if (noun) return ofNoun(verb, noun, json, secret);
  const llm = word(json.llmId ?? "-");
  if (name === "TestLlm") return `patchbay test ${llm}${json.slot ? ` --slot ${word(json.slot)}` : ""}`;
  if (name === "ListLlmModels") return `patchbay models ${llm}`;
  if (name === "ExportAuditEvents" || name === "ListAuditEvents") return "patchbay audit list";
  if (name === "GetCaller") return "patchbay whoami";
  if (name === "ExplainRoute") return `patchbay routes explain ${word(json.routeId ?? "")}`;
  if (name === "QueryUsage") return ofUsage(json);
  if ((name === "Chat" || name === "StreamChat") && typeof json.message === "string" && json.message !== "") {
    return `patchbay chat ${llm} ${word(json.message)}${name === "Chat" ? " --no-stream" : ""}`;
  }
  return "";
}

/** The command's words for what usage is told apart by, by those of the contract. */
const GROUPS: Readonly<Record<string, string>> = { API_KEY: "key", SUBJECT: "person" };

function ofUsage(json: JsonObject): string {
  const { groupBy = [], labelKey, startDay, endDay, llmId, ownerId, labels = {}, pageSize: _, ...others } = json;
  // What it has no option for it cannot ask.
  if (Object.keys(others).length > 0) return "";
  const groups = (groupBy as string[]).map((group) => GROUPS[group] ?? group.toLowerCase());
  const by = groups.map((group) => (group === "label" ? `label=${labelKey}` : group)).join(",");
  const options = { by, from: startDay, to: endDay, llm: llmId, owner: ownerId };
  const said = Object.entries(options).flatMap(([option, value]) => (value ? ` --${option} ${word(value)}` : []));
  const ofLabels = Object.entries(labels as JsonObject).map(([key, value]) => ` --label ${word(`${key}=${value}`)}`);
  return `patchbay usage${[...said, ...ofLabels].join("")}`;
}

function ofNoun(verb: string, [noun, id]: readonly [string, string], json: JsonObject, secret: string): string {
  const named = word(json[id] ?? "");
  if (verb === "List") return `patchbay ${noun} list`;
  if (verb === "Get") return `patchbay ${noun} get ${named}`;
  if (verb === "Delete" || verb === "Revoke") return `patchbay ${noun} delete ${named} --yes`;
  const isEdit = verb === "Update";
  const { credentials, [id]: _, updateMask: __, validateOnly, ...fields } = json;
  // What the request says of a key that is sent along, the command takes from a variable.
  const key = credentials === undefined ? "" : ` --key-env ${secret.slice(1)}`;
  const first = isEdit || verb === "Upsert" ? ` ${named}` : "";
  const dry = validateOnly === true && !isEdit ? " --dry-run" : "";
  const command = `patchbay ${noun} ${isEdit ? "edit" : "create"}${first}${key}${dry}`;
  const rest = !isEdit && verb === "Create" && json[id] !== undefined ? { [id]: json[id], ...fields } : fields;
  if (Object.keys(rest).length === 0) return command;
  const input = JSON.stringify(rest, null, 2);
  // A shell fills in the secret where the word behind << has no quotes.
  return `${command} -f - <<${input.includes(secret) ? "EOF" : "'EOF'"}\n${input}\nEOF`;
}

/** For a shell. */
function word(value: JsonValue): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return /^[\w.:/@-][\w.:/@=,-]*$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
