import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { json, startServer, type TestServer } from "../../test/wire/rest-service.ts";

describe("the places of a field", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  it("may be a target in absolute form, as proxies get it", async () => {
    const path = "http://elsewhere.example/v1/echo/a?count=1";
    expect((await server.send({ path })).json).toMatchObject({ text: "a", count: 1 });
  });

  it.each([
    ["the query, and the path says it too", "GET", "/v1/echo/a?text=a", undefined, { text: "a" }],
    ["the body, and the path says it too", "POST", "/v1/echo/a", { text: "a", count: 1 }, { text: "a", count: 1 }],
    [
      "a nested body, and the path says it too",
      "PATCH",
      "/v1/nested/a",
      { text: "a", count: 1 },
      { nested: { text: "a", count: 1 } },
    ],
    [
      "the path, with the rest of the message in the body",
      "PATCH",
      "/v1/nested/a",
      { count: 1 },
      { nested: { text: "a", count: 1 } },
    ],
    ["the path, where the body has the default", "POST", "/v1/echo/a", { text: "" }, { text: "a" }],
    [
      "the query beside a body",
      "POST",
      "/v1/nested?text=x&texts=a",
      { texts: ["b"] },
      { text: "x", texts: ["a"], nested: { texts: ["b"] } },
    ],
  ])("may be %s", async (_, method, path, body, expected) => {
    const sent = { method, path, ...(body && json(body)) };
    expect(await server.send(sent)).toMatchObject({ status: 200, json: expected });
  });

  it.each([
    [
      "a query against the path",
      "GET",
      "/v1/echo/a?text=b",
      undefined,
      "text: is given by the path, with another value",
    ],
    [
      "an encoded query against the path",
      "GET",
      "/v1/echo/a?te%78t=b",
      undefined,
      "text: is given by the path, with another value",
    ],
    ["a body against the path", "POST", "/v1/echo/a", { text: "b" }, "text: is given by the path, with another value"],
    [
      "a nested body against the path",
      "PATCH",
      "/v1/nested/a",
      { text: "b" },
      "nested.text: is given by the path, with another value",
    ],
    ["a query below the body", "POST", "/v1/nested?nested.text=b", {}, "nested.text: belongs in the body"],
    [
      "a query below the body, though it is the path's",
      "PATCH",
      "/v1/nested/a?nested.text=a",
      {},
      "nested.text: belongs in the body",
    ],
    [
      "any query beside the whole body",
      "POST",
      "/v1/echo?count=1",
      {},
      "count: belongs in the body, this call has no query parameters",
    ],
    [
      "a query for another member of the body's oneof",
      "POST",
      "/v1/sides?left=a",
      {},
      "right: excludes `left`, give only one of them",
    ],
    ["an unknown query beside the whole body", "POST", "/v1/echo?x=1", {}, "unknown parameter `x`"],
  ])("may not be %s", async (_, method, path, body, message) => {
    const sent = { method, path, ...(body && json(body)) };
    expect(await server.send(sent)).toMatchObject({ status: 400, json: { error: { message } } });
  });

  it("names the field in a BadRequest", async () => {
    const { json: body } = await server.send({ method: "POST", path: "/v1/echo", ...json({ nested: { count: "x" } }) });
    expect(body.error.details[1]).toEqual({
      "@type": "type.googleapis.com/google.rpc.BadRequest",
      fieldViolations: [{ field: "nested.count", description: "must be an integer from -2^31 to 2^31 - 1" }],
    });
  });
});

describe("the mask of a PATCH", () => {
  it.each([
    ["is what the body sets", "/v1/nested/a", { isSet: true, deeper: { count: 1 } }, "deeper.count,isSet"],
    ["is what the caller says", "/v1/nested/a?update_mask=count", { isSet: true }, "count"],
    ["may be given by its JSON name", "/v1/nested/a?updateMask=isSet,text", { isSet: true }, "isSet,text"],
    ["may be everything", "/v1/nested/a?updateMask=*", { isSet: true }, "*"],
    ["is made when the caller's is empty", "/v1/nested/a?updateMask=", { isSet: true }, "isSet"],
  ])("%s", async (_, path, body, mask) => {
    await using server = await startServer();
    expect(await server.send({ method: "PATCH", path, ...json(body) })).toMatchObject({
      status: 200,
      json: { updateMask: mask },
    });
  });

  it("is made for PATCH only", async () => {
    await using server = await startServer();
    const { json: body } = await server.send({ method: "POST", path: "/v1/nested", ...json({ isSet: true }) });
    expect(body).not.toHaveProperty("updateMask");
  });
});
