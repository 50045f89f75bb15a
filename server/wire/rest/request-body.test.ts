import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { performance } from "node:perf_hooks";
import { PassThrough } from "node:stream";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PROTOCOLS, type Sent, startServer, type TestServer } from "../../test/wire/rest-service.ts";
import { Intake } from "../http/intake.ts";
import { readBody } from "./read-request.ts";

const LIMIT_BYTES = 100_000;
const text = JSON.stringify({ text: "a".repeat(5000) });

describe.each(PROTOCOLS)("the body of a request over %s", (protocol) => {
  let server: TestServer;
  const post = (sent: Partial<Sent>) => server.send({ method: "POST", path: "/v1/echo", ...sent }, protocol);

  beforeAll(async () => {
    server = await startServer({}, { readMaxBytes: ({ name }) => (name === "Upload" ? 10 : LIMIT_BYTES) });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it.each([
    ["application/json"],
    ["application/json; charset=utf-8"],
    ["Application/JSON;charset=UTF-8;x=y"],
    ['application/json; charset="utf8"'],
    [undefined],
  ])("may be %s", async (type) => {
    const headers: Record<string, string> = type === undefined ? {} : { "content-type": type };
    expect(await post({ headers, body: text })).toMatchObject({ status: 200 });
  });

  it.each([
    ["text/plain"],
    ["application/x-www-form-urlencoded"],
    ["multipart/form-data; boundary=x"],
    ["application/json; charset=latin1"],
    ["application/jsonx"],
    ["application/proto"],
    ["application/merge-patch+json"],
    [""],
  ])("may not be %j", async (type) => {
    expect(await post({ headers: { "content-type": type }, body: "{}" })).toMatchObject({
      status: 415,
      headers: { "accept-post": "application/json" },
      json: { error: { code: 415, details: [{ reason: "MEDIA_TYPE_NOT_SUPPORTED" }] } },
    });
  });

  it.each([
    ["PATCH", "/v1/nested/a", "accept-patch"],
    ["PUT", "/v1/texts", "accept"],
  ])("says to %s what it may be", async (method, path, header) => {
    const { headers } = await post({ method, path, headers: { "content-type": "text/plain" }, body: "{}" });
    expect(headers[header]).toBe("application/json");
  });

  it.each([
    ["no body", {}],
    ["an empty body", { body: "" }],
    ["an empty body of whatever type", { body: "", headers: { "content-type": "text/plain", "content-length": "0" } }],
    ["an empty compressed body", { body: "", headers: { "content-encoding": "gzip" } }],
  ])("may be %s, for an empty message", async (_, sent) => {
    expect(await post(sent)).toMatchObject({ status: 200, json: { text: "" } });
  });

  it.each([
    ["GET", "/v1/echo/a"],
    ["DELETE", "/v1/echo/a"],
    ["POST", "/v1/echo/a:shout"],
  ])("may be empty or `{}` where %s takes none", async (method, path) => {
    for (const body of ["", "{}", " { } "]) expect(await post({ method, path, body })).toMatchObject({ status: 200 });
    for (const body of ['{"text":"a"}', "[]", "null", "x"])
      expect(await post({ method, path, body })).toMatchObject({ status: 400 });
  });

  it.each([
    ["gzip", gzipSync(text)],
    ["br", brotliCompressSync(text)],
    ["zstd", zstdCompressSync(text)],
    ["GZIP", gzipSync(text)],
    ["identity", Buffer.from(text)],
  ])("may be compressed by %s", async (encoding, body) => {
    expect(await post({ headers: { "content-encoding": encoding }, body })).toMatchObject({
      status: 200,
      json: { text: "a".repeat(5000) },
    });
  });

  it.each([
    ["deflate", deflateSync(text), 415],
    ["gzip, gzip", gzipSync(gzipSync(text)), 415],
    ["x", Buffer.from(text), 415],
    ["gzip", Buffer.from(text), 400],
    ["gzip", gzipSync(text).subarray(0, 20), 400],
    ["br", Buffer.from(text), 400],
    ["zstd", Buffer.from(text), 400],
  ])("may not be wrongly compressed: %s", async (encoding, body, status) => {
    expect(await post({ headers: { "content-encoding": encoding }, body })).toMatchObject({ status });
  });

  it("names the encodings that are read", async () => {
    const { headers } = await post({ headers: { "content-encoding": "deflate" }, body: "x" });
    expect(headers["accept-encoding"]).toBe("zstd, br, gzip");
  });

  it.each([
    ["said beforehand", { "content-length": String(LIMIT_BYTES + 2) }],
    ["not said beforehand", undefined],
  ])("may not be larger than the limit, %s", async (_, headers) => {
    const body = JSON.stringify("a".repeat(LIMIT_BYTES));
    const sent = headers ? { headers } : {};
    expect(await post({ body, ...sent })).toMatchObject({
      status: 413,
      json: { error: { code: 413, status: "RESOURCE_EXHAUSTED", details: [{ reason: "MESSAGE_TOO_LARGE" }] } },
    });
  });

  it("may be as large as the limit", async () => {
    const body = JSON.stringify({ text: "a".repeat(LIMIT_BYTES - 11) });
    expect(body).toHaveLength(LIMIT_BYTES);
    expect(await post({ body })).toMatchObject({ status: 200 });
    expect(await post({ body: gzipSync(body), headers: { "content-encoding": "gzip" } })).toMatchObject({
      status: 200,
    });
  });

  it("has a limit by rpc, also for bytes", async () => {
    const path = "/v1/files/a";
    expect(await post({ path, body: "1234567890" })).toMatchObject({ status: 200 });
    expect(await post({ path, body: "12345678901" })).toMatchObject({ status: 413 });
  });

  it.each([
    ["gzip", gzipSync(Buffer.alloc(200_000_000))],
    ["br", brotliCompressSync(Buffer.alloc(200_000_000))],
    ["zstd", zstdCompressSync(Buffer.alloc(200_000_000))],
  ])("is no bomb: %s", async (encoding, bomb) => {
    const body = bomb.subarray(0, LIMIT_BYTES);
    const before = process.memoryUsage.rss();
    const start = performance.now();
    expect(await post({ headers: { "content-encoding": encoding }, body })).toMatchObject({ status: 413 });
    expect(performance.now() - start).toBeLessThan(1000);
    expect(process.memoryUsage.rss() - before).toBeLessThan(50_000_000);
  });
});

describe("readBody", () => {
  it.each([
    ["leaves", (request: PassThrough) => request.destroy()],
    ["breaks off", (request: PassThrough) => request.destroy(new Error("reset"))],
  ])("throws if the caller %s", async (_, leave) => {
    const request = Object.assign(new PassThrough(), { headers: { "content-length": "10" } });
    const body = readBody(request as never, { intake: new Intake(), response: new PassThrough() as never }, 100);
    request.write("1234");
    leave(request);
    await expect(body).rejects.toMatchObject({ reason: "CALL_CANCELLED" });
  });
});

describe("a body that the server does not read to its end", () => {
  it("closes the connection, so that nobody sends for nothing", async () => {
    await using server = await startServer({}, { readMaxBytes: () => 1000 });
    const socket = connect(server.ports["HTTP/1.1"], "127.0.0.1");
    socket.write("POST /v1/echo HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000000\r\n\r\n{");
    const received = Buffer.concat(await socket.toArray()).toString();
    expect(received).toMatch(/^HTTP\/1.1 413 /);
    expect(received).toMatch(/connection: close/i);
  });

  it("leaves the connection open if it is short", async () => {
    await using server = await startServer();
    const socket = connect(server.ports["HTTP/1.1"], "127.0.0.1");
    socket.write("POST /nowhere HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n12345");
    await new Promise((resolve) => socket.once("data", resolve));
    socket.end("67890GET /v1/echo/b HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    expect(Buffer.concat(await socket.toArray()).toString()).toContain('"text":"b"');
  });

  it("leaves the connection open if it comes in chunks and is short", async () => {
    await using server = await startServer();
    const socket = connect(server.ports["HTTP/1.1"], "127.0.0.1");
    socket.write("POST /nowhere HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
    const [received] = await once(socket, "data");
    expect(String(received)).toMatch(/^HTTP\/1.1 404 (?!.*connection: close)/is);
    socket.end("5\r\n12345\r\n0\r\n\r\nGET /v1/echo/b HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
    expect(Buffer.concat(await socket.toArray()).toString()).toContain('"text":"b"');
  });

  it("ends the connection if it comes in chunks and goes on", async () => {
    await using server = await startServer();
    const socket = connect(server.ports["HTTP/1.1"], "127.0.0.1");
    const closed = once(socket, "close");
    socket.on("error", () => {}).write("POST /nowhere HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
    const [received] = await once(socket, "data");
    expect(String(received)).toMatch(/^HTTP\/1.1 404 /);
    const chunk = `8000\r\n${"x".repeat(0x8000)}\r\n`;
    for (let sent = 0; sent < 3; sent++) socket.write(chunk);
    await closed;
  });

  it("is no call if it comes after the deadline", async () => {
    const calls: unknown[] = [];
    await using server = await startServer({ Echo: (request) => calls.push(request) });
    const socket = connect(server.ports["HTTP/1.1"], "127.0.0.1");
    socket.write("POST /v1/echo HTTP/1.1\r\nhost: a\r\ncontent-length: 12\r\nx-server-timeout: 0.03\r\n\r\n{");
    const [received] = await once(socket, "data");
    expect(String(received)).toMatch(/^HTTP\/1.1 504 /);
    socket.end('"text":"a"}');
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(calls).toEqual([]);
  });

  it("is no call if the caller leaves in the middle", async () => {
    const calls: unknown[] = [];
    await using server = await startServer({ Echo: (request) => calls.push(request) });
    const outgoing = request({ port: server.ports["HTTP/1.1"], method: "POST", path: "/v1/echo" });
    const failed = new Promise((resolve) => outgoing.on("error", resolve));
    outgoing.write('{"text":');
    setTimeout(() => outgoing.destroy(), 20);
    await failed;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(calls).toEqual([]);
    expect(await server.send({ path: "/v1/echo/a" })).toMatchObject({ status: 200 });
  });
});
