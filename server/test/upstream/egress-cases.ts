import { isIP } from "node:net";
import type { CorpusEntry } from "./egress-corpus.ts";

/** What addresses are, by the reason to block them. */
export const ADDRESSES: readonly { readonly reason: string | undefined; readonly addresses: readonly string[] }[] = [
  { reason: undefined, addresses: ["8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0"] },
  {
    reason: undefined,
    addresses: ["126.255.255.255", "128.0.0.1", "198.17.255.255", "198.20.0.0", "223.255.255.255"],
  },
  { reason: undefined, addresses: ["2606:4700::1111", "2a00::1", "3ffe::1", "2001:200::1", "3fff:1000::1"] },
  { reason: undefined, addresses: ["::ffff:8.8.8.8", "64:ff9b::8.8.8.8"] },
  { reason: "ip-loopback", addresses: ["127.0.0.1", "127.255.255.255", "::1"] },
  { reason: "ip-unspecified", addresses: ["0.0.0.0", "0.255.255.255", "::"] },
  {
    reason: "ip-private",
    addresses: ["10.0.0.0", "172.16.0.0", "172.31.255.255", "192.168.0.0", "fc00::1", "fdff::1"],
  },
  { reason: "ip-linklocal", addresses: ["169.254.0.0", "169.254.255.255", "fe80::1", "fe80::1%eth0", "febf::1"] },
  { reason: "ip-cgnat", addresses: ["100.64.0.0", "100.127.255.255"] },
  { reason: "ip-metadata", addresses: ["169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.0.23"] },
  {
    reason: "ip-metadata",
    addresses: ["100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254"],
  },
  { reason: "ip-metadata", addresses: ["169.254.42.42", "fd00:42::42"] },
  // What a network's own prefix of NAT64 would translate, for each length that one can have.
  { reason: "ip-metadata", addresses: ["2606:4700::a9fe:a9fe", "2606:4700:0:0:a9:fea9:fe00:0"] },
  { reason: "ip-metadata", addresses: ["2606:4700:0:a9:fe:a9fe::", "2606:4700:0:a9fe:a9:fe00::"] },
  { reason: "ip-metadata", addresses: ["2606:4700:a9:fea9:fe::", "2606:4700:a9fe:a9fe::", "2a00:a83f:8110::"] },
  { reason: "ip-metadata", addresses: ["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "::ffff:a83f:8110"] },
  { reason: "ip-multicast", addresses: ["224.0.0.1", "239.255.255.255", "ff02::1"] },
  { reason: "ip-broadcast", addresses: ["255.255.255.255"] },
  { reason: "ip-embedded-v4", addresses: ["::ffff:127.0.0.1", "::ffff:a00:1", "64:ff9b::127.0.0.1", "64:ff9b::"] },
  {
    reason: "ip-reserved",
    addresses: ["192.0.0.1", "192.0.2.1", "198.51.100.1", "203.0.113.1", "198.18.0.0", "240.0.0.1"],
  },
  {
    reason: "ip-reserved",
    addresses: ["192.88.99.1", "192.175.48.1", "192.31.196.1", "192.52.193.1", "255.255.255.254"],
  },
  {
    reason: "ip-reserved",
    addresses: ["::127.0.0.1", "::8.8.8.8", "::7f00:1", "::ffff:0:127.0.0.1", "64:ff9b:1::7f00:1"],
  },
  {
    reason: "ip-reserved",
    addresses: ["2002:7f00:1::", "2002:808:808::1", "2001::1", "2001:2::1", "2001:10::1", "2001:20::1"],
  },
  {
    reason: "ip-reserved",
    addresses: [
      "2001:1::1",
      "2001:3::1",
      "2001:5::1",
      "2001:1ff::1",
      "3fff:fff::1",
      "2001:4:112::1",
      "2001:db8::1",
      "3fff::1",
      "2620:4f:8000::1",
    ],
  },
  {
    reason: "ip-reserved",
    addresses: ["100::1", "100:0:0:1::1", "fec0::1", "4000::1", "5f00::1", "8000::1", "e000::1"],
  },
  { reason: "ip-reserved", addresses: ["", "localhost", "1.2.3.4.5", "127.1", "::g"] },
];

/** [what for, URL, outcome] of the default policy, which opens only public addresses over https. */
export const URLS: [string, string, string][] = [
  ["a public name", "https://api.openai.com/v1", "allow"],
  ["a trailing dot", "https://api.openai.com./v1", "allow"],
  ["a port of its own", "https://llm.example.com:8443/v1", "allow"],
  ["an international name", "https://bücher.example.com/v1", "allow"],
  ["a public address", "https://8.8.8.8/v1", "allow"],
  ["a public IPv6 address", "https://[2606:4700::1111]:8443/v1", "allow"],
  ["a dot inside of a segment", "https://api.openai.com/v1.5/a..b", "allow"],
  ["no host", "https:///", "parse"],
  ["a port that is none", "https://example.com:99999/", "parse"],
  ["plain http", "http://api.openai.com/v1", "scheme"],
  ["plain http to an address", "http://127.0.0.1/v1", "scheme"],
  ["another scheme", "file:///etc/passwd", "scheme"],
  ["a name before the host", "https://api.openai.com@169.254.169.254/", "userinfo"],
  ["an empty name before the host", "https://@example.com/", "userinfo"],
  ["a name before the host, without slashes", "https:user@example.com/", "userinfo"],
  ["a backslash before an at sign", "https://api.openai.com\\@127.0.0.1/v1", "shape"],
  ["one slash only", "https:/example.com/v1", "shape"],
  ["three slashes", "https:///example.com/v1", "shape"],
  ["a query", "https://example.com/v1?a=b", "shape"],
  ["an empty query", "https://example.com/v1?", "shape"],
  ["an empty fragment", "https://example.com/v1#", "shape"],
  ["a tab", "https://example.com\t/v1", "shape"],
  ["a space behind", "https://example.com/v1 ", "shape"],
  ["dot segments", "https://example.com/v1/../admin", "shape"],
  ["an encoded dot segment", "https://example.com/v1/%2E%2e/admin", "shape"],
  ["a dot segment with parameters", "https://example.com/v1/..;/admin", "shape"],
  ["a dot segment behind an encoded slash", "https://example.com/v1/a%2f..%2fadmin", "shape"],
  ["too many characters", `https://example.com/${"a".repeat(2_048)}`, "shape"],
  ["a port of SSH", "https://example.com:22/", "port"],
  ["a port of a database", "https://8.8.8.8:5432/", "port"],
  ["the port of Docker", "https://example.com:2375/", "port"],
  ["the port of a kubelet", "https://8.8.8.8:10250/", "port"],
  ["port zero", "https://example.com:0/", "port"],
  ["localhost", "https://localhost:11434/v1", "host-denied"],
  ["a name under localhost", "https://a.localhost/v1", "host-denied"],
  ["a single label", "https://ollama/v1", "host-denied"],
  ["a name of the inside", "https://vault.internal/v1", "host-denied"],
  ["a name of the house", "https://router.home.arpa/", "host-denied"],
  ["a name of two dots", "https://example..com/", "host-denied"],
  ["a name that is none", "https://a_b;c.example.com/", "host-denied"],
  ["a bad name behind a trailing dot", "https://vault.internal./v1", "host-denied"],
  ["a label that is too long", `https://${"a".repeat(64)}.example.com/`, "host-denied"],
  ["a name that is too long", `https://${"a.".repeat(126)}com/`, "host-denied"],
  ["too many bytes in fewer characters", `https://example.com/${"ü".repeat(1_100)}`, "shape"],
  ["a control character", "https://example.com/v1\x01", "shape"],
  ["a backslash in the path", "https://example.com/v1\\admin", "shape"],
  ["a dot segment behind an encoded backslash", "https://example.com/v1/a%5c..%5cadmin", "shape"],
  ["a password", "https://:secret@example.com/v1", "userinfo"],
  ["loopback", "https://127.0.0.1/v1", "ip-loopback"],
  ["loopback in circles", "https://①②⑦.⓪.⓪.①/v1", "ip-loopback"],
  ["loopback as a number", "https://2130706433/v1", "ip-loopback"],
  ["loopback inside of IPv6", "https://[::ffff:7f00:1]/v1", "ip-embedded-v4"],
  ["metadata", "https://169.254.169.254/latest/", "ip-metadata"],
];

const dns = (...answers: string[][]) => ({ "name.example": answers });

/** Connections to names that resolve to something, and to endpoints that redirect. */
const CONNECTIONS = [
  { name: "a private address", dns: dns(["10.0.0.1"]), outcome: "ip-private" },
  { name: "one bad address among good ones", dns: dns(["8.8.8.8", "::1"]), outcome: "ip-loopback" },
  { name: "a name that turns", dns: dns(["8.8.8.8"], ["127.0.0.1"]), outcome: "ip-loopback" },
  { name: "a name that turns and turns back", dns: dns(["8.8.8.8"], ["10.0.0.1"], ["8.8.8.8"]), outcome: "ip-private" },
  { name: "metadata", dns: dns(["169.254.169.254"]), outcome: "ip-metadata" },
  { name: "no address", dns: dns([]), outcome: "dns-empty" },
  { name: "a public address behind NAT64", dns: dns(["64:ff9b::808:808"]), outcome: "allow" },
  { name: "several good addresses", dns: dns(["8.8.8.8", "2606:4700::1111"]), outcome: "allow" },
  { name: "a redirect", dns: dns(["8.8.8.8"]), redirects: ["https://name.example/v2"], outcome: "redirect" },
  { name: "a redirect to nowhere", dns: dns(["8.8.8.8"]), redirects: [""], outcome: "redirect" },
].map((entry) => ({ ...entry, url: "https://name.example/v1" }));

const allow = [
  ...["http://localhost:11434", "http://10.0.5.0/24:8000", "https://*.llm.corp:443", "http://gpu.lan:80"],
  ...["http://gpu.lan:6379", "http://169.254.0.0/16:80"],
];
const corp = (address: string) => ({ "gpu.llm.corp": [[address]] });

/** Addresses where the operator opened something. */
const OPENED = [
  { url: "http://localhost:11434/v1", dns: { localhost: [["127.0.0.1", "::1"]] }, outcome: "allow" },
  { url: "http://localhost.:11434/v1", dns: { localhost: [["127.0.0.1"]] }, outcome: "allow" },
  { url: "http://10.0.5.7:8000/v1", outcome: "allow" },
  { url: "https://gpu.llm.corp/v1", dns: corp("10.9.9.9"), outcome: "allow" },
  { url: "https://gpu.llm.corp/v1", dns: corp("169.254.169.254"), outcome: "ip-metadata" },
  { url: "http://gpu.lan/v1", dns: { "gpu.lan": [["::ffff:a9fe:a9fe"]] }, outcome: "ip-metadata" },
  { url: "http://gpu.lan/v1", dns: { "gpu.lan": [["64:ff9b:1::a9fe:a9fe"]] }, outcome: "ip-metadata" },
  { url: "http://gpu.lan/v1", dns: { "gpu.lan": [["2002:a9fe:a9fe::1"]] }, outcome: "ip-metadata" },
  { url: "http://gpu.lan/v1", dns: { "gpu.lan": [["2001:0:808:808::5601:5601"]] }, outcome: "ip-metadata" },
  { url: "http://gpu.lan/v1", dns: { "gpu.lan": [["::169.254.169.254"]] }, outcome: "ip-metadata" },
  { url: "http://gpu.lan/v1", dns: { "gpu.lan": [["fd00:ec2::254"]] }, outcome: "ip-metadata" },
  { url: "http://gpu.lan/v1", dns: { "gpu.lan": [["fd12::7"]] }, outcome: "allow" },
  { url: "http://169.254.169.254/latest/", outcome: "ip-metadata" },
  { url: "http://10.0.5.255:8000/v1", outcome: "allow" },
  { url: "http://10.0.6.0:8000/v1", outcome: "scheme" },
  { url: "https://evil-llm.corp/v1", outcome: "host-denied" },
  { url: "https://a.gpu.llm.corp/v1", dns: { "a.gpu.llm.corp": [["10.9.9.9"]] }, outcome: "allow" },
  { url: "http://gpu.llm.corp:443/v1", outcome: "scheme" },
  { url: "http://gpu.lan:22/v1", outcome: "scheme" },
  { url: "http://gpu.lan:6379/v1", dns: { "gpu.lan": [["10.0.0.7"]] }, outcome: "allow" },
  { url: "https://10.0.5.7:8000/v1", outcome: "ip-private" },
  { url: "https://llm.corp/v1", outcome: "host-denied" },
  { url: "http://localhost:8200/v1", outcome: "scheme" },
  { url: "https://localhost:11434/v1", outcome: "host-denied" },
  { url: "https://name.example:11434/v1", dns: dns(["127.0.0.1"]), outcome: "ip-loopback" },
  { url: "http://user@localhost:11434/v1", outcome: "userinfo" },
  { url: "http://localhost:11434/v1?x", outcome: "shape" },
].map((entry) => ({ ...entry, policy: { allow } }));

const anyName = new Map(URLS.map(([, url]) => [URL.parse(url)?.hostname.replace(/\.$/, "") ?? "", [["8.8.8.8"]]]));

const anyAddress = (address: string) => ({ url: "https://name.example/v1", dns: dns([address]) });

const isLiteral = (address: string) => isIP(address) !== 0 && URL.canParse(`https://${written(address)}/`);
const written = (address: string) => (address.includes(":") ? `[${address}]` : address);

const CASES = [
  ...URLS.map(([name, url, outcome]) => ({ name, url, outcome, dns: Object.fromEntries(anyName) })),
  ...CONNECTIONS.map((entry) => ({ ...entry, name: `a name with ${entry.name}` })),
  ...OPENED.map((entry) => ({ ...entry, name: `with an operator's list, ${entry.url}` })),
  ...ADDRESSES.flatMap(({ reason = "allow", addresses }) => [
    ...addresses.map((address) => ({ name: `a name at ${address}`, ...anyAddress(address), outcome: reason })),
    ...addresses
      .filter(isLiteral)
      .map((address) => ({ name: `the address ${address}`, url: `https://${written(address)}/v1`, outcome: reason })),
  ]),
];

/** All of it as a corpus, in the form of those that are shared between projects. */
export const EGRESS_CASES: readonly (CorpusEntry & { readonly name: string })[] = CASES.map(
  ({ outcome, ...entry }, index) => ({
    ...entry,
    id: String(index),
    expect: outcome === "allow" ? "allow" : "block",
    reason: outcome,
  }),
);
