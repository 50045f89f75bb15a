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

  it("tells a closed port, a name without an address and one with a private address in one text", async () => {
    const closed = "http://127.0.0.1:1";
    const allow = parseAllowRules(`${closed},http://gone.example:80`);
    const missing = Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" });
    const resolve = (name: string) =>
      name === "private.example" ? Promise.resolve(["10.0.0.1"]) : Promise.reject(missing);
    const through = egressFor({ allow, resolve });
    const urls = [closed, "http://gone.example", "https://private.example/v1"];
    const failures = await Promise.all(urls.map((url) => failureOf(through.request(call(url)))));
    expect(failures.map(({ kind }) => kind)).toEqual(["unreachable", "unreachable", "unreachable"]);
    expect(new Set(failures.map(({ message }) => message)).size).toBe(1);
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
