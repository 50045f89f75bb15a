import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** A proxy in front of a server, at one address whatever stands behind it. */
export interface Proxy {
  /** With the prefix. */
  readonly url: string;
  /** Where it leads; empty: nowhere, and it hangs up. */
  target: string;
  /** How long it holds each request back. */
  delayMs: number;
  /** The requests that have come, such as `POST /patchbay.v1.LlmService/GetLlm`. */
  readonly requests: string[];
  stop(): Promise<void>;
}

/** Leads to a server what begins with the prefix, and takes that away, as gateways do. */
export async function startProxy({ target, prefix = "" }: { target: string; prefix?: string }): Promise<Proxy> {
  const requests: string[] = [];
  const server = createServer(async (incoming, response) => {
    const { method, headers, url = "" } = incoming;
    if (!url.startsWith(`${prefix}/`)) return void response.writeHead(404).end();
    const path = url.slice(prefix.length);
    requests.push(`${method} ${path}`);
    if (proxy.delayMs > 0) await sleep(proxy.delayMs);
    if (proxy.target === "") return void response.destroy();
    const outgoing = request(`${proxy.target}${path}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.on("error", () => response.destroy());
      answer.pipe(response);
    });
    outgoing.on("error", () => response.destroy());
    response.on("close", () => outgoing.destroy());
    incoming.pipe(outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const proxy: Proxy = {
    url: `http://127.0.0.1:${port}${prefix}`,
    target,
    delayMs: 0,
    requests,
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return proxy;
}
