/** What no client should send: nothing of it may crash the server, hang, or be answered with a 5xx. */
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PROTOCOLS, startServer, type TestServer } from "../../test/wire/rest-service.ts";

const ROUTES = [
  ["GET", "/v1/echo/a"],
  ["POST", "/v1/echo"],
  ["POST", "/v1/echo/a"],
  ["POST", "/v1/echo/a:shout"],
  ["DELETE", "/v1/echo/a"],
  ["PATCH", "/v1/nested/a"],
  ["POST", "/v1/nested"],
  ["PUT", "/v1/texts"],
  ["GET", "/v1/watch/a"],
  ["POST", "/v1/files/a"],
] as const;

const BODIES = [
  "",
  "null",
  "true",
  "0",
  '"text"',
  "[]",
  "[[]]",
  "{}",
  '{"":1}',
  '{"__proto__":{"a":1}}',
  '{"text":{"__proto__":1}}',
  '{"nested":null}',
  '{"items":[null]}',
  '{"labels":{"a":null}}',
  '{"texts":[null]}',
  '{"time":{}}',
  '{"pause":"1.00000000000s"}',
  '{"updateMask":"a_b"}',
  '{"any":{"@type":""}}',
  '{"any":{"@type":"/"}}',
  '{"text":"\\ud800"}',
  '{"count":1e400}',
  '{"big":1e30}',
  "{",
  "\0",
  "a".repeat(100_000),
  "[".repeat(100_000),
  `${'{"nested":'.repeat(50_000)}{}${"}".repeat(50_000)}`,
  Buffer.from([0xff, 0xfe, 0x7b]),
];

const QUERIES = [
  "?",
  "?&",
  "?=",
  "?=1",
  "?%00=1",
  "?[",
  "?a[",
  "?]=1",
  "?labels[",
  "?labels]",
  "?.",
  "?text.",
  "?.text=1",
  "?nested..text=1",
  `?${"a=1&".repeat(1000)}`,
];

describe.each(PROTOCOLS)("over %s", (protocol) => {
  let server: TestServer;
  const rejections: unknown[] = [];
  const onRejection = (reason: unknown) => rejections.push(reason);

  beforeAll(async () => {
    process.on("unhandledRejection", onRejection);
    server = await startServer();
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    process.off("unhandledRejection", onRejection);
    expect(rejections).toEqual([]);
  });

  it.each(ROUTES)("%s %s takes any body for what it is", async (method, path) => {
    const statuses = await Promise.all(
      BODIES.map(async (body) => (await server.send({ method, path, body }, protocol)).status),
    );
    expect(statuses.filter((status) => ![200, 400].includes(status))).toEqual([]);
    expect(await server.send({ path: "/v1/echo/a" }, protocol)).toMatchObject({ status: 200 });
  });

  it.each(ROUTES)("%s %s takes any query for what it is", async (method, path) => {
    const statuses = await Promise.all(
      QUERIES.map(async (query) => (await server.send({ method, path: path + query }, protocol)).status),
    );
    expect(statuses.filter((status) => ![200, 400].includes(status))).toEqual([]);
  });

  it.each([
    "",
    "/",
    "//",
    "/v1",
    "/%",
    "/%00",
    "/v1/echo/%F0%9F%98%80",
    `/v1/echo/${"a".repeat(5000)}`,
    `/${"/".repeat(5000)}`,
  ])("any path is taken for what it is: %s", async (path) => {
    const { status } = await server.send({ path: path || "/", method: "GET" }, protocol);
    expect([200, 400, 404]).toContain(status);
  });

  it.each([
    ["content-type", "\t;;;"],
    ["content-encoding", ","],
    ["accept", ",;q=,text/event-stream"],
    ["accept-encoding", ";;q=a,*;q="],
    ["x-server-timeout", "NaN"],
    ["content-length", "0"],
  ])("the header %s may be %j", async (name, value) => {
    const { status } = await server.send({ path: "/v1/echo/a", headers: { [name]: value } }, protocol);
    expect(status).toBeLessThan(500);
  });
});

describe("over a bare socket", () => {
  it.each([
    ["a target that is no path", "GET v1/echo/a HTTP/1.1\r\nhost: a\r\n\r\n"],
    ["the target of a CONNECT", "POST example.com:80 HTTP/1.1\r\nhost: a\r\n\r\n"],
    ["an asterisk", "OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n"],
    ["no host", "GET /v1/echo/a HTTP/1.0\r\n\r\n"],
    ["bytes beyond ASCII", "GET /v1/echo/\xff\xfe HTTP/1.1\r\nhost: a\r\n\r\n"],
    ["headers beyond ASCII", "GET /v1/echo/a HTTP/1.1\r\nhost: a\r\nx: \xff\xfe\r\n\r\n"],
    ["two lengths", "POST /v1/echo HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n12"],
  ])("%s is answered", async (_, text) => {
    await using server = await startServer();
    const socket = connect(server.ports["HTTP/1.1"], "127.0.0.1");
    socket.end(text, "latin1");
    const received = Buffer.concat(await socket.toArray()).toString();
    expect(received).toMatch(/^HTTP\/1.1 (200|400|404) /);
  });
});
