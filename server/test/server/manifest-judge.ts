import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv } from "ajv";

/** What the committed schema of manifests says is wrong with one, by a validator that is not ours; nothing if it fits. */
export function faultsOfManifest(manifest: unknown): string[] {
  const schema = JSON.parse(readFileSync(join(import.meta.dirname, "../../../gen/manifest.schema.json"), "utf8"));
  const formats = Object.fromEntries(["uuid", "uri", "date-time"].map((name) => [name, true as const]));
  const ajv = new Ajv({ strict: true, strictRequired: false, allowUnionTypes: true, allErrors: true, formats });
  const validate = ajv.compile(schema);
  validate(manifest);
  return (validate.errors ?? []).map(({ instancePath, message, params }) =>
    [instancePath, message, params.additionalProperty].filter(Boolean).join(" "),
  );
}
