import {
  type ClientHttp2Session,
  type ClientSessionOptions,
  connect as connectHttp2,
  constants,
  type IncomingHttpHeaders,
} from "node:http2";
import { connect } from "node:net";
import { LIMITS } from "../../wire/http/limits.ts";
import { type Answer, readAnswers } from "./answer.ts";
import type { BadBytes, BadRequest } from "./bad-request.ts";

/** What came of sending something. */
export interface Exchange {
  readonly answers: readonly Answer[];
  /** What is wrong with it as HTTP, if anything is. */
  readonly problem?: string;
}

/** After this long, nothing is expected any more. */
const PATIENCE_MS = 5_000;
/** How long a stream may take to close after the end of its answer. */
const CLOSE_MS = 1_000;
/** How long a peer stays that then leaves. */
const STAY_MS = 50;

type Peer = { readonly host: string; readonly port: number };

/** Sends a request over a new connection of HTTP/1.1. */
export async function exchangeHttp1(
  peer: Peer,
  { method, host, target, headers, body }: BadRequest,
): Promise<Exchange> {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const length = body === undefined ? "" : `content-length: ${body.length}\r\n`;
  const head = `${method} ${target} HTTP/1.1\r\nhost: ${host ?? peer.host}\r\nconnection: close\r\n${lines}${length}\r\n`;
  const bytes = Buffer.concat([Buffer.from(head, "latin1"), body ?? Buffer.alloc(0)]);
  const { received, isClosed } = await exchangeBytes(peer, bytes, "wait");
  const exchange = read(received, [method === "HEAD"]);
  if (!isClosed) return { ...exchange, problem: "it hangs" };
  if (exchange.problem === undefined && exchange.answers.length !== 1)
    return { ...exchange, problem: `${exchange.answers.length} answers` };
  return exchange;
}

/** Sends bytes over a new connection; only answers of HTTP/1.1 are read. */
export async function exchangeRaw(peer: Peer, { bytes, isHttp2 }: BadBytes): Promise<Exchange> {
  const { received, isClosed } = await exchangeBytes(peer, bytes, isHttp2 ? "leave" : "end");
  if (isHttp2) return { answers: [] };
  const exchange = read(received, bytes.toString("latin1", 0, 5) === "HEAD " ? [true] : []);
  return isClosed ? exchange : { ...exchange, problem: "the connection stays open" };
}

function read(received: Buffer, heads: readonly boolean[]): Exchange {
  try {
    return { answers: readAnswers(received, heads) };
  } catch (error) {
    return { answers: [], problem: (error as Error).message };
  }
}

/** Writes bytes, and then waits for the other side to close, says that it has no more to say, or leaves. */
function exchangeBytes(
  peer: Peer,
  bytes: Buffer,
  then: "wait" | "end" | "leave",
): Promise<{ received: Buffer; isClosed: boolean }> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    const socket = connect(peer);
    const done = (isClosed: boolean) => {
      clearTimeout(timer);
      resolve({ received: Buffer.concat(pieces), isClosed });
      socket.destroy();
    };
    const timer = setTimeout(() => done(false), then === "leave" ? STAY_MS : PATIENCE_MS);
    socket.on("data", (piece) => pieces.push(piece));
    // A reset is one of the ways in which a server closes.
    socket.on("error", () => {});
    socket.once("close", () => done(true));
    if (then === "end") socket.end(bytes);
    else socket.write(bytes);
  });
}

/**
 * Node can send what it does not let its types say. The memory is the client's own: it counts bytes that a stream was
 * closed before sending as lost for ever.
 */
const OPTIONS: ClientSessionOptions & { strictSingleValueFields: boolean } = {
  strictSingleValueFields: false,
  maxSessionMemory: 1_000,
};

/** Node takes 128 header fields over HTTP/2, the four that every request has among them. */
const MAX_FIELDS = 124;

/** Connections of HTTP/2 with prior knowledge, which go on with a new one when the server closes one. */
export class Http2Peer {
  readonly #url: string;
  #session: ClientHttp2Session | undefined;
  /** How many connections it took. */
  connections = 0;

  constructor(url: string) {
    this.#url = url;
  }

  /** Sends a request in a stream of its own. */
  async exchange({ method, host, target, headers, body }: BadRequest): Promise<Exchange> {
    const fields: Record<string, string | string[]> = Object.create(null);
    for (const [name, value] of headers) fields[name] = [fields[name] ?? [], value].flat();
    for (const name of Object.keys(fields)) if (fields[name]?.length === 1) fields[name] = fields[name][0] as string;
    return new Promise((resolve) => {
      const stream = this.#open().request(
        { ...fields, ":method": method, ":path": target, ...(host !== undefined && { ":authority": host }) },
        { endStream: body === undefined },
      );
      const pieces: Buffer[] = [];
      let head: IncomingHttpHeaders | undefined;
      let trailers: IncomingHttpHeaders = {};
      const timer = setTimeout(() => done("it hangs"), PATIENCE_MS);
      let leftOpen: NodeJS.Timeout | undefined;
      const done = (problem?: string) => {
        clearTimeout(timer);
        clearTimeout(leftOpen);
        const { ":status": status, ...rest } = head ?? {};
        const answer = {
          status: Number(status),
          headers: flat(rest),
          body: Buffer.concat(pieces),
          trailers: flat(trailers),
        };
        resolve({ answers: head ? [answer] : [], ...(problem !== undefined && { problem }) });
        stream.destroy();
      };
      stream.on("response", (received) => {
        head = received;
      });
      stream.on("trailers", (received) => {
        trailers = received;
      });
      stream.on("data", (piece) => pieces.push(piece));
      stream.once("end", () => {
        leftOpen = setTimeout(() => done("the stream stays open after its answer"), CLOSE_MS);
      });
      stream.on("error", () => {});
      stream.once("close", () => {
        if (head === undefined)
          done(
            isRefusedByHttp2(target, host, fields, stream.rstCode)
              ? undefined
              : `no answer, stream closed with ${stream.rstCode}`,
          );
        else done(stream.readableEnded || method === "HEAD" ? undefined : `cut with ${stream.rstCode}`);
      });
      if (body !== undefined) stream.end(body);
    });
  }

  close(): void {
    this.#session?.destroy();
  }

  #open(): ClientHttp2Session {
    if (this.#session === undefined || this.#session.closed || this.#session.destroyed) {
      this.connections += 1;
      const session = connectHttp2(this.#url, OPTIONS);
      session.on("error", () => {});
      session.once("goaway", () => session.close());
      this.#session = session;
    }
    return this.#session;
  }
}

/** What the protocol itself refuses needs no answer: a path or a host that is none, and headers over the limit. */
function isRefusedByHttp2(
  path: string,
  host: string | undefined,
  fields: Record<string, string | string[]>,
  code: number | undefined,
): boolean {
  if (code === constants.NGHTTP2_PROTOCOL_ERROR) return !path.startsWith("/") || host !== undefined;
  const sizeBytes = Object.entries(fields).reduce(
    (sum, [name, value]) => sum + 32 * [value].flat().length + name.length + String(value).length,
    path.length,
  );
  const count = Object.values(fields).flat().length;
  return (
    code === constants.NGHTTP2_ENHANCE_YOUR_CALM && (sizeBytes > LIMITS.maxHeaderBytes - 300 || count > MAX_FIELDS)
  );
}

function flat(headers: IncomingHttpHeaders): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}
