/** A call as other programs make it, from the contract alone: the same for every rpc there is and will be. */
import {
  type DescField,
  type DescMessage,
  type DescMethod,
  getOption,
  type JsonObject,
  type JsonValue,
  type Message,
  ScalarType,
  toJson,
} from "@bufbuild/protobuf";
import { http } from "../../../gen/google/api/annotations_pb.ts";
import type { HttpRule } from "../../../gen/google/api/http_pb.ts";
import { is_secret } from "../../../gen/patchbay/v1/options_pb.ts";
import { asCommand } from "./as-command.ts";

/** What stands for a secret in code that is shown. */
const SECRET = "$SECRET";

export interface Code {
  readonly title: string;
  readonly text: string;
}

export function asCode(method: DescMethod, request: Message, url: string): readonly Code[] {
  const json = withoutSecrets(method.input, request);
  const command = asCommand(method, json, SECRET);
  return [
    { title: "curl", text: curlOf(method, json, url) },
    ...(command === "" ? [] : [{ title: "patchbay", text: command }]),
    { title: "gRPC", text: grpcOf(method, json, url) },
    { title: "TypeScript", text: typescriptOf(method, json, url) },
    { title: "Python", text: pythonOf(method, json, url) },
  ];
}

/** The request as JSON, with a placeholder for each field that the contract calls a secret. */
function withoutSecrets(desc: DescMessage, message: Message): JsonObject {
  const json = toJson(desc, message) as JsonObject;
  hide(desc, json);
  return json;
}

function hide(desc: DescMessage, json: JsonObject): void {
  for (const field of desc.fields) {
    const value = json[field.jsonName];
    if (value === undefined) continue;
    if (getOption(field, is_secret) && field.scalar === ScalarType.STRING) json[field.jsonName] = SECRET;
    else if (field.message && isObject(value) && field.fieldKind === "message") hide(field.message, value);
  }
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const VERBS = ["get", "post", "put", "patch", "delete"] as const;

/** By the method's google.api.http rule; the fields of the path leave the body, or the query. */
function curlOf(method: DescMethod, json: JsonObject, url: string): string {
  const rule = getOption(method, http);
  const verb = rule.pattern.case;
  if (!VERBS.includes(verb as (typeof VERBS)[number])) return "";
  const used = new Set<string>();
  const path = String(chooseTemplate(rule, json)).replace(/\{([^}=]+)(=[^}]*)?\}/g, (_, name: string) => {
    const field = jsonNameOf(method.input, name);
    used.add(field);
    return encodeURIComponent(String(json[field] ?? ""));
  });
  const rest = Object.fromEntries(Object.entries(json).filter(([name]) => !used.has(name)));
  const hasBody = rule.body !== "";
  const query = hasBody ? "" : queryOf(rest);
  const lines = [
    `curl ${verb === "get" || verb === "post" ? "" : `-X ${verb?.toUpperCase()} `}"${url}${path}${query}"`,
  ];
  lines.push(`-H "authorization: Bearer $KEY"`);
  if (hasBody) lines.push(`-H 'content-type: application/json'`, `-d ${quoted(rest)}`);
  if (method.methodKind === "server_streaming") lines.splice(1, 0, `-N -H 'accept: text/event-stream'`);
  return lines.join(" \\\n  ");
}

/** A binding without the fields that are not given: a chat without an Llm has a path of its own. */
function chooseTemplate(rule: HttpRule, json: JsonObject): string {
  const templates = [rule, ...rule.additionalBindings].map(({ pattern }) => String(pattern.value));
  const isFilled = (template: string) =>
    [...template.matchAll(/\{([^}=]+)/g)].every(([, name = ""]) => json[camel(name)] !== undefined);
  return templates.find(isFilled) ?? templates[0] ?? "";
}

function jsonNameOf(desc: DescMessage, name: string): string {
  return desc.fields.find((field: DescField) => field.name === name)?.jsonName ?? name;
}

