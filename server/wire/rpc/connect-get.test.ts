import { request } from "node:http";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { GetLlmRequestSchema } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { DirectRpc } from "./fast/direct-rpc.ts";

const NOBODY = "00000000-0000-4000-8000-000000000000";
const proto = toBinary(GetLlmRequestSchema, create(GetLlmRequestSchema, { llmId: NOBODY }));
const json = Buffer.from(JSON.stringify({ llmId: NOBODY }));
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
const GET = "LlmService/GetLlm";
const LIST = "LlmService/ListLlms";

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

interface Answer {
  readonly status: number | undefined;
  readonly headers: Record<string, unknown>;
  readonly body: string;
}

/** Connect's handlers serve what has a body, be it an empty one. */
type Lane = "direct" | "connect";

function get(lane: Lane, rpc: string, query: Record<string, string>, headers: Record<string, string> = {}) {
  const url = `${server.url}/patchbay.v1.${rpc}?${new URLSearchParams(query)}`;
  const body = lane === "connect" ? { "transfer-encoding": "chunked" } : {};
  const all = { authorization: `Bearer ${server.adminKey}`, ...headers, ...body };
  return new Promise<Answer>((resolve, reject) => {
    const call = request(url, { method: "GET", headers: all }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => {
        const { date, "x-request-id": requestId, ...rest } = response.headers;
        const text = Buffer.concat(chunks).toString("latin1");
        // Each call has its id, and a detail with it.
        const bodyOf = text.startsWith('{"code"') ? JSON.stringify({ ...JSON.parse(text), details: [] }) : text;
        const { "content-length": _, ...headersOf } = rest;
        resolve({ status: response.statusCode, headers: headersOf, body: bodyOf });
      });
    });
    call.on("error", reject);
    call.end();
  });
}

const CASES: {
  name: string;
  rpc: string;
  query: Record<string, string>;
  headers?: Record<string, string>;
  status: number;
}[] = [
  { name: "JSON", rpc: LIST, query: { connect: "v1", encoding: "json", message: '{"pageSize": 3}' }, status: 200 },
  { name: "JSON in base64", rpc: GET, query: { encoding: "json", base64: "1", message: base64(json) }, status: 404 },
  {
    name: "protobuf in base64",
    rpc: GET,
    query: { encoding: "proto", base64: "1", message: base64(proto) },
    status: 404,
  },
  {
    name: "protobuf in URLs' base64, without padding",
    rpc: GET,
    query: { connect: "v1", encoding: "proto", base64: "1", message: Buffer.from(proto).toString("base64url") },
    status: 404,
  },
  { name: "an empty message", rpc: LIST, query: { connect: "v1", encoding: "proto", message: "" }, status: 200 },
  { name: "no message", rpc: LIST, query: { connect: "v1", encoding: "proto" }, status: 200 },
  { name: "no message, as JSON", rpc: LIST, query: { connect: "v1", encoding: "json" }, status: 400 },
  {
    name: "gzip",
    rpc: GET,
    query: { encoding: "proto", base64: "1", compression: "gzip", message: base64(gzipSync(proto)) },
    status: 404,
  },
  {
    name: "zstd",
    rpc: GET,
    query: { encoding: "json", base64: "1", compression: "zstd", message: base64(zstdCompressSync(json)) },
    status: 404,
  },
  { name: "identity", rpc: LIST, query: { encoding: "json", compression: "identity", message: "{}" }, status: 200 },
  {
    name: "what is not gzip",
    rpc: GET,
    query: { encoding: "proto", base64: "1", compression: "gzip", message: base64(proto) },
    status: 400,
  },
  {
    name: "another compression",
    rpc: LIST,
    query: { encoding: "json", compression: "lzma", message: "{}" },
    status: 501,
  },
  { name: "another encoding", rpc: LIST, query: { encoding: "xml", message: "{}" }, status: 415 },
  { name: "no encoding", rpc: LIST, query: { connect: "v1", message: "{}" }, status: 415 },
  { name: "another version", rpc: LIST, query: { connect: "v2", encoding: "json", message: "{}" }, status: 200 },
  { name: "what is not JSON", rpc: LIST, query: { encoding: "json", message: "{" }, status: 400 },
  { name: "what is not base64", rpc: LIST, query: { encoding: "json", base64: "1", message: ":" }, status: 400 },
  { name: "a wrong field", rpc: LIST, query: { encoding: "json", message: '{"pageSize": -1}' }, status: 400 },
  {
    name: "no key",
    rpc: LIST,
    query: { encoding: "json", message: "{}" },
    headers: { authorization: "Bearer nothing" },
    status: 401,
  },
  {
    name: "a timeout that is none",
    rpc: LIST,
    query: { encoding: "json", message: "{}" },
    headers: { "connect-timeout-ms": "soon" },
    status: 400,
  },
  {
    name: "an rpc with effects",
    rpc: "LlmService/CreateLlm",
    query: { encoding: "json", message: "{}" },
    status: 405,
  },
  { name: "a stream", rpc: "LlmService/WatchLlms", query: { encoding: "json", message: "{}" }, status: 415 },
];

describe("Connect's GET", () => {
  it.each(CASES)("of $name is answered directly as connect answers it", async ({ rpc, query, headers, status }) => {
    const [direct, connect] = [await get("direct", rpc, query, headers), await get("connect", rpc, query, headers)];
    expect(direct.status).toBe(status);
    expect(direct).toEqual(connect);
  });

  it("compresses an answer as the caller can read it", async () => {
    const post = (displayName: string) =>
      fetch(`${server.url}/v1/llms`, {
        method: "POST",
        headers: { authorization: `Bearer ${server.adminKey}`, "content-type": "application/json" },
        body: JSON.stringify({
          displayName,
          description: "d".repeat(4000),
          providerType: "OPENAI",
          modelIdentifier: "gpt-4o",
        }),
      });
    expect((await post("long")).status).toBeLessThan(300);
    const query = { connect: "v1", encoding: "json", message: "{}" };
    for (const coding of ["gzip", "zstd", "br"]) {
      const [direct, connect] = [
        await get("direct", LIST, query, { "accept-encoding": coding }),
        await get("connect", LIST, query, { "accept-encoding": coding }),
      ];
      expect(direct.headers["content-encoding"]).toBe(coding);
      expect(direct).toEqual(connect);
    }
  });

  it("is served directly, but for what is unusual", async () => {
    const serve = vi.spyOn(DirectRpc.prototype, "serve");
    const query = { connect: "v1", encoding: "json", message: "{}" };
    expect((await get("connect", LIST, query)).status).toBe(200);
    expect(serve).not.toHaveBeenCalled();
    expect((await get("direct", LIST, query)).status).toBe(200);
    expect(serve).toHaveBeenCalledOnce();
    serve.mockRestore();
  });
});
