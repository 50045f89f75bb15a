import { invalidField } from "../../base/fault.ts";

/** The field that a reference comes in. */
export const REF_FIELD = "credentials.api_key.secret_ref.uri";

const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,254}$/;
const SEGMENT = /^(?!\.{1,2}$)[A-Za-z0-9_.+=:~-]{1,255}$/;
const FIELD = /^[A-Za-z0-9_.-]{1,255}$/;

/**
 * Where a key is kept outside of Patchbay. It has one spelling for each place, without escapes or dot segments, so that
 * what is compared is what is read.
 */
export class SecretRef {
  readonly uri: string;
  readonly scheme: "env" | "file" | "vault";
  /** The name of the variable, the absolute path of the file, or the mount and path in the vault. */
  readonly path: string;
  /** The field of a secret in the vault; empty otherwise. */
  readonly field: string;

  private constructor(uri: string, scheme: SecretRef["scheme"], path: string, field: string) {
    this.uri = uri;
    this.scheme = scheme;
    this.path = path;
    this.field = field;
  }

  /** Refuses what is none, and does not repeat it: it may be a key in the wrong field. */
  static parse(uri: string): SecretRef {
    const [, scheme, path = "", field = ""] = /^(env|file|vault):\/\/([^#]*)(?:#(.*))?$/.exec(uri) ?? [];
    if (scheme === "env" && ENV_NAME.test(path) && !uri.includes("#")) return new SecretRef(uri, scheme, path, "");
    if (scheme === "file" && path.startsWith("/") && isPath(path.slice(1)) && !uri.includes("#")) {
      return new SecretRef(uri, scheme, path, "");
    }
    if (scheme === "vault" && path.includes("/") && isPath(path) && FIELD.test(field)) {
      return new SecretRef(uri, scheme, path, field);
    }
    throw invalidField(REF_FIELD, "must look like env://NAME, file:///path/to/file or vault://mount/path#field");
  }
}

/** Plain segments with single slashes between them. */
export function isPath(path: string, isSegment = (segment: string) => SEGMENT.test(segment)): boolean {
  return path.split("/").every(isSegment);
}

/** Whether a variable can have this name. */
export function isVariable(name: string): boolean {
  return ENV_NAME.test(name);
}

/** Whether a field can have this name. */
export function isField(name: string): boolean {
  return FIELD.test(name);
}
