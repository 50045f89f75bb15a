import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { OutgoingHttpHeaders, ServerResponse } from "node:http";
import { negotiateCoding } from "./body.ts";
import { mustCloseAfter, type NodeRequest, type NodeResponse } from "./exchange.ts";

/** Where an asset comes from, and how it is served. */
export interface AssetOptions {
  /** The path of the file, or its bytes; asked for at the first request. */
  readonly file: () => string | Uint8Array | Promise<Uint8Array>;
  readonly contentType: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The bytes of a file in one content coding, and their strong validator. */
interface Representation {
  readonly bytes: Uint8Array;
  readonly etag: string;
}

/**
 * A file that does not change while the server runs. It is read, compressed and hashed once for each content coding that
 * is asked for; a browser keeps it and asks each time whether it is still the same.
 */
export class Asset {
  readonly #options: AssetOptions;
  readonly #representations = new Map<string, Promise<Representation>>();

  constructor(options: AssetOptions) {
    this.#options = options;
  }

  /** Answers GET and HEAD. Rejects, after the caller got a 500, if the file cannot be read. */
  async serve(request: NodeRequest, nodeResponse: NodeResponse): Promise<void> {
    /** Http2ServerResponse has the same methods, with overloads that TypeScript cannot unite. */
    const response = nodeResponse as ServerResponse;
    if (refuseAllButReads(request, response)) return;
    const [coding = "identity", { compress } = IDENTITY] =
      negotiateCoding(request.headers["accept-encoding"]?.toString()) ?? [];
    try {
      const { bytes, etag } = await this.#represent(coding, compress);
      const headers = this.#headers(coding, etag);
      if (matches(request.headers["if-none-match"], etag)) {
        response.writeHead(304, headers).end();
      } else {
        // To HEAD, Node sends the headers only.
        response.writeHead(200, { ...headers, "content-length": bytes.length }).end(bytes);
      }
    } catch (error) {
      this.#representations.delete(coding);
      response.writeHead(500).end();
      throw error;
    }
  }

  #represent(coding: string, compress: Compress): Promise<Representation> {
    let representation = this.#representations.get(coding);
    if (!representation) {
      representation = this.#read().then(compress).then(validated);
      this.#representations.set(coding, representation);
    }
    return representation;
  }

  async #read(): Promise<Uint8Array> {
    const file = await this.#options.file();
    return typeof file === "string" ? readFile(file) : file;
  }

  #headers(coding: string, etag: string): OutgoingHttpHeaders {
    return {
      "content-type": this.#options.contentType,
      ...(coding !== "identity" && { "content-encoding": coding }),
      "cache-control": "no-cache",
      vary: "Accept-Encoding",
      etag,
      "x-content-type-options": "nosniff",
      ...this.#options.headers,
    };
  }
}

/** Answers a request for a page with 405 if it is no GET or HEAD, and with 413 if its body is too large to be skipped; says whether it did. */
export function refuseAllButReads(request: NodeRequest, nodeResponse: NodeResponse): boolean {
  const response = nodeResponse as ServerResponse;
  if (request.method !== "GET" && request.method !== "HEAD") {
    const headers = { allow: "GET, HEAD", ...(mustCloseAfter(request) && { connection: "close" }) };
    response.writeHead(405, headers).end();
    return true;
  }
  if (!mustCloseAfter(request)) return false;
  // The connection ends with bytes that nobody reads, and such an end takes along what of a long answer is under way.
  response.writeHead(413, { connection: "close" }).end();
  return true;
}

type Compress = (bytes: Uint8Array) => Promise<Uint8Array>;

const IDENTITY = { compress: async (bytes: Uint8Array) => bytes };

function validated(bytes: Uint8Array): Representation {
  return { bytes, etag: `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"` };
}

/** By RFC 9110: a list of validators, or `*`; weak ones match, too. */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  const candidates = ifNoneMatch?.split(",").map((candidate) => candidate.trim().replace(/^W\//, "")) ?? [];
  return candidates.includes(etag) || candidates.includes("*");
}
