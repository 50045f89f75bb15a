import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PROTOCOLS, startServer, type TestServer } from "../../test/wire/rest-service.ts";
import { negotiateCoding } from "./body.ts";

describe("negotiateCoding", () => {
  it.each([
    [undefined, undefined],
    ["", undefined],
    ["identity", undefined],
    ["deflate", undefined],
    ["gzip", "gzip"],
    ["gzip, br", "br"],
    ["gzip, deflate, br, zstd", "zstd"],
    ["*", "zstd"],
    ["gzip;q=1, br;q=0.5", "gzip"],
    ["zstd;q=0, *", "br"],
    ["gzip;q=0", undefined],
    ["GZIP ; Q=0.3", "gzip"],
  ])("takes of %j %j", (accepted, name) => expect(negotiateCoding(accepted)?.[0]).toBe(name));
});

describe.each(PROTOCOLS)("an answer over %s", (protocol) => {
  let server: TestServer;
  const text = "a".repeat(2000);
  const send = (path: string, headers: Record<string, string>, method = "GET") =>
    server.send({ method, path, headers }, protocol);

  beforeAll(async () => {
    server = await startServer({
      Echo: (request) => ({ ...request, text: request.text === "long" ? text : request.text }),
      Download: () => ({ contentType: "image/png", data: Buffer.alloc(5000) }),
    });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it.each([
    ["gzip", gunzipSync],
    ["br", brotliDecompressSync],
    ["zstd", zstdDecompressSync],
  ])("is compressed by %s if it is long", async (encoding, decompress) => {
    const { headers, bytes } = await send("/v1/echo/long", { "accept-encoding": encoding });
    expect(headers).toMatchObject({ "content-encoding": encoding, vary: "Accept-Encoding" });
    expect(headers["content-length"]).toBe(String(bytes.length));
    expect(JSON.parse(decompress(bytes).toString())).toMatchObject({ text });
  });

  it("is as it is for those who take no other", async () => {
    const { headers, json } = await send("/v1/echo/long", {});
    expect(headers).not.toHaveProperty("content-encoding");
    expect(headers.vary).toBe("Accept-Encoding");
    expect(json).toMatchObject({ text });
  });

  it.each([
    ["short", "/v1/nested/a"],
    ["an HttpBody", "/v1/files/a"],
  ])("is as it is if it is %s", async (_, path) => {
    const { headers } = await send(path, { "accept-encoding": "gzip" });
    expect(headers).not.toHaveProperty("content-encoding");
    expect(headers).not.toHaveProperty("vary");
  });
});
