import { Code, ConnectError, createContextKey, type HandlerContext } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type AnyMessage,
  json,
  PROTOCOLS,
  startServer,
  type TestServer,
  testMethods,
  testTypes,
} from "../../test/wire/rest-service.ts";
import { type Invoke, plainInvoke } from "../call/invoke.ts";
import { captureMethods } from "../call/local-transport.ts";
import { createRestHandler, type RestOptions } from "./transcode.ts";

const options: RestOptions = {
  readMaxBytes: () => 1_048_576,
  errorDomain: "test.example",
  corsOrigins: [],
  registry: testTypes,
};

const errorInfo = (reason: string) => ({
  "@type": "type.googleapis.com/google.rpc.ErrorInfo",
  reason,
  domain: "test.example",
});

describe.each(PROTOCOLS)("createRestHandler over %s", (protocol) => {
  let server: TestServer;
  const send = (...[sent]: Parameters<TestServer["send"]>) => server.send(sent, protocol);

  beforeAll(async () => {
    server = await startServer({
      Download: ({ text }) => ({ contentType: text === "" ? "" : "text/plain", data: Buffer.from(`<${text}>`) }),
    });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it.each([
    ["GET", "/v1/echo/a%2Fb?count=5&nested.deeper.text=x", { text: "a/b", count: 5 }],
    ["GET", "/v1/counts/7", { count: 7 }],
    ["GET", "/v1/names/names/x%20y", { text: "names/x y" }],
    ["GET", "/v1/rest/a/%2fb//c", { text: "a/%2fb//c" }],
    ["GET", "/v1/rest", { text: "" }],
    ["DELETE", "/v1/echo/a:b", { text: "a:b" }],
    ["POST", "/v1/echo/a:shout", { text: "a" }],
    ["REPORT", "/v1/echo/a", { text: "a" }],
    ["POST", "/v1/echo", { text: "" }],
  ])("answers %s %s", async (method, path, expected) => {
    const received = await send({ method, path });
    expect(received).toMatchObject({ status: 200, headers: { "content-type": "application/json" }, json: expected });
    expect(received.headers["content-length"]).toBe(String(received.bytes.length));
  });

  it("prints fields with their defaults, int64 as strings, and enums by name", async () => {
    const { json } = await send({ path: "/v1/echo/a?big=5&color=2" });
    expect(json).toMatchObject({
      isSet: false,
      count: 0,
      unsignedBig: "0",
      big: "5",
      color: "BLUE",
      texts: [],
      labels: {},
    });
    expect(json).not.toHaveProperty("maybe");
    expect(json).not.toHaveProperty("nested");
  });

  it.each([
    ["a message", "/v1/nested/a?nested.text=b", { text: "b", isSet: false, count: 0, texts: [] }],
    ["a message that is not set", "/v1/nested/a", null],
  ])("answers with a response field, %s", async (_, path, expected) => {
    expect((await send({ path })).json).toEqual(expected);
  });

  it("takes a list for a body and gives one back", async () => {
    const sent = { method: "PUT", path: "/v1/texts" };
    expect((await send({ ...sent, ...json(["a", "b"]) })).json).toEqual(["a", "b"]);
    expect((await send({ ...sent, ...json([]) })).json).toEqual([]);
    expect((await send(sent)).json).toEqual([]);
  });

  it.each([
    ["/v1/files/a.txt", "text/plain", "<a.txt>"],
    ["/v1/files/", "application/octet-stream", "<>"],
  ])("answers %s with an HttpBody", async (path, contentType, text) => {
    expect(await send({ path })).toMatchObject({
      status: 200,
      headers: { "content-type": contentType, "x-content-type-options": "nosniff" },
      text,
    });
  });

  it("takes an HttpBody, with fields of the path and the query around it", async () => {
    const headers = { "content-type": "image/png" };
    const path = "/v1/files/a/b.png?tag=x";
    expect((await send({ method: "POST", path, headers, body: Buffer.from([1, 2, 255]) })).json).toEqual({
      name: "a/b.png",
      tag: "x",
      content: { contentType: "image/png", data: "AQL/", extensions: [] },
    });
  });

  it("answers HEAD as GET, without the body", async () => {
    const get = await send({ path: "/v1/echo/a" });
    const head = await send({ method: "HEAD", path: "/v1/echo/a" });
    expect(head).toMatchObject({ status: 200, text: "", headers: { "content-length": get.headers["content-length"] } });
    expect(await send({ method: "HEAD", path: "/v1/files/a" })).toMatchObject({ status: 200, text: "" });
    expect(await send({ method: "HEAD", path: "/v1/echo/a?nope=1" })).toMatchObject({ status: 400, text: "" });
  });

  it("answers OPTIONS with the methods of the path", async () => {
    expect(await send({ method: "OPTIONS", path: "/v1/echo/a" })).toMatchObject({
      status: 204,
      text: "",
      headers: { allow: "DELETE, GET, HEAD, OPTIONS, POST, REPORT" },
    });
  });

  it.each([
    ["GET", "/v1/echo", 405, "UNIMPLEMENTED", "METHOD_NOT_ALLOWED"],
    ["GET", "/nowhere", 404, "NOT_FOUND", "ROUTE_NOT_FOUND"],
    ["OPTIONS", "/nowhere", 404, "NOT_FOUND", "ROUTE_NOT_FOUND"],
    ["GET", "/v1/echo/", 404, "NOT_FOUND", "ROUTE_NOT_FOUND"],
    ["GET", "/v1/echo/a/", 404, "NOT_FOUND", "ROUTE_NOT_FOUND"],
    ["GET", "//elsewhere/v1/echo/a", 404, "NOT_FOUND", "ROUTE_NOT_FOUND"],
    ["GET", "/v1/nested/../echo/a", 404, "NOT_FOUND", "ROUTE_NOT_FOUND"],
    ["GET", "/v1/nested/%2e%2e/echo/a", 404, "NOT_FOUND", "ROUTE_NOT_FOUND"],
    ["GET", "/v1/./echo/a", 404, "NOT_FOUND", "ROUTE_NOT_FOUND"],
    ["GET", "/v1/echo/%zz", 400, "INVALID_ARGUMENT", "INVALID_REQUEST"],
    ["GET", "/v1/echo/%ff", 400, "INVALID_ARGUMENT", "INVALID_REQUEST"],
    ["GET", "/v1/echo/a?count=%", 400, "INVALID_ARGUMENT", "INVALID_REQUEST"],
    ["GET", "/v1/counts/nan", 400, "INVALID_ARGUMENT", "INVALID_REQUEST"],
    ["GET", "/v1/echo/a?__proto__.x=1", 400, "INVALID_ARGUMENT", "INVALID_REQUEST"],
    ["POST", "/v1/echo?count=1", 400, "INVALID_ARGUMENT", "INVALID_REQUEST"],
  ])("refuses %s %s with %i", async (method, path, status, name, reason) => {
    expect(await send({ method, path })).toMatchObject({
      status,
      headers: { "content-type": "application/json" },
      json: { error: { code: status, status: name, details: expect.arrayContaining([errorInfo(reason)]) } },
    });
  });

  it("says in a 405 what is allowed", async () => {
    expect((await send({ path: "/v1/echo" })).headers.allow).toBe("OPTIONS, POST");
  });

  it("reads `%2e%2e` once, and not as a way up", async () => {
    expect((await send({ path: "/v1/echo/%2e%2e" })).json).toMatchObject({ text: ".." });
    expect((await send({ path: "/v1/echo/%252e" })).json).toMatchObject({ text: "%2e" });
  });
});

describe("what handlers see", () => {
  it("is the context of the call", async () => {
    let seen: HandlerContext | undefined;
    await using server = await startServer({
      Echo: (request, context) => {
        seen = context;
        return request;
      },
    });
    const headers = { "x-one": "1", "x-server-timeout": "5" };
    await server.send({ path: "/v1/echo/a%2Fb?count=1", headers }, "HTTP/2");
    expect(seen).toMatchObject({ protocolName: "rest", requestMethod: "GET", method: { name: "Echo" } });
    expect(seen?.url).toBe(`http://127.0.0.1:${server.ports["HTTP/2"]}/v1/echo/a%2Fb?count=1`);
    expect(seen?.requestHeader.get("x-one")).toBe("1");
    expect(seen?.timeoutMs()).toBeLessThanOrEqual(5000);
    expect([...(seen?.requestHeader.keys() ?? [])].filter((name) => name.startsWith(":"))).toEqual([]);
  });

  it("passes through the gate and what calls it, in order, with one set of values", async () => {
    const steps: string[] = [];
    const who = createContextKey("nobody");
    const invoke: Invoke = {
      unary(spec, context, input) {
        steps.push(`unary ${context.values.get(who)} ${context.requestMethod}`);
        return plainInvoke.unary(spec, context, input);
      },
      stream(spec, context, input) {
        steps.push(`stream ${context.values.get(who)} ${context.requestMethod}`);
        return plainInvoke.stream(spec, context, input);
      },
    };
    const requestGate = async ({ values }: HandlerContext) => {
      values.set(who, "me");
      steps.push("gate");
    };
    const implementations = {
      Echo: (request: AnyMessage, { values }: HandlerContext) => {
        steps.push(`handler ${values.get(who)}`);
        return request;
      },
      async *Watch(request: AnyMessage, { values }: HandlerContext) {
        steps.push(`handler ${values.get(who)}`);
        yield request;
      },
    };
    await using server = await startServer(implementations, { invoke, requestGate });
    await server.send({ path: "/v1/echo/a" });
    await server.send({ path: "/v1/watch/a" });
    expect(steps).toEqual(["gate", "unary me GET", "handler me", "gate", "stream me GET", "handler me"]);
  });

  it("is nothing of a request that the gate refuses, not even its body", async () => {
    const requestGate = () => {
      throw new ConnectError("who are you?", Code.Unauthenticated);
    };
    await using server = await startServer({ Echo: () => expect.unreachable() }, { requestGate });
    expect(await server.send({ method: "POST", path: "/v1/echo", body: "not JSON" })).toMatchObject({
      status: 401,
      headers: { "www-authenticate": "Bearer" },
      json: { error: { status: "UNAUTHENTICATED" } },
    });
  });
});

describe("what handlers send", () => {
  it.each(PROTOCOLS)("is headers and trailers as headers, over %s", async (protocol) => {
    await using server = await startServer({
      Echo: (request, { responseHeader, responseTrailer }) => {
        responseHeader.set("x-one", "1");
        responseHeader.append("set-cookie", "a=1");
        responseHeader.append("set-cookie", "b=2");
        responseHeader.set("content-length", "3");
        responseHeader.set("connection", "upgrade");
        responseHeader.set("details-bin", "AAAA");
        responseTrailer.set("x-two", "2");
        return request;
      },
    });
    const { headers, status } = await server.send({ path: "/v1/echo/a" }, protocol);
    expect(headers).toMatchObject({ "x-one": "1", "x-two": "2", "set-cookie": ["a=1", "b=2"] });
    expect(headers).not.toHaveProperty("details-bin");
    expect(headers.connection).not.toBe("upgrade");
    expect(status).toBe(200);
  });

  it("is an error's metadata as headers", async () => {
    await using server = await startServer({
      Echo: () => {
        throw new ConnectError("no", Code.PermissionDenied, { "x-why": "rules", "content-length": "1" });
      },
    });
    expect(await server.send({ path: "/v1/echo/a" })).toMatchObject({
      status: 403,
      headers: { "x-why": "rules" },
      json: { error: { message: "no", details: [{ reason: "PERMISSION_DENIED" }] } },
    });
  });

  it.each([
    ["an error of its own", () => Promise.reject(new Error("db password is hunter2"))],
    ["something that is no error", () => Promise.reject("hunter2")],
    ["a message that cannot be printed", (request: AnyMessage) => ({ ...request, any: { typeUrl: "hunter2" } })],
    ["no message", () => "hunter2"],
  ])("is hidden if it is %s", async (_, Echo) => {
    const seen: unknown[] = [];
    await using server = await startServer({ Echo }, { onInternalError: (error) => seen.push(error) });
    const received = await server.send({ path: "/v1/echo/a" });
    expect(received).toMatchObject({ status: 500, json: { error: { message: "internal error" } } });
    expect(received.text).not.toContain("hunter2");
    expect(seen).toHaveLength(1);
  });
});

describe("createRestHandler at start", () => {
  it("refuses a route twice, with the names of both rpcs", () => {
    const methods = testMethods();
    expect(() => createRestHandler([...methods, ...methods], options)).toThrow(
      "test.v1.Service.Echo and test.v1.Service.Echo: GET /v1/echo/{text} has the shape of another route",
    );
  });

  it("knows which paths it serves", () => {
    const { serves } = createRestHandler(testMethods(), options);
    expect(["/v1/echo/a?b=c", "/v1/echo", "/v1/echo/a:shout"].map(serves)).toEqual([true, true, true]);
    expect(["/", "/v1", "/v1/echo/%zz", "*", "/test.v1.Service/Echo"].map(serves)).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
  });

  it("serves what a router was given, bound to its object", () => {
    const [method] = testTypes.getService("test.v1.Service")?.methods ?? [];
    if (method === undefined) throw new Error("no method");
    const specs = captureMethods((router) =>
      router
        .service(method.parent, {
          secret: 5,
          echo() {
            return { count: (this as never as { secret: number }).secret };
          },
        } as never)
        .rpc(method, (() => ({ count: 7 })) as never),
    );
    expect(specs.map((spec) => spec.method.name)).toEqual([...method.parent.methods.map(({ name }) => name), "Echo"]);
    expect(specs.filter((spec) => spec.method.name === "Echo").map((spec) => (spec.impl as () => unknown)())).toEqual([
      { count: 5 },
      { count: 7 },
    ]);
  });
});
