import type { IncomingMessage, Server, ServerOptions, ServerResponse } from "node:http";
import type { Server as SecureServer } from "node:https";
import type { Socket } from "node:net";
import { SlotList } from "../../base/slot-list.ts";
import type { Limits } from "./limits.ts";

/** The limits as `http.createServer` and `https.createServer` want them. */
export function http1Options(limits: Limits): ServerOptions {
  return {
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: limits.requestCheckMs,
    keepAliveTimeout: limits.silenceTimeoutMs,
    maxHeaderSize: limits.maxHeaderBytes,
    // TCP finds the dead peers of quiet streams, to which we send nothing that could fail.
    keepAlive: true,
    keepAliveInitialDelay: limits.silenceTimeoutMs,
  };
}

/**
 * The HTTP/1.1 connections of a server that listens but gets only those sockets that it is given.
 *
 * The server itself must listen: only then does Node look after its timeouts. Malformed requests and slow ones get
 * their 400, 408 or 431 from Node, which does so as long as nobody listens for `clientError`.
 */
export class Http1 {
  readonly #answers = new Map<Socket, SlotList<ServerResponse>>();
  readonly #adopt: (socket: Socket) => void;
  #finishing = false;

  constructor(server: Server | SecureServer, connectionEvent: string, limits: Limits) {
    const [adopt] = server.listeners(connectionEvent);
    server.removeAllListeners(connectionEvent);
    this.#adopt = (socket) => adopt?.call(server, socket);
    // Before the handler, which may answer at once.
    server.prependListener("request", (request, response) => this.#follow(request, response));
    server.setTimeout(limits.stallTimeoutMs, (socket: Socket) => this.#cutUnlessQuiet(socket));
  }

  /** Takes a connection over. */
  serve(socket: Socket): void {
    this.#answers.set(socket, new SlotList());
    socket.once("close", () => this.#answers.delete(socket));
    this.#adopt(socket);
  }

  /**
   * Closes connections without a call at once and the others after their answers; resolves when none is left.
   *
   * `Server.close` is not up to this: it also destroys sockets whose answer is complete but still on its way out.
   */
  async finish(): Promise<void> {
    this.#finishing = true;
    const closed = [...this.#answers.keys()].map((socket) => new Promise((resolve) => socket.once("close", resolve)));
    for (const [socket, answers] of this.#answers) {
      if (answers.size === 0) socket.destroy();
      for (const answer of answers) announceClose(answer);
    }
    await Promise.all(closed);
  }

  #follow({ socket }: IncomingMessage, response: ServerResponse): void {
    const answers = this.#answers.get(socket);
    // A socket that is closing already has none.
    const place = answers?.add(response);
    if (this.#finishing) announceClose(response);
    response.once("close", () => {
      if (place !== undefined) answers?.remove(place);
      if (this.#finishing && answers?.size === 0) socket.destroySoon();
    });
  }

  /** A stream may well be quiet for long; a reader that leaves bytes lying, or a connection without a call, may not. */
  #cutUnlessQuiet(socket: Socket): void {
    const isAnswering = (this.#answers.get(socket)?.size ?? 0) > 0;
    if (!isAnswering || socket.writableLength > 0) socket.destroy();
  }
}

function announceClose(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader("connection", "close");
}
