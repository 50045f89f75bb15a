/** The document as it is committed, and its schemas as a judge of JSON. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect } from "vitest";
import type { OpenApi, Operation } from "../../../tools/openapi/schema/open-api.ts";
import type { TestServer } from "../server/test-server.ts";

/** An operation, and where it is. */
export interface PlacedOperation {
  readonly httpMethod: string;
  readonly path: string;
  readonly operation: Operation;
}

/** The committed document. */
export function readDocument(): OpenApi {
  return JSON.parse(readFileSync(join(import.meta.dirname, "../../../gen/openapi.json"), "utf8"));
}

/** All operations of a document. */
export function operationsOf({ paths }: OpenApi): PlacedOperation[] {
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([httpMethod, operation]) => ({ httpMethod, path, operation })),
  );
}

/** Judges values by the schemas of a document. */
export class SchemaJudge {
  readonly #ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });

  constructor(document: OpenApi) {
    this.#ajv.addSchema(document, "openapi");
  }

  /** What is wrong with a value; nothing if it fits the schema at a place in the document. */
  faults(place: readonly string[], value: unknown): string[] {
    const pointer = place.map((key) => encodeURIComponent(key.replaceAll("~", "~0").replaceAll("/", "~1"))).join("/");
    const validate = this.#ajv.getSchema(`openapi#/${pointer}`);
    if (!validate) throw new Error(`no schema at ${pointer}`);
    validate(value);
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  }
}

const document = readDocument();
const operations = operationsOf(document);
const judge = new SchemaJudge(document);

/** Asks a path; the answer, or each message of a stream, must fit what the document says of the operation there. */
export async function askAsDocumented(
  server: TestServer,
  method: string,
  path: string,
  { body, apiKey = server.adminKey }: { readonly body?: object | undefined; readonly apiKey?: string } = {},
) {
  const [pathname = ""] = path.split("?");
  const found = operations
    .filter(
      ({ httpMethod, path: template }) => httpMethod === method.toLowerCase() && patternOf(template).test(pathname),
    )
    // A path that stands there as it is comes before one with a parameter.
    .sort((a, b) => a.path.split("{").length - b.path.split("{").length)[0];
  if (!found) throw new Error(`the document has no ${method} ${path}`);
  const left = new AbortController();
  const response = await fetch(server.url + path, {
    method,
    headers: { authorization: `Bearer ${apiKey}`, ...(body && { "content-type": "application/json" }) },
    ...(body && { body: JSON.stringify(body) }),
    signal: left.signal,
  });
  const messages = await messagesOf(response);
  left.abort();
  const status = String(response.status) in found.operation.responses ? String(response.status) : "default";
  const type = response.headers.get("content-type") ?? "";
  const place = ["paths", found.path, found.httpMethod, "responses", status, "content", type, "schema"];
  const said = `${method} ${path} ${response.status} ${JSON.stringify(messages)}`;
  expect(messages, said).not.toEqual([]);
  for (const message of messages) expect(judge.faults(place, message), said).toEqual([]);
  return { operationId: found.operation.operationId, status: response.status, messages };
}

function patternOf(template: string): RegExp {
  return new RegExp(`^${template.replaceAll(/\{[^}]*\}/g, "[^/:]+")}$`);
}

/** The answer, or the messages of a stream: to its end, or of a watch the first. */
async function messagesOf(response: Response) {
  if (response.headers.get("content-type") === "application/json") return [await response.json()];
  let text = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    if (response.url.endsWith(":watch") && text.includes("\n")) break;
  }
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}
