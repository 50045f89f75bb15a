import { constants, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { Limits } from "./limits.ts";

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
