import { describe, expect, it } from "vitest";
import { findRule, parseAllowRules } from "./allow-rule.ts";

describe("EGRESS_ALLOW", () => {
  const setting =
    "http://localhost:11434, http://10.0.5.0/24:8000,https://*.llm.corp:443,,http://[fd12::]/16:80,http://Box.LAN,http://10.1.1.1:1234";

  it.each([
    { name: "a name", origin: ["http:", "localhost", 11434] },
    { name: "a name, and the port that its scheme has by itself", origin: ["http:", "box.lan", 80] },
    { name: "an address of a network", origin: ["http:", "10.0.5.7", 8000] },
    { name: "the last address of a network", origin: ["http:", "10.0.5.255", 8000] },
    { name: "an address", origin: ["http:", "10.1.1.1", 1234] },
    { name: "an IPv6 address of a network", origin: ["http:", "fd12::7", 80] },
    { name: "a name under a wildcard", origin: ["https:", "gpu.llm.corp", 443] },
    { name: "a name far under a wildcard", origin: ["https:", "a.b.llm.corp", 443] },
  ] as const)("opens $name", ({ origin: [protocol, host, port] }) => {
    expect(findRule(parseAllowRules(setting), protocol, host, port)).toBeDefined();
  });

  it.each([
    { name: "another port", origin: ["http:", "localhost", 8200] },
    { name: "another scheme", origin: ["https:", "localhost", 11434] },
    { name: "another name", origin: ["http:", "localhost.example.com", 11434] },
    { name: "the address behind a name", origin: ["http:", "127.0.0.1", 11434] },
    { name: "an address beside a network", origin: ["http:", "10.0.6.7", 8000] },
    { name: "a name that begins like an address of a network", origin: ["http:", "10.0.5.7.nip.io", 8000] },
    { name: "an address inside of an IPv6 one", origin: ["http:", "::ffff:10.0.5.7", 8000] },
    { name: "the name of a wildcard itself", origin: ["https:", "llm.corp", 443] },
    { name: "a name that ends like a wildcard's", origin: ["https:", "evil-llm.corp", 443] },
    { name: "a dot alone under a wildcard", origin: ["https:", ".llm.corp", 443] },
  ] as const)("does not open $name", ({ origin: [protocol, host, port] }) => {
    expect(findRule(parseAllowRules(setting), protocol, host, port)).toBeUndefined();
  });

  it("opens nothing when it is empty", () => expect(parseAllowRules(" ,")).toEqual([]));

  it.each([
    { entry: "localhost:11434", advice: "write scheme://host:port" },
    { entry: "http://localhost:11434/v1", advice: "write scheme://host:port" },
    { entry: "http://localhost:11434/", advice: "write scheme://host:port" },
    { entry: "http://user@localhost:11434", advice: "a host is" },
    { entry: "ftp://localhost:21", advice: "write scheme://host:port" },
    { entry: "http://localhost:0", advice: "a port is" },
    { entry: "http://localhost:65536", advice: "a port is" },
    { entry: "http://*:80", advice: "a host is" },
    { entry: "http://gpu.*.corp:80", advice: "a host is" },
    { entry: "http://*llm.corp:80", advice: "a host is" },
    { entry: "http://127.1:80", advice: "a host is" },
    { entry: "http://2130706433:80", advice: "a host is" },
    { entry: "http://[localhost]:80", advice: "only an IPv6 address" },
    { entry: "http://localhost/24:80", advice: "only an address has a prefix length" },
    { entry: "http://10.0.5.7/24:80", advice: "the network of this address is 10.0.5.0/24" },
    { entry: "http://10.0.5.0/33:80", advice: "a number from 0 to 32" },
    { entry: "http://[fd12::]/129:80", advice: "a number from 0 to 128" },
    { entry: "http://169.254.169.254:80", advice: "never open" },
  ])("refuses $entry and says what would be right", ({ entry, advice }) => {
    const parse = () => parseAllowRules(`http://localhost:11434,${entry}`);
    expect(parse).toThrow(`EGRESS_ALLOW: ${JSON.stringify(entry)}`);
    expect(parse).toThrow(advice);
  });
});
