/** The document as it is committed, and its schemas as a judge of JSON. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { OpenApi, Operation } from "../../../tools/openapi/schema/open-api.ts";

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
