import { promisify } from "node:util";
import {
  brotliCompress,
  brotliDecompress,
  constants,
  gunzip,
  gzip,
  type InputType,
  zstdCompress,
  zstdDecompress,
} from "node:zlib";
import { invalidRequest, mediaTypeNotSupported, messageTooLarge } from "../call/wire-error.ts";

/** One content coding of RFC 9110. */
interface Coding {
  readonly compress: (data: InputType) => Promise<Uint8Array>;
  /** Stops with ERR_BUFFER_TOO_LARGE as soon as there are more bytes than allowed. */
  readonly decompress: (data: InputType, options: { maxOutputLength: number }) => Promise<Uint8Array>;
}

/** For answers made on the fly: a higher quality would cost more time than it saves on the way. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } };

/** The codings, the preferred first. */
const CODINGS: ReadonlyMap<string, Coding> = new Map([
  ["zstd", { compress: promisify(zstdCompress), decompress: promisify(zstdDecompress) as Coding["decompress"] }],
  ["br", { compress: (data) => promisify(brotliCompress)(data, BROTLI), decompress: promisify(brotliDecompress) }],
  ["gzip", { compress: promisify(gzip), decompress: promisify(gunzip) }],
]);

/** Smaller bodies gain nothing by compression. */
export const COMPRESS_FROM_BYTES = 1024;

/** The coding of a request's body, or undefined for none. Of several in a row, none is read. */
export function readContentEncoding(header: string | undefined): Coding | undefined {
  const name = header?.trim().toLowerCase() ?? "";
  if (name === "" || name === "identity") return undefined;
  const coding = CODINGS.get(name);
  if (coding !== undefined) return coding;
  const known = [...CODINGS.keys()].join(", ");
  throw mediaTypeNotSupported(`the body may have one content encoding: ${known}`, { "accept-encoding": known });
}

/** Decompresses a body. It never makes more than the limit, however small the body. */
export async function decompress(coding: Coding, data: Uint8Array, limitBytes: number): Promise<Uint8Array> {
  try {
    return await coding.decompress(data, { maxOutputLength: limitBytes });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw messageTooLarge(limitBytes);
    throw invalidRequest("the body is not compressed as its content encoding says", error);
  }
}

/** The content coding that a caller prefers, by the header Accept-Encoding, and of equals ours. */
export function negotiateCoding(accepted: string | undefined): [name: string, coding: Coding] | undefined {
  if (accepted === undefined) return undefined;
  const weights = new Map(accepted.split(",").map(readWeight));
  let best: [string, Coding] | undefined;
  let bestWeight = 0;
  for (const [name, coding] of CODINGS) {
    const weight = weights.get(name) ?? weights.get("*") ?? 0;
    if (weight > bestWeight) [best, bestWeight] = [[name, coding], weight];
  }
  return best;
}

function readWeight(entry: string): [name: string, weight: number] {
  const [name = "", ...parameters] = entry.split(";");
  const weight = parameters.map((parameter) => /^\s*q=(\d(?:\.\d*)?)\s*$/i.exec(parameter)?.[1]).find(Boolean);
  return [name.trim().toLowerCase(), Number(weight ?? 1)];
}
