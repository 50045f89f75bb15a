import { afterAll, describe, expect, it } from "vitest";
import { EgressCorpus } from "../../test/upstream-egress-corpus.ts";
import { parseAllowRules } from "./allow-rule.ts";
import { Egress } from "./egress.ts";

/** [what for, URL, outcome] of the default policy, which opens only public addresses over https. */
const urls: [string, string, string][] = [
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
  ["port zero", "https://example.com:0/", "port"],
  ["localhost", "https://localhost:11434/v1", "host-denied"],
  ["a name under localhost", "https://a.localhost/v1", "host-denied"],
  ["a single label", "https://ollama/v1", "host-denied"],
  ["a name of the inside", "https://vault.internal/v1", "host-denied"],
  ["a name of the house", "https://router.home.arpa/", "host-denied"],
  ["a name of two dots", "https://example..com/", "host-denied"],
  ["a name that is none", "https://a_b;c.example.com/", "host-denied"],
  ["loopback", "https://127.0.0.1/v1", "ip-loopback"],
  ["loopback in circles", "https://①②⑦.⓪.⓪.①/v1", "ip-loopback"],
  ["loopback as a number", "https://2130706433/v1", "ip-loopback"],
  ["loopback inside of IPv6", "https://[::ffff:7f00:1]/v1", "ip-embedded-v4"],
  ["metadata", "https://169.254.169.254/latest/", "ip-metadata"],
];

const dns = (...answers: string[][]) => ({ "name.example": answers });

/** The same over names that resolve to something, and endpoints that redirect. */
const connections = [
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

const allow = ["http://localhost:11434", "http://10.0.5.0/24:8000", "https://*.llm.corp:443", "http://gpu.lan:80"];
const corp = (address: string) => ({ "gpu.llm.corp": [[address]] });

/** The same where the operator opened something. */
const opened = [
  { url: "http://localhost:11434/v1", dns: { localhost: [["127.0.0.1", "::1"]] }, outcome: "allow" },
  { url: "http://localhost.:11434/v1", dns: { localhost: [["127.0.0.1"]] }, outcome: "allow" },
  { url: "http://10.0.5.7:8000/v1", outcome: "allow" },
  { url: "https://gpu.llm.corp/v1", dns: corp("10.9.9.9"), outcome: "allow" },
  { url: "https://gpu.llm.corp/v1", dns: corp("169.254.169.254"), outcome: "ip-metadata" },
  { url: "http://gpu.lan/v1", dns: { "gpu.lan": [["::ffff:a9fe:a9fe"]] }, outcome: "ip-metadata" },
  { url: "https://llm.corp/v1", outcome: "host-denied" },
  { url: "http://localhost:8200/v1", outcome: "scheme" },
  { url: "https://localhost:11434/v1", outcome: "host-denied" },
  { url: "https://name.example:11434/v1", dns: dns(["127.0.0.1"]), outcome: "ip-loopback" },
  { url: "http://user@localhost:11434/v1", outcome: "userinfo" },
  { url: "http://localhost:11434/v1?x", outcome: "shape" },
].map((entry) => ({ ...entry, policy: { allow } }));

const anyName = new Map(urls.map(([, url]) => [URL.parse(url)?.hostname.replace(/\.$/, "") ?? "", [["8.8.8.8"]]]));

const entries = [
  ...urls.map(([name, url, outcome]) => ({ name, url, outcome, dns: Object.fromEntries(anyName) })),
  ...connections.map((entry) => ({ ...entry, name: `a name with ${entry.name}` })),
  ...opened.map((entry) => ({ ...entry, name: `with an operator's list, ${entry.url}` })),
].map(({ outcome, ...entry }, index) => ({
  ...entry,
  id: String(index),
  expect: outcome === "allow" ? "allow" : "block",
  reason: outcome,
}));

describe("the egress policy, on real connections", async () => {
  const corpus = await EgressCorpus.open(JSON.stringify({ entries }));
  afterAll(() => corpus.close());
  const results = await corpus.run();

  it.each(entries.map((entry, index) => ({ ...entry, ...results[index] })))(
    "says $expected to $name",
    ({ actual, expected }) => expect(actual).toBe(expected),
  );
});

describe("the check without a network", () => {
  const egress = new Egress({ allow: parseAllowRules("") });
  afterAll(() => egress.close());

  it.each(urls)("of %s says the same as the call", (_name, url, outcome) => {
    const allowed = outcome === "allow";
    expect(egress.check(url)).toEqual(allowed ? { allowed } : { allowed, reason: outcome });
  });
});
