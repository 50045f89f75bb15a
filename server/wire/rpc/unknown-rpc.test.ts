import { connect as connectHttp2, type IncomingHttpHeaders } from "node:http2";
import { type DescService, fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import * as grpc from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../../gen/google/rpc/status_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";
import { registryOf } from "../../test/wire/rest-shapes.ts";

const ORIGIN = "https://app.example.com";
/** Services that a newer client may know, or one of another server. */
const stranger = registryOf({
  package: "acme.v1",
  messages: { Empty: {} },
  rpcs: {
    One: { input: "Empty", output: "Empty" },
    Many: { input: "Empty", output: "Empty", streams: "responses" },
  },
}).getService("acme.v1.Service") as DescService;

interface Stranger {
  one(request: object): Promise<unknown>;
  many(request: object): AsyncIterable<unknown>;
}

let server: TestServer;
let address: string;
beforeAll(async () => {
  server = await startServer({ CORS_ORIGINS: ORIGIN });
  address = new URL(server.url).host;
});
afterAll(() => server.stop());

function callByGrpcJs(path: string): Promise<grpc.StatusObject> {
  const client = new grpc.Client(address, grpc.credentials.createInsecure());
  const bytes = (value: Buffer) => value;
  return new Promise((resolve) => {
    client.makeUnaryRequest(path, bytes, bytes, Buffer.alloc(3), () => client.close()).on("status", resolve);
  });
}

describe("an rpc that is not here, for grpc-js", () => {
  it("is UNIMPLEMENTED, and the message has the others of its service", async () => {
    const { code, details, metadata } = await callByGrpcJs("/patchbay.v1.LlmService/FindLlm");
    expect(grpc.status[code]).toBe("UNIMPLEMENTED");
    expect(details).toContain("patchbay.v1.LlmService has no rpc FindLlm; it has CreateLlm, ");
    const [bytes] = metadata.get("grpc-status-details-bin");
    const infos = fromBinary(StatusSchema, bytes as Buffer).details.map((any) => anyUnpack(any, ErrorInfoSchema));
    expect(infos[0]).toMatchObject({ reason: "RPC_NOT_FOUND", domain: "patchbay" });
  });

  it.each([
    {
      path: "/patchbay.v1.Llms/GetLlm",
      says: "there is no service patchbay.v1.Llms; there are patchbay.v1.LlmService, ",
    },
    { path: "/v1/llms", says: "there is no service at this path; there are patchbay.v1.LlmService, " },
    { path: `/${"a.".repeat(3_000)}B/C`, says: "there is no service at this path; " },
  ])("is UNIMPLEMENTED, and the message has the services: $says", async ({ path, says }) => {
    const { code, details } = await callByGrpcJs(path);
    expect([grpc.status[code], details.slice(0, says.length)]).toEqual(["UNIMPLEMENTED", says]);
  });

  it("is told in one frame, which is the trailers", async () => {
    const session = connectHttp2(server.url);
    const stream = session.request({
      ":method": "POST",
      ":path": "/acme.v1.Service/One",
      "content-type": "application/grpc+proto",
    });
    const head = await new Promise<[IncomingHttpHeaders, number]>((resolve) => {
      stream.once("response", (headers, flags) => resolve([headers, flags]));
    });
    session.destroy();
    const END_STREAM = 1;
    expect(head[1] & END_STREAM).toBe(END_STREAM);
    expect(head[0]).toMatchObject({ ":status": 200, "content-type": "application/grpc+proto", "grpc-status": "12" });
  });

  it("has a line in the log under the request id", async () => {
    const { metadata } = await callByGrpcJs("/acme.v1.Service/One");
    const [requestId] = metadata.get("x-request-id");
    await expect
      .poll(() => server.log.filter(({ facts }) => facts.requestId === requestId).map(({ facts }) => facts))
      .toMatchObject([{ protocol: "grpc", code: "Unimplemented" }]);
  });
});

describe.each([
  { name: "gRPC", open: () => createGrpcTransport({ baseUrl: server.url }) },
  { name: "gRPC-Web over HTTP/1.1", open: () => createGrpcWebTransport({ baseUrl: server.url, httpVersion: "1.1" }) },
  { name: "gRPC-Web over HTTP/2", open: () => createGrpcWebTransport({ baseUrl: server.url, httpVersion: "2" }) },
  { name: "Connect over HTTP/1.1", open: () => createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" }) },
  { name: "Connect over HTTP/2", open: () => createConnectTransport({ baseUrl: server.url, httpVersion: "2" }) },
])("an rpc that is not here, for a client of $name", ({ open }) => {
  it("is unimplemented", async () => {
    const client = createClient(stranger, open()) as unknown as Stranger;
    expect(await problemIn(client.one({}))).toMatchObject({
      code: "Unimplemented",
      reason: "RPC_NOT_FOUND",
      message: expect.stringContaining("there is no service acme.v1.Service; there are patchbay.v1.LlmService, "),
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
  });

  it("is unimplemented as a stream", async () => {
    const client = createClient(stranger, open()) as unknown as Stranger;
    const problem = await problemIn(Array.fromAsync(client.many({})));
    expect(problem).toMatchObject({ code: "Unimplemented", reason: "RPC_NOT_FOUND" });
  });
});

describe("an rpc that is not here, by hand", () => {
  const post = (path: string, headers: Record<string, string> = { "content-type": "application/json" }) =>
    fetch(`${server.url}${path}`, { method: "POST", headers, body: "{}" });

  it("is Connect's error", async () => {
    const response = await post("/acme.v1.Service/One");
    expect([response.status, response.headers.get("content-type")]).toEqual([501, "application/json"]);
    expect(await response.json()).toMatchObject({ code: "unimplemented", message: expect.stringContaining("acme.v1") });
  });

  it("is Connect's error for its GET", async () => {
    const response = await fetch(`${server.url}/acme.v1.Service/One?connect=v1&encoding=json&message=%7B%7D`);
    expect(await response.json()).toMatchObject({ code: "unimplemented" });
  });

  it("may be read by pages that may call", async () => {
    const response = await post("/acme.v1.Service/One", { "content-type": "application/grpc-web", origin: ORIGIN });
    expect(response.headers.get("access-control-allow-origin")).toBe(ORIGIN);
    expect(response.headers.get("access-control-expose-headers")).toContain("Grpc-Status");
    expect(response.headers.get("access-control-expose-headers")).toContain("patchbay-model-state");
    expect(response.headers.get("grpc-status")).toBe("12");
  });

  it.each(["/v1/nothing", "/nothing", "/acme.v1.Service", "/acme.v1.Service/One/more", "/acme.v1/llms", "/v.1/Llms"])(
    "is none of these, which get REST's 404: %s",
    async (path) => {
      const response = await post(path);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ error: { status: "NOT_FOUND" } });
    },
  );
});
