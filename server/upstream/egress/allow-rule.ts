import ipaddr from "ipaddr.js";
import { isMetadata, parseAddress } from "./address.ts";

/** One origin, or one kind of them, that the operator opens although the default policy closes it. */
export interface AllowRule {
  readonly protocol: "http:" | "https:";
  readonly host:
    | { readonly kind: "name"; readonly name: string }
    /** `.llm.corp`: every name below it, not llm.corp itself. */
    | { readonly kind: "wildcard"; readonly suffix: string }
    | { readonly kind: "network"; readonly network: string; readonly prefixLength: number };
  readonly port: number;
}

const ENTRY = /^(?<protocol>https?:)\/\/(?<host>\[[^\]]*\]|[^:/[\]]+)(?:\/(?<prefix>\d{1,3}))?(?::(?<port>\d{1,5}))?$/i;
const NAME = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;
const EXAMPLES = "http://localhost:11434, http://10.0.5.0/24:8000 or https://*.llm.corp:443";

/** The rules of a setting such as `http://localhost:11434,https://*.llm.corp:443`; throws an Error that says what is wrong. */
export function parseAllowRules(setting: string): AllowRule[] {
  return setting
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "")
    .map(parseEntry);
}

/** The first rule that opens an origin, by its host as written: what a name resolves to never opens anything. */
export function findRule(rules: readonly AllowRule[], protocol: string, host: string, port: number) {
  return rules.find((rule) => rule.protocol === protocol && rule.port === port && covers(rule.host, host));
}

function parseEntry(entry: string): AllowRule {
  const parts = ENTRY.exec(entry)?.groups as Partial<Record<string, string>> | undefined;
  if (parts?.protocol === undefined || parts.host === undefined) {
    throw refusal(entry, `write scheme://host:port with nothing behind it, like ${EXAMPLES}`);
  }
  const protocol = parts.protocol.toLowerCase() as AllowRule["protocol"];
  const port = parts.port === undefined ? (protocol === "https:" ? 443 : 80) : Number(parts.port);
  if (port < 1 || port > 65_535) throw refusal(entry, "a port is a number from 1 to 65535");
  return { protocol, host: parseHost(entry, parts.host.toLowerCase(), parts.prefix), port };
}

function parseHost(entry: string, written: string, prefix: string | undefined): AllowRule["host"] {
  const host = written.replace(/^\[(.*)\]$/, "$1");
  if (ipaddr.IPv6.isValid(host) || ipaddr.IPv4.isValidFourPartDecimal(host)) return parseNetwork(entry, host, prefix);
  if (prefix !== undefined) throw refusal(entry, "only an address has a prefix length, like http://10.0.5.0/24:8000");
  const name = host.replace(/\.$/, "");
  if (written !== host) throw refusal(entry, "only an IPv6 address stands in brackets");
  if (name.startsWith("*.") && NAME.test(name.slice(2))) return { kind: "wildcard", suffix: name.slice(1) };
  if (NAME.test(name) && !/(^|\.)\d+$/.test(name)) return { kind: "name", name };
  throw refusal(entry, "a host is a name, *. and a name, an address, or a network, like 10.0.5.0/24 or [fd12::]/64");
}

function parseNetwork(entry: string, host: string, prefix: string | undefined): AllowRule["host"] {
  const address = ipaddr.parse(host);
  const bits = address.kind() === "ipv4" ? 32 : 128;
  const prefixLength = prefix === undefined ? bits : Number(prefix);
  if (prefixLength > bits) throw refusal(entry, `a prefix length here is a number from 0 to ${bits}`);
  if (prefixLength === bits && isMetadata(host)) {
    throw refusal(entry, "this is a cloud's metadata service, which is never open; leave the entry out");
  }
  const kind = address.kind() === "ipv4" ? ipaddr.IPv4 : ipaddr.IPv6;
  const network = kind.networkAddressFromCIDR(`${host}/${prefixLength}`).toString();
  if (ipaddr.parse(network).toNormalizedString() !== address.toNormalizedString()) {
    throw refusal(entry, `the network of this address is ${network}/${prefixLength}`);
  }
  return { kind: "network", network, prefixLength };
}

function covers(rule: AllowRule["host"], host: string): boolean {
  if (rule.kind === "name") return rule.name === host;
  if (rule.kind === "wildcard") return host.endsWith(rule.suffix) && host.length > rule.suffix.length;
  const address = parseAddress(host);
  const network = ipaddr.parse(rule.network);
  return address?.kind() === network.kind() && address.match([network, rule.prefixLength] as never);
}

function refusal(entry: string, advice: string): Error {
  return new Error(`EGRESS_ALLOW: ${JSON.stringify(entry)} is not an origin: ${advice}`);
}
