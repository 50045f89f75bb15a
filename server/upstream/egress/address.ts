import { isIPv4, isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";
import type { AddressDenyReason } from "./denial.ts";

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = [Address, number];

/** Where clouds serve credentials to whoever asks from inside. No setting opens them. */
const METADATA = new Set(
  [
    "169.254.169.254", // AWS, GCP, Azure, and most others
    "169.254.170.2", // AWS ECS
    "169.254.170.23", // AWS EKS
    "169.254.0.23", // Tencent
    "100.100.100.200", // Alibaba
    "192.0.0.192", // Oracle
    "169.254.42.42", // Scaleway
    "168.63.129.16", // Azure WireServer: a public address
    "fd00:ec2::254", // AWS
    "fd00:ec2::23", // AWS EKS
    "fd20:ce::254", // GCP
    "fd00:42::42", // Scaleway
  ].map((address) => ipaddr.parse(address).toNormalizedString()),
);

/** Every range of ipaddr.js that is not here is reserved for something that is no model. */
const REASONS: Readonly<Record<string, AddressDenyReason | undefined>> = {
  unspecified: "ip-unspecified",
  loopback: "ip-loopback",
  private: "ip-private",
  uniqueLocal: "ip-private",
  linkLocal: "ip-linklocal",
  carrierGradeNat: "ip-cgnat",
  multicast: "ip-multicast",
  broadcast: "ip-broadcast",
  unicast: undefined,
};

const GLOBAL_UNICAST = range("2000::/3");
const NAT64 = range("64:ff9b::/96");
/**
 * The bytes of an IPv6 address at which an IPv4 one may lie: those of RFC 6052 for each length of a network's own NAT64
 * prefix, which nobody tells us, the last ones also of every older form; and those of 6to4.
 */
const V4_PLACES = [
  [12, 13, 14, 15],
  [9, 10, 11, 12],
  [7, 9, 10, 11],
  [6, 7, 9, 10],
  [5, 6, 7, 9],
  [4, 5, 6, 7],
  [2, 3, 4, 5],
];
function range(cidr: string): Range {
  return ipaddr.parseCIDR(cidr);
}

/**
 * What is wrong with an IP address; undefined when it is public.
 *
 * An IPv4 address inside an IPv6 one is judged as itself where networks really translate it (IPv4-mapped, and NAT64 by
 * its well-known prefix, which IPv6-only networks need); the older ways to embed one are closed whatever they hold.
 */
export function addressDenial(address: string): AddressDenyReason | undefined {
  const parsed = parseAddress(address);
  if (parsed === undefined) return "ip-reserved";
  if (parsed.kind() === "ipv4") return simpleDenial(parsed);
  const v6 = parsed as ipaddr.IPv6;
  if (v6.isIPv4MappedAddress()) return embeddedDenial(v6.toIPv4Address());
  if (v6.match(NAT64 as [ipaddr.IPv6, number])) return embeddedDenial(new ipaddr.IPv4(v6.toByteArray().slice(12)));
  const reason = simpleDenial(v6);
  if (reason !== undefined) return reason;
  const isGlobal = v6.match(GLOBAL_UNICAST as [ipaddr.IPv6, number]);
  if (!isGlobal) return "ip-reserved";
  return isMetadata(address) ? "ip-metadata" : undefined;
}

/** Whether an address is a metadata service's, or may be translated to one on some network. */
export function isMetadata(address: string): boolean {
  const parsed = parseAddress(address);
  if (parsed === undefined) return false;
  if (METADATA.has(parsed.toNormalizedString())) return true;
  if (parsed.kind() === "ipv4") return false;
  const bytes = parsed.toByteArray();
  const inverted = bytes.map((byte) => 255 - byte); // As Teredo writes them.
  return [bytes, inverted].some((all) =>
    V4_PLACES.some((places) => METADATA.has(places.map((place) => all[place]).join("."))),
  );
}

/**
 * The address without its zone; undefined when it is none. The URL parser reads an IPv6 address first, since ipaddr.js
 * 2.5.0 takes `::8.8.8.8`, which is how resolvers print that form, for the IPv4-mapped `::ffff:8.8.8.8`.
 */
export function parseAddress(address: string): Address | undefined {
  const bare = address.replace(/%.*$/, "");
  if (isIPv4(bare)) return ipaddr.IPv4.parse(bare);
  return isIPv6(bare) ? ipaddr.IPv6.parse(String(URL.parse(`http://[${bare}]`)?.hostname.slice(1, -1))) : undefined;
}

function simpleDenial(address: Address): AddressDenyReason | undefined {
  if (METADATA.has(address.toNormalizedString())) return "ip-metadata";
  const name = address.range();
  return name in REASONS ? REASONS[name] : "ip-reserved";
}

function embeddedDenial(address: ipaddr.IPv4): AddressDenyReason | undefined {
  const reason = simpleDenial(address);
  return reason === undefined || reason === "ip-metadata" ? reason : "ip-embedded-v4";
}
