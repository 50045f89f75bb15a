import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";

/** One answer as it came, over whichever version of HTTP. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly trailers: Readonly<Record<string, string>>;
}

/**
 * Reads the answers of a connection of HTTP/1.1 more strictly than clients do: whatever does not belong to one of them,
 * or is missing, is an error. `heads` says for which requests, in order, no body follows.
 */
export function readAnswers(received: Buffer, heads: readonly boolean[]): Answer[] {
  const answers: Answer[] = [];
  let rest = received;
  while (rest.length > 0) {
    const { status, headers, behind } = readHead(rest);
    rest = behind;
    if (status === 100) continue;
    const hasBody = heads[answers.length] !== true && status !== 204 && status !== 304;
    const {
      body,
      trailers,
      behind: next,
    } = hasBody ? readBody(headers, rest) : { body: Buffer.alloc(0), trailers: {}, behind: rest };
    answers.push({ status, headers, body, trailers });
    rest = next;
  }
  return answers;
}

function readHead(bytes: Buffer): { status: number; headers: Record<string, string>; behind: Buffer } {
  const end = bytes.indexOf("\r\n\r\n");
  if (end === -1) throw new Error(`the head does not end: ${excerpt(bytes)}`);
  const [line = "", ...lines] = bytes.subarray(0, end).toString("latin1").split("\r\n");
  const [, status] = /^HTTP\/1\.1 (\d{3}) [ -~]*$/.exec(line) ?? [];
  if (status === undefined) throw new Error(`no status line: ${line.slice(0, 200)}`);
  return { status: Number(status), headers: readFields(lines), behind: bytes.subarray(end + 4) };
}

function readFields(lines: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const line of lines) {
    const [, name, value] = /^([\w!#$%&'*+.^`|~-]+): ?([\t -~\x80-\xff]*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new Error(`no header: ${line.slice(0, 200)}`);
    const key = name.toLowerCase();
    if (["content-length", "transfer-encoding", "content-type"].includes(key) && key in fields)
      throw new Error(`two of ${key}`);
    fields[key] = value;
  }
  return fields;
}

function readBody(
  headers: Record<string, string>,
  bytes: Buffer,
): { body: Buffer; trailers: Record<string, string>; behind: Buffer } {
  if (headers["transfer-encoding"] === "chunked") return readChunks(bytes);
  const length = headers["content-length"];
  // Without either, the end of the connection is the end of the body.
  if (length === undefined) return { body: bytes, trailers: {}, behind: Buffer.alloc(0) };
  if (bytes.length < Number(length)) throw new Error(`the body has ${bytes.length} bytes of ${length}`);
  return { body: bytes.subarray(0, Number(length)), trailers: {}, behind: bytes.subarray(Number(length)) };
}

function readChunks(bytes: Buffer): { body: Buffer; trailers: Record<string, string>; behind: Buffer } {
  const pieces: Buffer[] = [];
  for (let rest = bytes; ; ) {
    const end = rest.indexOf("\r\n");
    const size = rest.subarray(0, Math.max(0, end)).toString("latin1");
    if (!/^[0-9a-f]+$/i.test(size)) throw new Error(`the chunks break off: ${excerpt(rest)}`);
    const length = Number.parseInt(size, 16);
    rest = rest.subarray(end + 2);
    if (length === 0) {
      const last = rest.indexOf("\r\n") === 0 ? 0 : rest.indexOf("\r\n\r\n") + 2;
      const lines = rest.subarray(0, last).toString("latin1").split("\r\n").filter(Boolean);
      return { body: Buffer.concat(pieces), trailers: readFields(lines), behind: rest.subarray(last + 2) };
    }
    if (rest.subarray(length, length + 2).toString("latin1") !== "\r\n") throw new Error("a chunk has not its length");
    pieces.push(rest.subarray(0, length));
    rest = rest.subarray(length + 2);
  }
}

function excerpt(bytes: Buffer): string {
  return JSON.stringify(bytes.subarray(0, 80).toString("latin1"));
}

const DECODERS: Readonly<Record<string, (data: Buffer) => Buffer>> = {
  gzip: gunzipSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
};

/** Bytes without their coding; as they are if there is none. */
export function decoded(coding: string | undefined, bytes: Buffer): Buffer {
  return bytes.length === 0 ? bytes : (DECODERS[coding ?? ""]?.(bytes) ?? bytes);
}

/** The messages of a body of gRPC, gRPC-Web or a stream of Connect, each behind a prefix of flags and length. */
export function envelopesOf(body: Buffer, coding: string | undefined): { flags: number; message: Buffer }[] {
  const found: { flags: number; message: Buffer }[] = [];
  for (let start = 0; start + 5 <= body.length; ) {
    const flags = body.readUInt8(start);
    const end = start + 5 + body.readUInt32BE(start + 1);
    const bytes = body.subarray(start + 5, end);
    found.push({ flags, message: (flags & 1) === 0 ? bytes : decoded(coding, bytes) });
    start = end;
  }
  return found;
}
