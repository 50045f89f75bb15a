import type { MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import type { HttpRuleSchema } from "../../gen/google/api/http_pb.ts";
import type { RpcShape } from "../../server/test/wire/rest-shapes.ts";
import { documentOf, operationAt, type TestContract } from "./test-contract.ts";

type Rule = MessageInitShape<typeof HttpRuleSchema>;

const MESSAGES = {
  In: {
    book_id: "string",
    title: "string",
    tags: "repeated string",
    labels: "map<string, string>",
    nested: "Nested",
    items: "repeated Nested",
    seen_at: "google.protobuf.Timestamp",
    file: "google.api.HttpBody",
  },
  Nested: { shelf_name: "string", deeper: "Nested" },
  Out: { book_id: "string", nested: "Nested", titles: "repeated string", file: "google.api.HttpBody" },
};

function contract(rule: Rule, rpc: Partial<RpcShape> = {}, more: Partial<TestContract> = {}): TestContract {
  return { messages: MESSAGES, rpcs: { Call: { input: "In", output: "Out", rule, ...rpc } }, ...more };
}

const get = (value: string, more: object = {}): Rule => ({ pattern: { case: "get", value }, ...more }) as Rule;
const post = (value: string, more: object = {}): Rule => ({ pattern: { case: "post", value }, ...more }) as Rule;

describe("paths", () => {
  it.each([
    ["/v1/books/{book_id}", "/v1/books/{bookId}", ["bookId"]],
    ["/v1/books/{book_id}:open", "/v1/books/{bookId}:open", ["bookId"]],
    ["/v1/{book_id=shelves/*/books/*}", "/v1/shelves/{bookId}/books/{bookId_1}", ["bookId", "bookId_1"]],
    ["/v1/{nested.shelf_name=shelves/**}", "/v1/shelves/{nested.shelfName}", ["nested.shelfName"]],
    ["/v1/*/{book_id}", "/v1/{any_1}/{bookId}", ["any_1", "bookId"]],
  ])("has %s as %s", (template, path, names) => {
    const { parameters = [] } = operationAt(documentOf(contract(get(template))), "get", path);
    const inPath = parameters.filter((parameter) => parameter.in === "path");
    expect(inPath.map(({ name }) => name)).toEqual(names);
    expect(inPath.every(({ required }) => required)).toBe(true);
  });

  it("are one if they differ in the names of their parameters only", () => {
    const document = documentOf({
      messages: MESSAGES,
      rpcs: {
        Get: { input: "In", output: "Out", rule: get("/v1/books/{book_id}") },
        Put: { input: "In", output: "Out", rule: { pattern: { case: "put", value: "/v1/books/{title}" } } },
      },
    });
    expect(Object.keys(document.paths)).toEqual(["/v1/books/{bookId}"]);
    expect(operationAt(document, "put", "/v1/books/{bookId}").parameters?.[0]).toMatchObject({ name: "bookId" });
  });

  it("cannot have a method that OpenAPI has no word for", () => {
    const rule: Rule = { pattern: { case: "custom", value: { kind: "REPORT", path: "/v1/books" } } };
    expect(() => documentOf(contract(rule))).toThrow("REPORT /v1/books: OpenAPI 3.1 cannot describe this method");
  });
});

describe("operations", () => {
  it("are numbered, one for each binding", () => {
    const rule = get("/v1/a", { additionalBindings: [get("/v1/b"), get("/v1/c")] });
    const { paths } = documentOf(contract(rule));
    const ids = Object.values(paths).map((item) => item.get?.operationId);
    expect(ids).toEqual(["Service_Call", "Service_Call_2", "Service_Call_3"]);
  });

  it("take their words from the comment of the rpc", () => {
    const comments = {
      "test.v1.Service": "Books. Many of them.",
      "test.v1.Service.Call": " Opens the book_id of a\n book. Only once.\n\n As `seen_at` says.\n",
    };
    const document = documentOf(contract(get("/v1/a"), {}, { comments }));
    expect(document.tags).toEqual([{ name: "Service", description: "Books." }]);
    expect(operationAt(document, "get", "/v1/a")).toMatchObject({
      tags: ["Service"],
      summary: "Opens the bookId of a book",
      description: "Only once.\n\nAs `seenAt` says.",
      // No permission is required, so no key is.
      security: [],
    });
  });
});

describe("services", () => {
  it("are grouped by what they are for, the unnamed ones last", () => {
    const groups = [{ name: "Read", services: ["test.v1.Service"] }];
    const described = documentOf(contract(get("/v1/a"), {}, { groups }));
    expect(described["x-tagGroups"]).toEqual([{ name: "Read", tags: ["Service"] }]);
    const others = documentOf(
      contract(get("/v1/a"), {}, { groups: [{ name: "Read", services: [] }], lastGroup: "Rest" }),
    );
    expect(others["x-tagGroups"]).toEqual([{ name: "Rest", tags: ["Service"] }]);
  });
});

describe("query parameters", () => {
  const parameters = operationAt(documentOf(contract(get("/v1/{book_id}"))), "get", "/v1/{bookId}").parameters ?? [];
  const inQuery = parameters.filter((parameter) => parameter.in === "query");

  it("are the fields that a query can hold and the path does not, once each", () => {
    expect(inQuery.map(({ name }) => name)).toEqual([
      "title",
      "tags",
      "labels",
      "nested.shelfName",
      "seenAt",
      "file.contentType",
      "file.data",
    ]);
  });

  it("have the entries of a map as a list of texts, which every generator can send", () => {
    expect(inQuery.find(({ name }) => name === "labels")).toMatchObject({
      description: "Each is `key=value`.",
      schema: { type: "array", items: { type: "string" } },
    });
  });

  it("are what a body of one field leaves, and none beside a whole body", () => {
    const of = (body: string) =>
      operationAt(documentOf(contract(post("/v1/a", { body }))), "post", "/v1/a").parameters?.map(({ name }) => name);
    expect(of("nested")).toEqual(["bookId", "title", "tags", "labels", "seenAt", "file.contentType", "file.data"]);
    expect(of("*")).toBeUndefined();
  });
});

describe("request bodies", () => {
  const bodyOf = (rule: Rule, more: Partial<TestContract> = {}) => {
    const document = documentOf(contract(rule, {}, more));
    const [operation] = Object.values(document.paths).map((item) => item.post);
    return { body: operation?.requestBody, document };
  };

  it("are the whole message", () => {
    const { body, document } = bodyOf(post("/v1/a", { body: "*" }));
    expect(body).toEqual({
      required: false,
      content: { "application/json": { schema: { $ref: "#/components/schemas/In" } } },
    });
    expect(document.components.schemas.In).toMatchObject({ additionalProperties: false });
  });

  it("are what the path leaves of the message", () => {
    const { body, document } = bodyOf(post("/v1/{book_id}", { body: "*" }));
    expect(body?.content["application/json"]?.schema).toEqual({ $ref: "#/components/schemas/InWithoutBookId" });
    expect(Object.keys(document.components.schemas.InWithoutBookId?.properties ?? {})).toEqual([
      "title",
      "tags",
      "labels",
      "nested",
      "items",
      "seenAt",
      "file",
    ]);
  });

  it("are not there if the path leaves nothing", () => {
    const document = documentOf({
      messages: { In: { id: "string" }, Out: {} },
      rpcs: { Call: { input: "In", output: "Out", rule: post("/v1/{id}", { body: "*" }) } },
    });
    expect(operationAt(document, "post", "/v1/{id}")).not.toHaveProperty("requestBody");
  });

  it("are one field, even a list", () => {
    const { body } = bodyOf(post("/v1/a", { body: "tags" }));
    expect(body?.content["application/json"]?.schema).toEqual({ type: "array", items: { type: "string" } });
  });

  it("are any bytes", () => {
    expect(bodyOf(post("/v1/a", { body: "file" })).body?.content).toEqual({ "*/*": {} });
  });

  it("are required if the rules ask for a field that the path does not give", () => {
    const rules = { "In.book_id": { type: { case: "string" as const, value: { minLen: 1n } } } };
    expect(bodyOf(post("/v1/a", { body: "*" }), { rules }).body?.required).toBe(true);
    expect(bodyOf(post("/v1/{book_id}", { body: "*" }), { rules }).body?.required).toBe(false);
  });
});

describe("answers", () => {
  const answerOf = (rule: Rule, rpc: Partial<RpcShape> = {}) =>
    operationAt(documentOf(contract(rule, rpc)), "get", "/v1/a").responses[200]?.content;

  it("are the whole message", () => {
    expect(answerOf(get("/v1/a"))).toEqual({ "application/json": { schema: { $ref: "#/components/schemas/Out" } } });
  });

  it("are one field", () => {
    const schema = { type: "array", items: { type: "string" } };
    expect(answerOf(get("/v1/a", { responseBody: "titles" }))).toEqual({ "application/json": { schema } });
  });

  it("are any bytes", () => {
    expect(answerOf(get("/v1/a", { responseBody: "file" }))).toEqual({ "*/*": {} });
  });

  it("are streams of messages, any of which may be the error that ends it", () => {
    const schema = { anyOf: [{ $ref: "#/components/schemas/Out" }, { $ref: "#/components/schemas/ErrorResponse" }] };
    const content = answerOf(get("/v1/a"), { streams: "responses" });
    expect(Object.keys(content ?? {})).toEqual(["application/x-ndjson", "text/event-stream"]);
    expect(Object.values(content ?? {}).map((mediaType) => mediaType.schema)).toEqual([schema, schema]);
  });
});

describe("examples", () => {
  const example = (value: object) => ({ some: { summary: "Some", value } }) as never;

  it("of answers are as the server writes them", () => {
    const examples = { "Service.Call": { requests: {}, responses: example({ bookId: "1" }) } };
    const document = documentOf(contract(get("/v1/a"), {}, { examples }));
    expect(operationAt(document, "get", "/v1/a").responses[200]?.content?.["application/json"]?.examples).toEqual({
      some: { summary: "Some", value: { bookId: "1", titles: [] } },
    });
  });

  it.each([
    ["a request", { requests: example({ bookkId: "1" }), responses: {} }],
    ["an answer", { requests: {}, responses: example({ bookkId: "1" }) }],
  ])("that do not fit make no document: %s", (_, ofCall) => {
    const rule = post("/v1/a", { body: "*" });
    expect(() => documentOf(contract(rule, {}, { examples: { "Service.Call": ofCall } }))).toThrow('"bookkId"');
  });
});
