import type { JsonObject } from "@bufbuild/protobuf";
import type { Finding } from "./findings.ts";

/** A text of another's configuration: as it is, or the variable of its server's environment that has it. */
export interface Written {
  readonly text: string;
  readonly variable: string | undefined;
}

/** The variables that --env-file knows. */
export type Variables = ReadonlyMap<string, string>;

/** What is written; undefined where a variable is not known here. */
export function resolve({ text, variable }: Written, variables: Variables): string | undefined {
  return variable === undefined ? text : variables.get(variable);
}

/** A key for an endpoint: known here it is taken along, else it stays a reference for the server. */
export function readKey(
  written: Written,
  variables: Variables,
  headerName: string | undefined,
): { readonly credentials?: JsonObject } & Pick<Finding, "verdict" | "message"> {
  const header: JsonObject = headerName ? { headerName, prefix: "" } : {};
  const { variable } = written;
  const secret = resolve(written, variables);
  if (secret) {
    const message = variable ? `the key that ${variable} has in --env-file` : "the key, which is sealed";
    return { credentials: { apiKey: { ...header, inlineSecret: secret } }, verdict: "taken", message };
  }
  if (!variable) return { verdict: "not taken", message: "it is empty" };
  const credentials = { apiKey: { ...header, secretRef: { uri: `env://${variable}` } } };
  return { credentials, verdict: "taken as", message: `env://${variable}: allow it on the server with SECRET_REFS` };
}
