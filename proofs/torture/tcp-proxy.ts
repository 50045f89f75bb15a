import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/**
 * What a proxy does with the bytes between its two sides. `blackhole` takes connections and lets nothing through, as a
 * host does that lost its power; `half-open` does so with those that are there and refuses new ones; `drop` ends all and
 * refuses new ones; `reset` ends all with RST, once, and goes on.
 */
export type ProxyMode = "pass" | "latency" | "trickle" | "blackhole" | "half-open" | "drop" | "reset";

const LATENCY_MS = 150;
const TRICKLE_MS = 2;
const TRICKLE_BYTES = 512;

/** A TCP proxy on a loopback port, for the bad days of what is behind it. */
export class TcpProxy {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #target: { readonly host: string; readonly port: number };
  #mode: ProxyMode = "pass";

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));
  }

  static async start(port: number, host = "127.0.0.1"): Promise<TcpProxy> {
    const proxy = new TcpProxy({ host, port });
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get mode(): ProxyMode {
    return this.#mode;
  }

  /** Where new connections go. */
  retarget(port: number): void {
    this.#target = { ...this.#target, port };
  }

  /** Takes effect on the connections that are there, too. Back in `pass`, those that were kept in the dark are gone. */
  set(mode: ProxyMode): void {
    const wasDark = this.#mode === "blackhole" || this.#mode === "half-open";
    this.#mode = mode === "reset" ? "pass" : mode;
    if (mode === "reset") for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy();
    else if (mode === "drop" || (mode === "pass" && wasDark)) this.#cutAll();
  }

  async close(): Promise<void> {
    this.#cutAll();
    this.#server.close();
    await once(this.#server, "close");
  }

  #cutAll(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  #serve(near: Socket): void {
    near.on("error", () => {});
    if (this.#mode === "drop" || this.#mode === "half-open") return void near.destroy();
    const far = connect({ ...this.#target, allowHalfOpen: true });
    far.on("error", () => near.destroy());
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    near.once("close", () => {
      this.#pairs.delete(pair);
      far.destroy();
    });
    far.once("close", () => near.destroy());
    this.#carry(near, far);
    this.#carry(far, near);
  }

  #carry(from: Socket, to: Socket): void {
    let turn: Promise<unknown> = Promise.resolve();
    from.on("data", (bytes) => {
      turn = turn.then(() => this.#pass(bytes, to));
    });
    from.on("end", () => {
      turn = turn.then(() => {
        if (!this.#isDark) to.end();
      });
    });
  }

  get #isDark(): boolean {
    return this.#mode === "blackhole" || this.#mode === "half-open";
  }

  async #pass(bytes: Buffer, to: Socket): Promise<void> {
    if (this.#mode === "latency") await new Promise((resolve) => setTimeout(resolve, LATENCY_MS));
    if (this.#mode === "trickle") {
      for (let start = 0; start < bytes.length; start += TRICKLE_BYTES) {
        await new Promise((resolve) => setTimeout(resolve, TRICKLE_MS));
        if (!this.#isDark && to.writable) to.write(bytes.subarray(start, start + TRICKLE_BYTES));
      }
      return;
    }
    if (!this.#isDark && to.writable) to.write(bytes);
  }
}
