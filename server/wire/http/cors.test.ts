import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, type TestServer } from "../../test/wire/rest-service.ts";

describe("calls from other origins", () => {
  const origin = "https://console.example.com";
  let server: TestServer;

  beforeAll(async () => {
    server = await startServer(
      {
        Echo: (request, { responseHeader }) => {
          responseHeader.set("x-request-id", "1");
          responseHeader.set("vary", "X-Lang");
          return request;
        },
      },
      { corsOrigins: [origin] },
    );
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it("may ask what is allowed", async () => {
    const headers = {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type",
    };
    expect(await server.send({ method: "OPTIONS", path: "/v1/echo/a", headers })).toMatchObject({
      status: 204,
      headers: {
        allow: "DELETE, GET, HEAD, OPTIONS, POST, REPORT",
        "access-control-allow-origin": origin,
        "access-control-allow-methods": "DELETE, GET, HEAD, OPTIONS, POST, REPORT",
        "access-control-allow-headers": "authorization,content-type",
        "access-control-max-age": "7200",
        vary: "Origin",
      },
    });
  });

  it("may read the answer and its headers", async () => {
    const { headers } = await server.send({ path: "/v1/echo/a", headers: { origin } });
    expect(headers).toMatchObject({
      "access-control-allow-origin": origin,
      "access-control-expose-headers": "vary, x-request-id",
      vary: "X-Lang, Origin",
    });
    expect(headers).not.toHaveProperty("access-control-allow-credentials");
  });

  it("may read errors and streams", async () => {
    const error = await server.send({ path: "/v1/echo", headers: { origin } });
    expect(error).toMatchObject({ status: 405, headers: { "access-control-allow-origin": origin } });
    expect(error.headers["access-control-expose-headers"]).toContain("allow");
    const stream = await server.send({ path: "/v1/watch/a", headers: { origin } });
    expect(stream.headers).toMatchObject({ "access-control-allow-origin": origin, vary: "Origin, Accept" });
  });

  it.each([
    ["another", "https://evil.example"],
    ["a longer", `${origin}.evil.example`],
    ["an encrypted", "http://console.example.com"],
    ["no", "null"],
    ["an empty", ""],
  ])("learn nothing from %s origin", async (_, other) => {
    for (const method of ["GET", "OPTIONS"]) {
      const { headers } = await server.send({ method, path: "/v1/echo/a", headers: { origin: other } });
      expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
      expect(headers.vary).toContain("Origin");
    }
  });

  it("are not expected where no origin is listed", async () => {
    await using closed = await startServer();
    const { headers } = await closed.send({ path: "/v1/echo/a", headers: { origin } });
    expect(Object.keys(headers).filter((name) => /^(access-control|vary)/.test(name))).toEqual([]);
  });
});
