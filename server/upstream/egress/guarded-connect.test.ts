import { createServer } from "node:https";
import { connect } from "node:net";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { call, egressFor, failureOf, listen } from "../../test/upstream/loopback.ts";
import { makeCertificate } from "../../test/wire/certificate.ts";
import { parseAllowRules } from "./allow-rule.ts";
import { type ConnectorFactory, guardedConnect } from "./guarded-connect.ts";

describe("the guard of connections, should the one of URLs have let something through", () => {
  it.each(["127.0.0.1", "::1", "::ffff:7f00:1", "169.254.169.254"])("dials no %s", async (hostname) => {
    let dialled = 0;
    const connectorFactory: ConnectorFactory = () => () => (dialled += 1);
    const open = promisify(
      guardedConnect({ rule: undefined, resolve: async () => [hostname], connectorFactory, connectMs: 100 }),
    );
    const options = { hostname, host: hostname, protocol: "https:", port: "443" };
    await expect(open(options)).rejects.toThrow("egress denied: ip-");
    expect(dialled).toBe(0);
  });
});

describe("a connection that went astray", () => {
  it("is closed", async () => {
    const origin = await listen(createServer());
    const sockets: ReturnType<typeof connect>[] = [];
    const astray: ConnectorFactory = () => (_options, callback) => {
      const socket = connect(Number(new URL(origin).port), "127.0.0.1", () => callback(null, socket));
      sockets.push(socket);
    };
    const through = egressFor({ allow: [], resolve: async () => ["8.8.8.8"], connectorFactory: astray });
    await failureOf(through.request(call("https://name.example/v1")));
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true]);
  });
});

describe("connecting", () => {
  it("ends when a name is not resolved in time", async () => {
    const through = egressFor({ allow: [], resolve: () => new Promise(() => {}), limits: { connectMs: 50 } });
    const startedAt = performance.now();
    expect((await failureOf(through.request(call("https://name.example/v1")))).kind).toBe("unreachable");
    expect(performance.now() - startedAt).toBeLessThan(3_000);
  });

  it("checks certificates, also where the environment says not to", async () => {
    const tls = makeCertificate();
    const origin = (await listen(createServer(tls, (_request, response) => response.end("ok")))).replace(
      "http:",
      "https:",
    );
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
    try {
      const failure = await failureOf(egressFor({ allow: parseAllowRules(origin) }).request(call(origin)));
      expect(failure.message).toContain("TLS certificate");
    } finally {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    }
  });
});