function camel(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function queryOf(json: JsonObject): string {
  const pairs: string[] = [];
  const add = (name: string, value: JsonValue): void => {
    if (Array.isArray(value)) for (const item of value) add(name, item);
    else if (isObject(value)) for (const [key, inner] of Object.entries(value)) add(`${name}.${key}`, inner);
    else pairs.push(`${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`);
  };
  for (const [name, value] of Object.entries(json)) add(name, value);
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

/** For a shell: in single quotes, but for what stands for a secret, which the shell shall fill in. */
function quoted(json: JsonObject): string {
  const text = JSON.stringify(json, null, 2).replaceAll("'", `'\\''`);
  return `'${text.replaceAll(SECRET, `'"${SECRET}"'`)}'`;
}

function grpcOf(method: DescMethod, json: JsonObject, url: string): string {
  const { protocol } = new URL(url);
  const clear = protocol === "http:" ? " --http2-prior-knowledge" : "";
  return [
    `npx buf curl --protocol grpc${clear}`,
    `--header "authorization: Bearer $KEY"`,
    `-d ${quoted(json)}`,
    `"${url}/${method.parent.typeName}/${method.name}"`,
  ].join(" \\\n  ");
}

function typescriptOf(method: DescMethod, json: JsonObject, url: string): string {
  const text = JSON.stringify(json, null, 2).replaceAll(`"${SECRET}"`, "env.SECRET");
  const call = `.${method.localName}(fromJson(${method.input.name}Schema, ${text}))`;
  const service = `createClient(${method.parent.name}, transport)`;
  return [
    `import { env } from "node:process";`,
    `import { fromJson } from "@bufbuild/protobuf";`,
    `import { createClient } from "@connectrpc/connect";`,
    `import { createConnectTransport } from "@connectrpc/connect-node";`,
    ...importsOf(method),
    "",
    `const authorize = (next) => (request) => {`,
    `  request.header.set("authorization", "Bearer " + env.KEY);`,
    "  return next(request);",
    "};",
    `const transport = createConnectTransport({ baseUrl: "${url}", httpVersion: "2", interceptors: [authorize] });`,
    method.methodKind === "server_streaming"
      ? `for await (const event of ${service}${call}) console.log(event);`
      : `console.log(await ${service}${call});`,
  ].join("\n");
}

/** A request may stand in another file than the service that takes it. */
function importsOf({ parent, input }: DescMethod): string[] {
  const from = (names: string, file: string) => `import { ${names} } from "./gen/${file}_pb.ts";`;
  const schema = `${input.name}Schema`;
  if (parent.file.name === input.file.name) return [from(`${parent.name}, ${schema}`, parent.file.name)];
  return [from(parent.name, parent.file.name), from(schema, input.file.name)];
}

/** Every rpc is also a POST of JSON at the name of the rpc: no more than a client of HTTP is needed. */
function pythonOf(method: DescMethod, json: JsonObject, url: string): string {
  if (method.methodKind !== "unary") return "";
  const text = toPython(json).replaceAll(`"${SECRET}"`, `os.environ["SECRET"]`);
  return [
    "import os, requests",
    "",
    "answer = requests.post(",
    `    "${url}/${method.parent.typeName}/${method.name}",`,
    `    headers={"authorization": f"Bearer {os.environ['KEY']}"},`,
    `    json=${text.replaceAll("\n", "\n    ")},`,
    ")",
    "print(answer.json())",
  ].join("\n");
}

function toPython(value: JsonValue, indent = ""): string {
  if (value === true) return "True";
  if (value === false) return "False";
  if (value === null) return "None";
  const deeper = `${indent}    `;
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return `[\n${value.map((item) => `${deeper}${toPython(item, deeper)},\n`).join("")}${indent}]`;
  }
  if (typeof value === "object") {
    const entries = Object.entries(value);
    if (entries.length === 0) return "{}";
    return `{\n${entries.map(([name, item]) => `${deeper}${JSON.stringify(name)}: ${toPython(item, deeper)},\n`).join("")}${indent}}`;
  }
  return JSON.stringify(value);
}
