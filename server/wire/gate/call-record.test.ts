import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, type TestServer } from "../../test/server/test-server.ts";

let server: TestServer;
let authorization: string;
beforeAll(async () => {
  server = await startServer();
  authorization = `Bearer ${(await server.addAccount("OWNER")).apiKey}`;
});
afterAll(() => server.stop());

describe("what connect itself refuses", () => {
  it.each([
    {
      name: "bytes that are no message",
      type: "application/proto",
      body: Buffer.from("ffffffffff", "hex"),
      code: "invalid_argument",
      reason: "INVALID_REQUEST",
    },
    {
      name: "text that is no JSON",
      type: "application/json",
      body: "{",
      code: "invalid_argument",
      reason: "INVALID_REQUEST",
    },
    {
      name: "a misspelt field",
      type: "application/json",
      body: '{"displayNam": "x"}',
      code: "invalid_argument",
      reason: "INVALID_REQUEST",
      says: "displayNam",
    },
    {
      name: "a message that is too large",
      type: "application/json",
      body: " ".repeat(5 * 2 ** 20),
      code: "resource_exhausted",
      reason: "MESSAGE_TOO_LARGE",
    },
    {
      name: "a bomb",
      type: "application/json",
      encoding: "gzip",
      body: gzipSync(Buffer.alloc(50 * 2 ** 20, " ")),
      code: "resource_exhausted",
      reason: "MESSAGE_TOO_LARGE",
    },
    {
      name: "a bomb of another kind",
      type: "application/json",
      encoding: "zstd",
      body: zstdCompressSync(Buffer.alloc(50 * 2 ** 20, " ")),
      code: "resource_exhausted",
      reason: "MESSAGE_TOO_LARGE",
    },
    {
      name: "what is not zstd as it says",
      type: "application/json",
      encoding: "zstd",
      body: randomBytes(100),
      code: "invalid_argument",
      reason: "INVALID_REQUEST",
    },
    {
      name: "what is not compressed as it says",
      type: "application/json",
      encoding: "gzip",
      body: randomBytes(100),
      code: "invalid_argument",
      reason: "INVALID_REQUEST",
    },
    {
      name: "an unknown compression",
      type: "application/json",
      encoding: "lzma",
      body: "{}",
      code: "unimplemented",
      reason: "MEDIA_TYPE_NOT_SUPPORTED",
    },
  ])(
    "has reason, request id and a line in the log: $name",
    async ({ type, body, encoding, code, reason, says = "" }) => {
      const response = await fetch(`${server.url}/patchbay.v1.LlmService/CreateLlm`, {
        method: "POST",
        headers: { authorization, "content-type": type, ...(encoding ? { "content-encoding": encoding } : {}) },
        body,
      });
      const error = await response.json();
      expect(error.code).toBe(code);
      expect(error.message).toContain(says);
      const info = error.details.find((detail: { type: string }) => detail.type === "google.rpc.ErrorInfo");
      expect(info?.debug ?? Buffer.from(info?.value ?? "", "base64").toString("latin1")).toMatchObject({ reason });
      const requestId = response.headers.get("x-request-id");
      await expect.poll(() => server.log.filter(({ facts }) => facts.requestId === requestId)).toHaveLength(1);
    },
  );
});

describe("a message in a query", () => {
  it.each([
    { message: ":", status: 400 },
    { message: "A", status: 400 },
    { message: "", status: 400 },
    { message: "CgA", status: 400 },
    { message: "CiQwMDAwMDAwMC0wMDAwLTAwMDAtMDAwMC0wMDAwMDAwMDAwMDA", status: 404 },
  ])("of Connect's GET is the caller's fault if it is not base64: $message", async ({ message, status }) => {
    const query = `connect=v1&encoding=proto&base64=1&message=${encodeURIComponent(message)}`;
    const url = `${server.url}/patchbay.v1.LlmService/GetLlm?${query}`;
    expect((await fetch(url, { headers: { authorization } })).status).toBe(status);
  });
});

describe("messages", () => {
  it("may be compressed as zstd, and their answers", async () => {
    const response = await fetch(`${server.url}/patchbay.v1.LlmService/ListLlms`, {
      method: "POST",
      headers: {
        authorization,
        "content-type": "application/json",
        "content-encoding": "zstd",
        "accept-encoding": "zstd",
      },
      body: zstdCompressSync('{"pageSize": 3}'),
    });
    expect(await response.json()).toEqual({});
  });

  const post = (path: string, bytes: number) =>
    fetch(`${server.url}${path}`, {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify({ message: "x".repeat(bytes) }),
    });

  it.each([{ path: "/patchbay.v1.ChatService/Chat" }, { path: "/v1/llms:chat" }])(
    "of chats may be 15 MiB and not 17: $path",
    async ({ path }) => {
      expect((await post(path, 15 * 2 ** 20)).status).toBe(404);
      expect([413, 429]).toContain((await post(path, 17 * 2 ** 20)).status);
    },
  );
});

describe("a host that is none", () => {
  it.each(["[", "%zz", "a b", "a:99999", ""])("is no matter: %s", async (host) => {
    const { port } = new URL(server.url);
    const socket = connect(Number(port), "127.0.0.1");
    socket.end(
      `POST /patchbay.v1.LlmService/GetLlm HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}`,
    );
    const answer = (await Array.fromAsync(socket.setEncoding("utf8"))).join("");
    expect(answer).toMatch(/^HTTP\/1.1 (401|415) /);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });
});
