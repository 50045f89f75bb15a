import { createServer, type Server } from "node:http";
import { type Duplex, duplexPair } from "node:stream";
import type { NodeHandler } from "./listen.ts";

/** Serves HTTP/1.1 on pairs of streams in memory: for callers in this process, who need no port and no certificate. */
export class InMemoryListener {
  readonly #server: Server;

  constructor(handler: NodeHandler) {
    this.#server = createServer(handler);
  }

  /** A new connection to it, with what undici asks of a socket beside the stream. */
  connect(): Duplex {
    const [near, far] = duplexPair();
    this.#server.emit("connection", far);
    return Object.assign(near, { ref: () => near, unref: () => near });
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
