import { constants, createServer, type Http2Server, type Http2ServerRequest } from "node:http2";
import type { Socket } from "node:net";
import { Http2Connection } from "./http2-connection.ts";
import type { Limits } from "./limits.ts";
import type { NodeHandler } from "./listen.ts";

/** The HTTP/2 connections of a listener. */
export class Http2 {
  readonly #connections = new Set<Http2Connection>();
  readonly #server: Http2Server;
  readonly #limits: Limits;

  constructor(handler: NodeHandler, limits: Limits) {
    this.#limits = limits;
    this.#server = createServer(
      {
        settings: { maxConcurrentStreams: limits.maxConcurrentStreams, maxHeaderListSize: limits.maxHeaderBytes },
        streamResetBurst: limits.streamResetBurst,
        streamResetRate: limits.streamResetRate,
        maxSessionMemory: limits.maxSessionMemoryMb,
      },
      endsAfterAnswer(handler),
    );
  }

  /** Takes a connection over. */
  serve(socket: Socket): void {
    // A peer that closes its side has left, and so have its calls; an HTTP/1.1 server leaves the other side open.
    socket.allowHalfOpen = false;
    this.#server.once("session", (session) => {
      const connection = new Http2Connection(session, socket, this.#limits);
      this.#connections.add(connection);
      connection.closed.then(() => this.#connections.delete(connection));
    });
    this.#server.emit("connection", socket);
  }

  /** Sends GOAWAY to each connection and closes it after its last stream; resolves when none is left. */
  async finish(): Promise<void> {
    for (const connection of this.#connections) connection.finish();
    await Promise.all([...this.#connections].map(({ closed }) => closed));
  }
}

/**
 * Whoever was answered before all was said (a message over the limit) must not keep the stream by saying no more. The
 * trailers are the last of an answer; one of headers alone has none.
 */
function endsAfterAnswer(handler: NodeHandler): NodeHandler {
  return (request, response) => {
    const { stream } = request as Http2ServerRequest;
    const end = () => {
      if (stream.endAfterHeaders || stream.readableEnded) return;
      setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR));
    };
    stream.once("wantTrailers", end);
    const respond = stream.respond.bind(stream);
    stream.respond = (headers, options) => {
      respond(headers, options);
      if (stream.writableEnded) end();
    };
    handler(request, response);
  };
}
