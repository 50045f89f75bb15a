import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, type TestServer } from "../../test/server/test-server.ts";

const UNARY = "application/json, application/proto, application/grpc, application/grpc-web, application/grpc-web-text";
const STREAM = UNARY.replaceAll(/application\/(json|proto)\b/g, "application/connect+$1");
const GET = "LlmService/GetLlm";
const WATCH = "LlmService/WatchLlms";

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

function call(rpc: string, method: string, contentType?: string): Promise<Response> {
  const headers = { authorization: `Bearer ${server.adminKey}`, ...(contentType && { "content-type": contentType }) };
  const body = method === "GET" ? null : "{}";
  return fetch(`${server.url}/patchbay.v1.${rpc}`, { method, headers, body });
}

describe("an rpc that is called in a form that it does not take", () => {
  it.each([
    {
      rpc: GET,
      type: "application/x-www-form-urlencoded",
      accepted: UNARY,
      says: "curl: -H 'content-type: application/j",
    },
    {
      rpc: GET,
      type: "application/json; charset=latin1",
      accepted: UNARY,
      says: "must be application/json, application/",
    },
    { rpc: GET, type: "application/connect+json", accepted: UNARY, says: "application/proto, application/grpc, " },
    { rpc: WATCH, type: "application/json", accepted: STREAM, says: "; plain JSON is streamed over REST" },
    { rpc: WATCH, type: "application/connect+xml", accepted: STREAM, says: "must be application/connect+json, " },
  ])("as $type is told the content types of $rpc", async ({ rpc, type, accepted, says }) => {
    const response = await call(rpc, "POST", type);
    const { status, headers } = response;
    expect([status, headers.get("content-type"), headers.get("accept-post")]).toEqual([
      415,
      "application/json; charset=utf-8",
      accepted,
    ]);
    expect(await response.json()).toEqual({
      code: "unknown",
      message: expect.stringContaining(says),
      details: [
        expect.objectContaining({ debug: { reason: "MEDIA_TYPE_NOT_SUPPORTED", domain: "patchbay" } }),
        expect.objectContaining({ debug: { requestId: headers.get("x-request-id") } }),
      ],
    });
  });

  it.each([
    { rpc: GET, method: "PUT", allow: "POST, GET" },
    { rpc: "LlmService/CreateLlm", method: "GET", allow: "POST" },
    { rpc: WATCH, method: "DELETE", allow: "POST, GET" },
  ])("by $method is told the methods of $rpc", async ({ rpc, method, allow }) => {
    const response = await call(rpc, method, "application/json");
    expect([response.status, response.headers.get("allow")]).toEqual([405, allow]);
    expect(await response.json()).toMatchObject({
      code: "unknown",
      message: `this path has no ${method}; it has ${allow}`,
      details: [{ debug: { reason: "METHOD_NOT_ALLOWED" } }, {}],
    });
  });

  it.each([
    { path: `${GET}?encoding=xml&message=%7B%7D`, says: "the query must have encoding=json or encoding=proto" },
    { path: `${WATCH}?encoding=json&message=%7B%7D`, says: "a stream has no GET; send a POST" },
  ])("by Connect's GET of $path is told what would be right", async ({ path, says }) => {
    const response = await call(path, "GET");
    expect(response.status).toBe(415);
    expect(await response.json()).toMatchObject({ message: says, details: [{}, {}] });
  });

  it.each(["application/grpc+thrift", "application/grpc-web-text+json"])(
    "as %s is told in gRPC's own way",
    async (type) => {
      const { status, headers } = await call(GET, "POST", type);
      expect([status, headers.get("content-type"), headers.get("grpc-status")]).toEqual([200, type, "3"]);
      expect(headers.get("grpc-message")).toContain("the content type must be application/json");
      expect(headers.get("grpc-status-details-bin")).toMatch(/.{100}/);
    },
  );

  it("has the code in the log line", async () => {
    const requestId = (await call(GET, "POST", "text/xml")).headers.get("x-request-id");
    await expect
      .poll(() => server.log.find(({ facts }) => facts.requestId === requestId)?.facts)
      .toMatchObject({ rpc: "patchbay.v1.LlmService/GetLlm", code: "InvalidArgument" });
  });
});
