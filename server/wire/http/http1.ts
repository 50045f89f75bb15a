import { randomUUID } from "node:crypto";
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
 * The server itself must listen: only then does Node look after its timeouts. Malformed requests and slow ones get their
 * 400, 408 or 431 as Node would answer them, with a body that says what is wrong and an id that the log has too.
 */
export class Http1 {
  readonly #answers = new Map<Socket, SlotList<ServerResponse>>();
  readonly #adopt: (socket: Socket) => void;
  #finishing = false;

  constructor(server: Server | SecureServer, connectionEvent: string, limits: Limits, onUnreadable: OnUnreadable) {
    const [adopt] = server.listeners(connectionEvent);
    server.removeAllListeners(connectionEvent);
    this.#adopt = (socket) => adopt?.call(server, socket);
    // Before the handler, which may answer at once.
    server.prependListener("request", (request, response) => this.#follow(request, response));
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
      const isAnswered = [...(this.#answers.get(socket) ?? [])].some(({ headersSent }) => headersSent);
      if (socket.writable && !isAnswered) refuseUnreadable(error, socket, onUnreadable);
      socket.destroy();
    });
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

/** Told of a request that could not be read, with the id that its sender got. */
export type OnUnreadable = (facts: { readonly requestId: string; readonly httpStatus: number }) => void;

/** What Node answers by the code of its error; else 400. */
const UNREADABLE: Readonly<Record<string, readonly [status: number, phrase: string, message: string]>> = {
  HPE_HEADER_OVERFLOW: [431, "Request Header Fields Too Large", "the headers of the request are too large"],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, "Payload Too Large", "the chunks of the request have too large extensions"],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "Request Timeout", "the request did not come whole in time"],
};

/**
 * Answers what could not be read. Which protocol was meant is not known: the body is an error of AIP-193, and has the
 * members that a client of Connect looks for beside it. HEAD gets no body, as far as the method came with the last bytes.
 */
function refuseUnreadable(
  { code = "", rawPacket }: NodeJS.ErrnoException & { readonly rawPacket?: Buffer },
  socket: Socket,
  onUnreadable: OnUnreadable,
): void {
  const [status, phrase, message] = UNREADABLE[code] ?? [
    400,
    "Bad Request",
    "the request is not HTTP/1.1 as it should be; if it was meant for TLS, write https:// or set TLS_CERT_FILE",
  ];
  const requestId = randomUUID();
  const type = (name: string) => `type.googleapis.com/google.rpc.${name}`;
  const details = [
    { "@type": type("ErrorInfo"), reason: "INVALID_REQUEST", domain: "patchbay", metadata: {} },
    { "@type": type("RequestInfo"), requestId, servingData: "" },
  ];
  const error = { code: status, status: "INVALID_ARGUMENT", message, details };
  const body = JSON.stringify({ code: "invalid_argument", message, error });
  const isHead = rawPacket?.subarray(0, 5).toString("latin1") === "HEAD ";
  onUnreadable({ requestId, httpStatus: status });
  const head = [
    `HTTP/1.1 ${status} ${phrase}`,
    "connection: close",
    "content-type: application/json",
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n${isHead ? "" : body}`);
}

function announceClose(response: ServerResponse): void {
  if (!response.headersSent) response.setHeader("connection", "close");
}
