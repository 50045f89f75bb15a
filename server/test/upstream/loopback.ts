import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, expect } from "vitest";
import { EgressDenied } from "../../upstream/egress/denial.ts";
import { Egress, type EgressCall, type EgressOptions } from "../../upstream/egress/egress.ts";
import { UpstreamFailure } from "../../upstream/models/failure.ts";

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** An Egress that is closed when the test is over. */
export function egressFor(options: EgressOptions): Egress {
  const made = new Egress(options);
  cleanups.push(() => made.close());
  return made;
}

/** Open connections of each server of a test. */
export const connections = new Map<string, Set<Socket>>();

/** The origin of a server on loopback that is closed when the test is over. */
export async function listen(server: Server): Promise<string> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket.on("error", () => undefined));
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  connections.set(origin, sockets);
  return origin;
}

/** The address of a server of HTTP that listens on the loopback. */
export const serve = (listener: RequestListener) => listen(createHttpServer(listener));

/** The address of a server on the loopback that answers with whatever bytes. */
export const serveBytes = (onRequest: (socket: Socket, request: string) => void) =>
  listen(createServer((socket) => socket.on("data", (data) => onRequest(socket, data.toString("latin1")))));

/** A call with all that does not matter. */
export function call(url: string, rest: Partial<EgressCall> = {}): EgressCall {
  const signal = new AbortController().signal;
  return { ownerId: "owner", url, method: "POST", headers: {}, body: "{}", streamed: false, signal, ...rest };
}

/** Makes a call and reads its body. */
export async function fetchText(through: Egress, url: string, rest?: Partial<EgressCall>): Promise<string> {
  const response = await through.request(call(url, rest));
  return response.text(through.limits.bodyBytes);
}

/** Reads a body as far as it goes, piece by piece. */
export async function readToEnd(through: Egress, url: string, streamed: boolean): Promise<void> {
  const response = await through.request(call(url, { streamed }));
  for (let pieces = await response.read(); pieces !== undefined; ) pieces = await response.read();
}

/** The failure of a call, however far it came. */
export async function failureOf(promise: Promise<unknown>): Promise<UpstreamFailure> {
  return promise.then(
    () => expect.fail("the call succeeded"),
    (error) => (error instanceof UpstreamFailure ? error : expect.fail(String(error))),
  );
}

/** The rule that closed a call. */
export const reasonOf = ({ cause }: UpstreamFailure) => (cause instanceof EgressDenied ? cause.reason : cause);
