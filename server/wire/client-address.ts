import { isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";
import type { NodeRequest } from "./call/exchange.ts";

/**
 * Where a call comes from. A header is believed only if the operator named it, and of several addresses in it only the
 * last, which the operator's own proxy wrote. Of IPv6 the network of 64 bits, as everybody has that many addresses.
 */
export function clientAddress(request: NodeRequest, header: string | undefined): string {
  const said = header === undefined ? undefined : request.headers[header];
  const last = String(said ?? "")
    .split(",")
    .at(-1)
    ?.trim();
  return networkOf(last || request.socket.remoteAddress || "");
}

function networkOf(address: string): string {
  if (!address.includes(":") || !isIPv6(address)) return address;
  const parsed = ipaddr.process(address);
  if (parsed.kind() === "ipv4") return parsed.toString();
  return `${parsed.toNormalizedString().split(":").slice(0, 4).join(":")}::/64`;
}
