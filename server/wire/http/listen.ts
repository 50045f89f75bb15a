import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { createServer as createSecureServer, type Server as SecureServer } from "node:https";
import { type AddressInfo, Server as NetServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import { StartError } from "../../base/fault.ts";
import { type CertificateFiles, followCertificate, readCertificate } from "./certificate.ts";
import { Http1, http1Options, type OnUnreadable } from "./http1.ts";
import { Http2 } from "./http2.ts";
import { LIMITS, type Limits } from "./limits.ts";

/** Where to listen. */
export interface ListenOptions {
  /** A name or an address of this machine. */
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** With it the port speaks TLS only; without, clear text only. The files are read again when they change. */
  readonly tls?: CertificateFiles;
  /** Told of what went wrong with the listener itself; it goes on. What peers do wrong is not told. */
  onError(error: Error): void;
  /** Told of requests that could not be read. Default: nobody is. */
  readonly onUnreadable?: OnUnreadable;
}

/** Answers requests of both protocols; must not throw. */
export type NodeHandler = (
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
) => void;

/** A port that is open. */
export interface Listener {
  /** Such as `http://127.0.0.1:8080`, with the real port. */
  readonly url: string;
  readonly port: number;
  /**
   * Takes no new connections, sends GOAWAY on HTTP/2 and closes what is idle. Calls may finish until `graceMs` are
   * over, then they are cut. Resolves when no connection is left.
   */
  drain(graceMs: number): Promise<void>;
}

/**
 * Opens one port for HTTP/1.1 and HTTP/2: in clear text told apart by their first bytes, with TLS by ALPN.
 *
 * Rejects with a ListenError when it cannot.
 */
export async function listen(handler: NodeHandler, options: ListenOptions, limits: Limits = LIMITS): Promise<Listener> {
  const server = options.tls
    ? await secureServer(options.tls, handler, options, limits)
    : createServer(http1Options(limits), handler);
  const connectionEvent = options.tls ? "secureConnection" : "connection";
  const http1 = new Http1(server, connectionEvent, limits, options.onUnreadable ?? (() => {}));
  const http2 = new Http2(handler, limits);
  const sockets = new Set<Socket>();
  let isDraining = false;

  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.on(connectionEvent, (socket: Socket | TLSSocket) => {
    // A broken connection is nobody's error here; the call it carried hears of it in its own way.
    socket.on("error", () => {});
    const serve = (protocol: Protocol) => {
      if (isDraining) socket.destroy();
      else if (protocol === "http2") http2.serve(socket);
      else http1.serve(socket);
    };
    if ("alpnProtocol" in socket) serve(socket.alpnProtocol === "h2" ? "http2" : "http1");
    else sniff(socket, limits.openingTimeoutMs, serve);
  });

  await open(server, options);
  const { address, family, port } = server.address() as AddressInfo;
  return {
    url: `${options.tls ? "https" : "http"}://${family === "IPv6" ? `[${address}]` : address}:${port}`,
    port,
    async drain(graceMs) {
      isDraining = true;
      // Not the close of http.Server, for the reason given at Http1.finish.
      const closed = new Promise((resolve) => NetServer.prototype.close.call(server, resolve));
      const finished = Promise.all([http1.finish(), http2.finish()]);
      await Promise.race([finished, delay(graceMs, undefined, { ref: false })]);
      for (const socket of sockets) socket.destroy();
      await closed;
      // Ends Node's timer for slow requests, which knows only this close.
      server.close();
    },
  };
}

async function secureServer(
  files: CertificateFiles,
  handler: NodeHandler,
  { onError }: ListenOptions,
  limits: Limits,
): Promise<SecureServer> {
  const certificate = await readCertificate(files);
  const server = createSecureServer(
    {
      ...http1Options(limits),
      ...certificate,
      ALPNProtocols: ["h2", "http/1.1"],
      handshakeTimeout: limits.openingTimeoutMs,
    },
    handler,
  );
  server.once("listening", () => {
    const following = followCertificate(files, certificate, {
      everyMs: limits.certificateCheckMs,
      onChange: (changed) => server.setSecureContext(changed),
      onError,
    });
    server.once("close", following.stop);
  });
  return server;
}

function open(server: Server | SecureServer, { host, port, onError }: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (cause: NodeJS.ErrnoException) =>
      reject(
        new ListenError(REFUSALS[cause.code ?? ""]?.(host, port) ?? `Cannot listen on HOST ${host}, PORT ${port}.`, {
          cause,
        }),
      );
    server.once("error", refuse);
    server.listen(port, host, () => {
      server.off("error", refuse).on("error", onError);
      resolve();
    });
  });
}

const unknownHost = (host: string) =>
  `HOST is ${host}, which is no address of this machine; use one that is, or 0.0.0.0 for all of them.`;

/** What to do about the errors of listening, by their code. */
const REFUSALS: Readonly<Record<string, (host: string, port: number) => string>> = {
  EADDRINUSE: (host, port) => `PORT is ${port}, which another program on ${host} uses; stop it or use another port.`,
  EACCES: (_host, port) => `PORT is ${port}, which this process has no right to use; use one above 1023.`,
  EADDRNOTAVAIL: unknownHost,
  ENOTFOUND: unknownHost,
  EAI_AGAIN: unknownHost,
};

/** Why a port cannot be opened, or a certificate not be used: the message names the setting and says what to do. */
export class ListenError extends StartError {
  override readonly name = "ListenError";
}

/** The protocols that a listener speaks. */
export type Protocol = "http1" | "http2";

/** What a client with prior knowledge of HTTP/2 sends first (RFC 9113, section 3.4). */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/**
 * Tells by a socket's first bytes what it speaks, and gives them back to the socket.
 *
 * All that is not the preface of HTTP/2 counts as HTTP/1.1, whose parser knows best how to refuse it. A socket that
 * ends or does not decide within the time is destroyed.
 */
export function sniff(socket: Socket, timeoutMs: number, decided: (protocol: Protocol) => void): void {
  let head: Buffer = Buffer.alloc(0);

  const giveUp = () => socket.destroy();
  const timer = setTimeout(giveUp, timeoutMs);
  const stop = () => {
    clearTimeout(timer);
    socket.off("readable", look).off("end", giveUp).off("close", stop);
  };
  const look = () => {
    for (let chunk: Buffer | null = socket.read(); chunk !== null; chunk = socket.read()) {
      head = Buffer.concat([head, chunk]);
    }
    if (head.length === 0) return;
    const length = Math.min(head.length, PREFACE.length);
    const isPreface = PREFACE.subarray(0, length).equals(head.subarray(0, length));
    if (isPreface && length < PREFACE.length) return;
    stop();
    // Only now: bytes given back while this listener is on would come straight round again.
    socket.unshift(head);
    decided(isPreface ? "http2" : "http1");
  };
  socket.on("readable", look).on("end", giveUp).on("close", stop);
}
