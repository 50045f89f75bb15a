import { connect, createServer } from "node:net";
import { describe, expect, it } from "vitest";
import {
  call,
  egressFor,
  failureOf,
  fetchText,
  listen,
  reasonOf,
  serve,
  serveBytes,
} from "../../test/upstream/loopback.ts";
import { parseAllowRules } from "./allow-rule.ts";
import type { ConnectorFactory } from "./guarded-connect.ts";

describe("the guard", () => {
  it("A9 stands before a literal address, which no lookup sees, on a real connection", async () => {
    let connections = 0;
    const origin = await listen(createServer(() => (connections += 1)));
    const port = new URL(origin).port;
    const through = egressFor({ allow: [] });
    const hosts = ["127.0.0.1", "2130706433", "0.0.0.0", "[::ffff:7f00:1]", "①②⑦.⓪.⓪.①"];
    const failures = await Promise.all(
      hosts.map((host) => failureOf(through.request(call(`https://${host}:${port}/v1`)))),
    );
    expect(failures.map(({ kind }) => kind)).toEqual(hosts.map(() => "blocked"));
    expect(connections).toBe(0);
  });

  it("A9 stands in the lookup, on a real connection", async () => {
    let connections = 0;
    const origin = await listen(createServer(() => (connections += 1)));
    const through = egressFor({ allow: [], resolve: async () => ["127.0.0.1"] });
    const failure = await failureOf(through.request(call(`https://rebind.example:${new URL(origin).port}/v1`)));
    expect(reasonOf(failure)).toBe("ip-loopback");
    expect(failure.message).not.toContain("127.0.0.1");
    expect(connections).toBe(0);
  });

  it("stands behind the connection, should it have gone elsewhere", async () => {
    const requests: string[] = [];
    const origin = await serveBytes((_socket, request) => requests.push(request));
    const astray: ConnectorFactory = () => (_options, callback) => {
      const socket = connect(Number(new URL(origin).port), "127.0.0.1", () => callback(null, socket));
    };
    const through = egressFor({ allow: [], resolve: async () => ["8.8.8.8"], connectorFactory: astray });
    const failure = await failureOf(through.request(call("https://name.example/v1")));
    expect(reasonOf(failure)).toBe("ip-loopback");
    expect(requests).toEqual([]);
  });

  /** What is told of calls where only these names have an address. */
  async function toldOf(urls: readonly string[], addresses: Readonly<Record<string, string>>): Promise<string[]> {
    const allow = parseAllowRules("http://127.0.0.1:1,http://gone.example:80,http://clouds.example:80");
    const missing = Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" });
    const resolve = async (name: string) => {
      const address = addresses[name];
      if (address === undefined) throw missing;
      return [address];
    };
    const through = egressFor({ allow, resolve });
    const failures = await Promise.all(urls.map((url) => failureOf(through.request(call(url)))));
    expect(new Set(failures.map(({ kind }) => kind))).toEqual(new Set(["unreachable"]));
    return [...new Set(failures.map(({ message }) => message))];
  }

  it("tells a name without an address and one with a private address in one text", async () => {
    const urls = ["https://gone.example/v1", "https://private.example/v1"];
    const [told = "", ...others] = await toldOf(urls, { "private.example": "10.0.0.1" });
    expect(others).toEqual([]);
    expect(told).toContain("EGRESS_ALLOW");
  });

  it("does so where the operator opened it, of a closed port, no address and a cloud's own", async () => {
    const urls = ["http://127.0.0.1:1", "http://gone.example", "http://clouds.example"];
    const [told = "", ...others] = await toldOf(urls, { "clouds.example": "169.254.169.254" });
    expect(others).toEqual([]);
    expect(told).not.toContain("EGRESS_ALLOW");
  });

  it("tells of a vendor, which is no secret, what is wrong with the network", async () => {
    const urls = ["https://api.openai.com/v1"];
    expect(await toldOf(urls, {})).toEqual([
      "the name api.openai.com could not be resolved: this server has no network to it, or no DNS",
    ]);
    expect(await toldOf(urls, { "api.openai.com": "10.0.0.1" })).toEqual([
      "api.openai.com did not answer: the network between this server and it is down, or a firewall closes it",
    ]);
  });

  it.each([
    { url: "http://localhost:11434/v1", advice: "EGRESS_ALLOW=http://localhost:11434" },
    { url: "https://key@example.com/", advice: "keys belong into the credentials" },
    { url: "https://169.254.169.254/", advice: "never open" },
  ])("says at $url what would be right", async ({ url, advice }) => {
    const failure = await failureOf(egressFor({ allow: [] }).request(call(url)));
    expect(failure.message).toContain("endpoint not allowed by the egress policy (setting EGRESS_ALLOW)");
    expect(failure.message).toContain(advice);
  });

  it("A12 follows no redirect, and sends nothing to where it points", async () => {
    const stolen: string[] = [];
    const thief = await serve((request, response) => response.end(String(stolen.push(String(request.url)))));
    const origin = await serve((_request, response) => response.writeHead(307, { location: thief }).end());
    const through = egressFor({ allow: parseAllowRules(`${origin},${thief}`) });
    const failure = await failureOf(through.request(call(origin, { headers: { "x-api-key": "secret" } })));
    expect([failure.kind, failure.httpStatus, reasonOf(failure)]).toEqual(["bad-reply", 307, "redirect"]);
    expect(stolen).toEqual([]);
  });

  it("does not show the key of a header that cannot be sent", async () => {
    const origin = await serve((_request, response) => response.end());
    const through = egressFor({ allow: parseAllowRules(origin) });
    const failure = await failureOf(
      through.request(call(origin, { headers: { authorization: "Bearer sk-1\r\nx: y" } })),
    );
    expect(failure.kind).toBe("request-refused");
    expect(JSON.stringify([failure.message, failure.stack, failure.cause])).not.toContain("sk-1");
  });

  it.each(["Host", "content-length", "Transfer-Encoding", "connection", "Accept-Encoding"])(
    "sends nothing when somebody's header is %s, which says where a message ends or goes",
    async (name) => {
      let connections = 0;
      const origin = await listen(createServer(() => (connections += 1)));
      const through = egressFor({ allow: parseAllowRules(origin) });
      const failure = await failureOf(through.request(call(origin, { headers: { [name]: "sk-1" } })));
      expect([failure.kind, JSON.stringify([failure.message, failure.stack])]).toEqual([
        "request-refused",
        expect.not.stringContaining("sk-1"),
      ]);
      expect(connections).toBe(0);
    },
  );

  it("D9 asks for no compression", async () => {
    const origin = await serve((request, response) => response.end(request.headers["accept-encoding"]));
    expect(await fetchText(egressFor({ allow: parseAllowRules(origin) }), origin)).toBe("identity");
  });
});
