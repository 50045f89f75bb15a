import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";
import { invalidRequest } from "../call/wire-error.ts";

/** A request as Node gives it, over HTTP/1.1 or HTTP/2. */
export type NodeRequest = IncomingMessage | Http2ServerRequest;

/** A response as Node gives it, over HTTP/1.1 or HTTP/2. */
export type NodeResponse = ServerResponse | Http2ServerResponse;

/** Given back to the caller and written into the log, so that one finds the other. */
export const REQUEST_ID_HEADER = "x-request-id";

/** The parts of a request target, none of them decoded. */
export interface Target {
  readonly path: string;
  readonly query: string;
}

/**
 * Takes the target of a request apart without a look at what it means: `..`, `//` and `%2F` stay as they are. A target
 * in absolute form, as proxies get it, loses its scheme and authority.
 */
export function readTarget(target: string): Target {
  const origin = target.startsWith("/") ? "" : (/^https?:\/\/[^/?]*/i.exec(target)?.[0] ?? "");
  const relative = target.slice(origin.length);
  const mark = relative.indexOf("?");
  const path = mark === -1 ? relative : relative.slice(0, mark);
  return { path: path === "" && origin !== "" ? "/" : path, query: mark === -1 ? "" : relative.slice(mark + 1) };
}

/** The URL of a request, for handlers and interceptors. It is not what routes are found by. */
export function urlOf(request: NodeRequest): string {
  const target = request.url ?? "/";
  if (!target.startsWith("/")) return target;
  const scheme = "encrypted" in request.socket ? "https" : "http";
  const authority = request.headers[":authority"] ?? request.headers.host ?? "localhost";
  return `${scheme}://${authority}${target}`;
}

/** The headers of a request without HTTP/2's pseudo headers. */
export function headersOf(request: NodeRequest): Headers {
  const headers = new Headers();
  try {
    for (const name in request.headers) {
      const value = request.headers[name];
      if (value === undefined || name.startsWith(":")) continue;
      if (typeof value === "string") headers.append(name, value);
      else for (const one of value) headers.append(name, one);
    }
  } catch (error) {
    throw invalidRequest("the request has a header that cannot be read", error);
  }
  return headers;
}

/** Reads requests for the contexts of their calls. */
export const REQUEST_READER = {
  methodOf: (request: NodeRequest) => request.method ?? "",
  urlOf,
  headersOf,
};

/** Whether a request says that a body follows. */
export function announcesBody(request: NodeRequest): boolean {
  const { "content-length": length, "transfer-encoding": encoding } = request.headers;
  if (length !== undefined) return length !== "0";
  return encoding !== undefined || ("stream" in request && !request.stream.endAfterHeaders);
}

/** A body that is left unread up to this size is skipped; after a larger one the connection is closed. */
const SKIPPED_BYTES = 65_536;
/** How long the rest of a body is skipped whose length nobody said. */
const SKIPPED_MS = 5_000;

/**
 * Whether a connection has to be closed after an answer that comes now: over HTTP/1.1, a caller who still sends would be
 * read to the end. HTTP/2 ends the stream by itself.
 *
 * A body of unknown length of which nothing was read is skipped from now on, as it may be short and on its way: its
 * sender would find the connection broken, and not the answer.
 */
export function mustCloseAfter(request: NodeRequest): boolean {
  if ("stream" in request || request.complete || !announcesBody(request)) return false;
  if (isTooMuchToSkip(request)) return true;
  if (request.headers["content-length"] === undefined) skip(request, () => request.socket.destroySoon());
  return false;
}

/** Whether nobody waits for the rest of a body whose call is answered. */
export function isTooMuchToSkip(request: NodeRequest): boolean {
  // Somebody has stopped to read it: what is still to come may take for ever.
  if (request.isPaused()) return true;
  const length = request.headers["content-length"];
  return length === undefined ? request.readableDidRead : !(Number(length) <= SKIPPED_BYTES);
}

/** Reads on, and cuts what the body comes by when that takes too long or is too much. */
export function skip(request: NodeRequest, cut: () => void): void {
  let left = SKIPPED_BYTES;
  const timer = setTimeout(cut, SKIPPED_MS).unref();
  request.on("data", (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) cut();
  });
  request.once("close", () => clearTimeout(timer));
}

/**
 * Where a call comes from. A header is believed only if the operator named it, and of several addresses in it only the
 * last, which the operator's own proxy wrote. Of IPv6 the network of 64 bits, as everybody has that many addresses.
 */
export function clientAddress(request: NodeRequest, header: string | undefined): string {
  const said = header === undefined ? undefined : request.headers[header];
  const last = String(said ?? "")
    .split(",")
    .at(-1)
    ?.trim();
  return knownNetworkOf(last || request.socket.remoteAddress || "");
}

/** Most calls come from few addresses, and reading one takes as long as finding a route. */
const networks = new Map<string, string>();
const MAX_NETWORKS = 1_000;

function knownNetworkOf(address: string): string {
  const known = networks.get(address);
  if (known !== undefined) return known;
  if (networks.size >= MAX_NETWORKS) networks.clear();
  const network = networkOf(address);
  networks.set(address, network);
  return network;
}

function networkOf(address: string): string {
  if (!address.includes(":") || !isIPv6(address)) return address;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === "ipv4") return parsed.toString();
  return `${parsed.toNormalizedString().split(":").slice(0, 4).join(":")}::/64`;
}
