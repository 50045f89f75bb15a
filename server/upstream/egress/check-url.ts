import { isIPv4 } from "node:net";
import type { Duplex } from "node:stream";
import { addressDenial, isMetadata } from "./address.ts";
import { type AllowRule, findRule } from "./allow-rule.ts";
import { type AddressDenyReason, type DenyReason, EgressDenied } from "./denial.ts";

/** A URL that passed all rules which need no network. */
export interface Route {
  readonly origin: string;
  /** The path, from its slash. */
  readonly path: string;
  /** Why the origin is open although the default policy closes it. */
  readonly rule: AllowRule | undefined;
  /** What is connected to instead of the network: an endpoint in this process. */
  readonly local?: LocalEndpoint | undefined;
}

/** An endpoint in this process: whatever is sent to it opens no socket. */
export interface LocalEndpoint {
  /** Its base URL, of a scheme of ours, such as `patchbay:demo`. */
  readonly url: string;
  connect(): Duplex;
}

const MAX_URL_BYTES = 2_048;

/**
 * Ports of other protocols: those of the Fetch standard, and then those of infrastructure, which often answers to a line of
 * HTTP and to anybody: Docker, Kubernetes, etcd, Consul, Nomad and Vault, databases and their poolers, caches and queues.
 */
const DENIED_PORTS = new Set(
  `
    0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 117 119
    123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 587 601 636 989
    990 993 995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667 6668 6669 6679 6697 10080
    445 1433 1434 1521 3306 3389 5432 5433 5672 5984 6379 6380 6432 9042 9200 9300 11211 27017 27018 27019
    2375 2376 2377 2379 2380 2381 4194 6443 10248 10250 10255 10256 10257 10259 4646 4647 4648 8200 8300 8301 8302 8500
    2181 4222 5671 7000 7001 7199 7474 7687 8086 9092 9160 15672 25672 26257 26379 33060
  `
    .trim()
    .split(/\s+/)
    .map(Number),
);

/** Names below these are never public: RFC 6761, 6762, 7686, 8375, 9476, ICANN's .internal, and what people made up. */
const DENIED_SUFFIXES = new Set([
  ...["localhost", "localdomain", "localdomain4", "localdomain6", "local", "internal", "lan", "home", "corp", "mail"],
  ...["intranet", "private", "svc", "cluster", "consul", "docker", "home.arpa", "onion", "alt", "test", "invalid"],
  "metadata.goog",
]);

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** The route of a URL; throws EgressDenied when the policy closes it. */
export function routeOf(raw: string, rules: readonly AllowRule[], locals: readonly LocalEndpoint[] = []): Route {
  const local = locals.find(({ url }) => raw === url || raw.startsWith(`${url}/`));
  if (local) return localRoute(raw, local);
  const url = URL.parse(raw);
  if (url === null) throw new EgressDenied("parse");
  const host = url.hostname.replace(/\.$/, "");
  const port = url.port === "" ? defaultPort(url.protocol) : Number(url.port);
  const rule = findRule(rules, url.protocol, bare(host), port);
  const reason = urlDenial(raw, url, rule) ?? hostDenial(host, port, rule);
  if (reason !== undefined) throw new EgressDenied(reason);
  const written = url.port === "" ? host : `${host}:${url.port}`;
  return { origin: `${url.protocol}//${written}`, path: url.pathname, rule };
}

/** What is wrong with an address that a URL leads to. The rule that opened the URL opens all but metadata services. */
export function addressDenialUnder(rule: AllowRule | undefined, address: string): AddressDenyReason | undefined {
  if (rule === undefined) return addressDenial(address);
  return isMetadata(address) ? "ip-metadata" : undefined;
}

/** A path is judged as anywhere else. The name of the origin is not looked up; it can be nobody's. */
function localRoute(raw: string, local: LocalEndpoint): Route {
  const path = raw.slice(local.url.length) || "/";
  if (/[\s\p{Cc}\\?#]/u.test(path) || hasDotSegment(path) || Buffer.byteLength(raw) > MAX_URL_BYTES) {
    throw new EgressDenied("shape");
  }
  return { origin: `http://${local.url.replace(":", "-")}.invalid`, path, rule: undefined, local };
}

function urlDenial(raw: string, url: URL, rule: AllowRule | undefined): DenyReason | undefined {
  if (url.protocol !== "https:" && (url.protocol !== "http:" || rule === undefined)) return "scheme";
  // On the raw string: WHATWG drops an empty userinfo, and reads a backslash as the slash that ends it.
  if (/^[a-z]+:\/\/[^/?#\\]*@/i.test(raw) || url.username !== "" || url.password !== "") return "userinfo";
  const isPlain = /^https?:\/\/[^/?#\\]/i.test(raw) && !/[\s\p{Cc}\\?#]/u.test(raw);
  if (!isPlain || hasDotSegment(raw) || Buffer.byteLength(raw) > MAX_URL_BYTES) return "shape";
}

function hostDenial(host: string, port: number, rule: AllowRule | undefined): DenyReason | undefined {
  const isAddress = host.startsWith("[") || isIPv4(host);
  // What is wrong with an address is said before what is wrong with its port: a rule that opens it opens both.
  const denial = isAddress ? addressDenialUnder(rule, bare(host)) : undefined;
  if (denial !== undefined) return denial;
  if (rule !== undefined) return undefined;
  if (DENIED_PORTS.has(port)) return "port";
  return isAddress || isPublicName(host) ? undefined : "host-denied";
}

/** A segment that a server or a proxy may take for `..`: encoded, with parameters, or behind an encoded slash. */
function hasDotSegment(raw: string): boolean {
  const path = raw.replace(/^[a-z]+:\/\/[^/]*/i, "").replace(/%2e/gi, ".");
  return path.split(/\/|%2f|%5c/i).some((segment) => /^\.{1,2}(;.*)?$/.test(segment));
}

function isPublicName(host: string): boolean {
  const labels = host.split(".");
  if (labels.length < 2 || host.length > 253 || !labels.every((label) => LABEL.test(label))) return false;
  return !DENIED_SUFFIXES.has(labels.slice(-1).join(".")) && !DENIED_SUFFIXES.has(labels.slice(-2).join("."));
}

function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}

function defaultPort(protocol: string): number {
  return protocol === "https:" ? 443 : 80;
}
