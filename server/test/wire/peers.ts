import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { onTestFinished } from "vitest";
import { LIMITS, type Limits } from "../../wire/http/limits.ts";
import { type Listener, type ListenOptions, listen, type NodeHandler } from "../../wire/http/listen.ts";

/** A listener on a free loopback port, gone after the test; its errors fail the test unless that takes them. */
export async function listenHere(
  handler: NodeHandler,
  { limits = {}, ...options }: Partial<ListenOptions> & { limits?: Partial<Limits> } = {},
): Promise<Listener> {
  const onError = (error: Error) => {
    throw error;
  };
  const listener = await listen(handler, { host: "127.0.0.1", port: 0, onError, ...options }, { ...LIMITS, ...limits });
  onTestFinished(() => listener.drain(0));
  return listener;
}

/** A handler in the words of HTTP/1.1, all of which HTTP/2 understands: the union of both types cannot be called. */
export function handler(answer: (request: IncomingMessage, response: ServerResponse) => void): NodeHandler {
  return answer as NodeHandler;
}

/** Answers with the protocol's version and the path. */
export const echo = handler((request, response) => {
  response.end(`${request.httpVersion} ${request.url}`);
});

/** A bare TCP connection and all that came in on it. */
export interface RawPeer {
  readonly socket: Socket;
  readonly received: () => string;
  readonly closed: Promise<unknown>;
}

/** Opens a bare TCP connection, gone after the test; if it allows half-open ones, it never closes by itself. */
export async function rawPeer(port: number, { allowHalfOpen = false } = {}): Promise<RawPeer> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen });
  onTestFinished(() => void socket.destroy());
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  // A reset is one of the ways in which a listener closes.
  socket.on("error", () => {});
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await once(socket, "connect");
  return { socket, received: () => Buffer.concat(chunks).toString("latin1"), closed };
}

/** Sends bytes one by one, each in a segment of its own. */
export async function trickle(socket: Socket, bytes: string): Promise<void> {
  for (const byte of bytes) {
    socket.write(byte, "latin1");
    await new Promise(setImmediate);
  }
}

/** Opens an HTTP/2 connection with prior knowledge, gone after the test. */
export async function http2Peer(url: string, options = {}): Promise<ClientHttp2Session> {
  const session = connectHttp2(url, options);
  onTestFinished(() => session.destroy());
  session.on("error", () => {});
  await once(session, "remoteSettings");
  return session;
}

/** The whole answer to a GET over HTTP/2. */
export async function getHttp2(session: ClientHttp2Session, path: string, headers = {}): Promise<string> {
  return text(session.request({ ":path": path, ...headers }));
}

/** How a stream ended, without throwing: its code, of which 0 is a good end. */
export function rstCode(stream: ClientHttp2Stream): Promise<number> {
  stream.on("error", () => {});
  return new Promise((resolve) => stream.once("close", () => resolve(stream.rstCode ?? 0)));
}

/** How long something took, in ms. */
export async function timed(work: Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work;
  return performance.now() - start;
}
