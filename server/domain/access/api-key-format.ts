import { hash, randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import { Secret } from "../../base/secret.ts";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID_LENGTH = 16;
/** 43 characters of 62 hold 256 bits. */
const SECRET_LENGTH = 43;
const CHECKSUM_LENGTH = 6;
const FORMAT = new RegExp(
  `^(pb_[a-z]{1,8}_([0-9A-Za-z]{${ID_LENGTH}})[0-9A-Za-z]{${SECRET_LENGTH}})_([0-9A-Za-z]{${CHECKSUM_LENGTH}})$`,
);

/** An API key, well-formed: `pb_live_`, its id and secret, and a checksum, which also lets scanners find leaked ones. */
export interface ParsedApiKey {
  readonly id: string;
  readonly digest: Buffer;
}

/** Undefined for anything that we cannot have made; no database is asked about it. */
export function parseApiKey(text: string): ParsedApiKey | undefined {
  const [, body, id, checksum] = FORMAT.exec(text) ?? [];
  if (!body || !id || checksum !== checksumOf(body)) return undefined;
  return { id, digest: sha256(text) };
}

/** A secret that programs have already: what they can send in a header. */
const IMPORTED = /^[!-~]{20,256}$/;
/** What would be taken for a token of the operator's issuer. */
const TOKEN = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** By which a secret is found that was not made here; undefined for what cannot be one. */
export function importedDigest(text: string): Buffer | undefined {
  return importProblem(text) === undefined ? sha256(text) : undefined;
}

/** What keeps a text from being taken as a secret that was not made here; undefined: nothing. */
export function importProblem(text: string): string | undefined {
  if (!IMPORTED.test(text)) return "must have 20 to 256 characters, all of them printable and ASCII, and no spaces";
  if (text.startsWith("pb_")) return "must not look like a key that was made here: it begins with pb_";
  if (TOKEN.test(text)) return "must not have the form of a token: three parts with dots between them";
  return undefined;
}

/** A new API key; this is the only time it is whole. */
export function makeApiKey(): Secret {
  const body = `pb_live_${randomText(ID_LENGTH)}${randomText(SECRET_LENGTH)}`;
  return new Secret(`${body}_${checksumOf(body)}`);
}

/** By way of a text: bytes right away take four times as long. */
function sha256(text: string): Buffer {
  return Buffer.from(hash("sha256", text, "hex"), "hex");
}

function checksumOf(body: string): string {
  let rest = crc32(body);
  let text = "";
  for (let index = 0; index < CHECKSUM_LENGTH; index++) {
    text = ALPHABET.charAt(rest % ALPHABET.length) + text;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return text;
}

/** Every character as likely as any other: bytes that would favour some are thrown away. */
function randomText(length: number): string {
  const limit = 256 - (256 % ALPHABET.length);
  let text = "";
  while (text.length < length) {
    for (const byte of randomBytes(length)) {
      if (byte < limit && text.length < length) text += ALPHABET.charAt(byte % ALPHABET.length);
    }
  }
  return text;
}
