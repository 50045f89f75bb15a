import {
  constants,
  createServer,
  type Http2Server,
  type Http2ServerRequest,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import { isTooMuchToSkip, skip } from "./exchange.ts";
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
 * Whoever was answered before all was said (a message over the limit) must not keep the stream by saying no more. What is
 * short and on its way is waited for: curl takes a stream that ends before it has sent its body for a broken one. The
 * trailers are the last of an answer; one of headers alone has none.
 */
function endsAfterAnswer(handler: NodeHandler): NodeHandler {
  return (request, response) => {
    const { stream } = request as Http2ServerRequest;
    const end = () => {
      if (stream.endAfterHeaders || stream.readableEnded) return;
      const cut = () => stream.close(constants.NGHTTP2_NO_ERROR);
      if (isTooMuchToSkip(request)) setImmediate(cut);
      else skip(request, cut);
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

/** One HTTP/2 connection, watched for peers that are dead, idle or do not read. */
export class Http2Connection {
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;

  readonly #session: ServerHttp2Session;
  readonly #socket: Socket;
  readonly #limits: Limits;
  #openStreams = 0;
  #unsentBytes = 0;

  constructor(session: ServerHttp2Session, socket: Socket, limits: Limits) {
    this.#session = session;
    this.#socket = socket;
    this.#limits = limits;
    this.closed = new Promise((resolve) => session.once("close", resolve));
    session.on("stream", (stream) => this.#follow(stream));
    session.on("timeout", () => this.#probe());
    session.setTimeout(limits.silenceTimeoutMs);
    // Node has said goodbye, and would wait without end for the peer to do so.
    socket.once("finish", () => {
      const overdue = setTimeout(() => socket.destroy(), limits.pingTimeoutMs);
      socket.once("close", () => clearTimeout(overdue));
    });
  }

  /** Tells the peer to open no more streams here, and closes the connection after the last one. */
  finish(): void {
    this.#session.close();
  }

  #follow(stream: ServerHttp2Stream): void {
    this.#openStreams += 1;
    stream.once("aborted", () => this.#forget(stream));
    stream.once("close", () => {
      this.#openStreams -= 1;
      if (!stream.aborted) this.#forget(stream);
    });

    // A stream may well be quiet for long; a reader that leaves bytes lying may not. Node does not call a stream timed
    // out while others of its connection make progress: such a reader is bounded by the deadline of its call.
    stream.setTimeout(this.#limits.stallTimeoutMs);
    stream.on("timeout", () => {
      if (stream.writableLength > 0) stream.close(constants.NGHTTP2_CANCEL);
    });
  }

  /**
   * Node (24.21) counts bytes that a cancelled stream has not sent as memory of its session for ever, and refuses all
   * new streams above `maxSessionMemory`. Long before that we ask the peer to go on with a new connection.
   */
  #forget(stream: ServerHttp2Stream): void {
    this.#unsentBytes += stream.writableLength;
    if (this.#unsentBytes > this.#limits.maxSessionMemoryMb * 2 ** 19) this.finish();
  }

  /** After a silence: closes a connection without streams, and one whose peer does not answer a PING. */
  #probe(): void {
    const { silenceTimeoutMs, pingTimeoutMs } = this.#limits;
    const overdue = setTimeout(() => this.#socket.destroy(), pingTimeoutMs);
    this.#session.ping((error) => {
      clearTimeout(overdue);
      if (error) return;
      if (this.#openStreams > 0) this.#session.setTimeout(silenceTimeoutMs);
      else this.finish();
    });
  }
}
