import { createHash, randomBytes } from "node:crypto";

/** A secret that is put in somewhere, and must not come out anywhere. */
export interface Canary {
  readonly name: string;
  /** As it may be written somewhere. */
  readonly forms: readonly Form[];
  /** Where it is by design. */
  readonly exceptions: readonly Exception[];
}

/** One way to write a secret. */
export interface Form {
  readonly name: string;
  readonly bytes: Buffer;
}

/** A form that belongs to the places whose names begin so. */
export interface Exception {
  readonly place: string;
  readonly form: RegExp;
}

/** Of a secret, pieces of this length at either end are secrets too; a hint shows four characters. */
const PIECE = 12;

/** A secret of a run, which nobody else has, with characters that encodings change. */
export function makeSecret(prefix: string): string {
  return `${prefix}${randomBytes(9).toString("hex")}/+${randomBytes(9).toString("hex")}="%`;
}

/** A secret by all of its forms. */
export function canary(name: string, secret: string | Buffer, exceptions: readonly Exception[] = []): Canary {
  const bytes = Buffer.from(secret as string);
  const forms = [...formsOf(bytes), ...digestsOf(bytes), ...(typeof secret === "string" ? textFormsOf(secret) : [])];
  return { name, forms, exceptions };
}

/**
 * An API key. Its beginning is its id, which is no secret: all that is behind is, and so is its digest but for the one
 * column, whose pages are in the database's files.
 */
export function apiKeyCanaries(name: string, key: string): Canary[] {
  const [, , , secret = ""] = /^(pb_[a-z]+_)(\w{16})(\w+)$/.exec(key) ?? [];
  const stored = [
    { place: "table api_key", form: /^sha256 in hex$/ },
    { place: "file postgres/", form: /^sha256$/ },
  ];
  return [
    canary(name, secret),
    { name: `the digest of ${name}`, forms: digestsOf(Buffer.from(key)), exceptions: stored },
  ];
}

function formsOf(bytes: Buffer): Form[] {
  return [
    form("raw", bytes),
    form("hex", bytes.toString("hex")),
    form("HEX", bytes.toString("hex").toUpperCase()),
    ...[0, 1, 2].flatMap((offset) => [
      form(`base64 at ${offset}`, base64At(bytes, offset, "base64")),
      form(`base64url at ${offset}`, base64At(bytes, offset, "base64url")),
    ]),
  ];
}

function textFormsOf(text: string): Form[] {
  return [
    form("beginning", text.slice(0, PIECE)),
    form("end", text.slice(-PIECE)),
    form("reversed", [...text].reverse().join("")),
    form("URL-encoded", encodeURIComponent(text)),
    form("JSON", JSON.stringify(text).slice(1, -1)),
    form("UTF-16", Buffer.from(text, "utf16le")),
  ];
}

function digestsOf(bytes: Buffer): Form[] {
  const digest = createHash("sha256").update(bytes).digest();
  return [
    form("sha256", digest),
    form("sha256 in hex", digest.toString("hex")),
    form("sha256 in base64", digest.toString("base64").replace(/=+$/, "")),
    form("sha256 in base64url", digest.toString("base64url")),
  ];
}

/** What is the same of a secret's base64 wherever it stands in a larger text, which begins so many bytes before it. */
function base64At(bytes: Buffer, offset: number, encoding: "base64" | "base64url"): string {
  const padded = Buffer.concat([Buffer.alloc(offset), bytes]);
  const whole = padded.subarray(0, padded.length - (padded.length % 3)).toString(encoding);
  return whole.slice(offset === 0 ? 0 : 4);
}

function form(name: string, bytes: string | Buffer): Form {
  return { name, bytes: Buffer.from(bytes as string) };
}
