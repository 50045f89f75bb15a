/** A service with one rpc of each kind and a rule of each kind, and real servers for it, for tests. */
import { createServer, type IncomingHttpHeaders, request as requestHttp1 } from "node:http";
import { connect, createServer as createHttp2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import type { DescMessage, DescMethod, MessageInitShape } from "@bufbuild/protobuf";
import { createMethodImplSpec, type HandlerContext, type MethodImplSpec } from "@connectrpc/connect";
import type { HttpRuleSchema } from "../../../gen/google/api/http_pb.ts";
import { createRestHandler, type RestOptions } from "../../wire/rest/transcode.ts";
import { registryOf } from "./rest-shapes.ts";

const ECHO_RULE: MessageInitShape<typeof HttpRuleSchema> = {
  pattern: { case: "get", value: "/v1/echo/{text}" },
  additionalBindings: [
    { pattern: { case: "post", value: "/v1/echo" }, body: "*" },
    { pattern: { case: "post", value: "/v1/echo/{text}" }, body: "*" },
    { pattern: { case: "post", value: "/v1/echo/{text}:shout" } },
    { pattern: { case: "delete", value: "/v1/echo/{text}" } },
    { pattern: { case: "patch", value: "/v1/nested/{nested.text}" }, body: "nested" },
    { pattern: { case: "post", value: "/v1/nested" }, body: "nested" },
    { pattern: { case: "post", value: "/v1/sides" }, body: "right" },
    { pattern: { case: "put", value: "/v1/texts" }, body: "texts", responseBody: "texts" },
    { pattern: { case: "get", value: "/v1/nested/{text}" }, responseBody: "nested" },
    { pattern: { case: "get", value: "/v1/counts/{count}" } },
    { pattern: { case: "get", value: "/v1/names/{text=names/*}" } },
    { pattern: { case: "get", value: "/v1/rest/{text=**}" } },
    { pattern: { case: "custom", value: { kind: "REPORT", path: "/v1/echo/{text}" } } },
  ],
};

/** The types of the test service. */
export const testTypes = registryOf({
  package: "test.v1",
  enums: { Color: { COLOR_UNSPECIFIED: 0, RED: 1, BLUE: 2 } },
  messages: {
    Everything: {
      text: "string",
      count: "int32",
      big: "int64",
      unsigned_big: "uint64",
      ratio: "double",
      small_ratio: "float",
      is_set: "bool",
      data: "bytes",
      color: "Color",
      maybe: "optional string",
      texts: "repeated string",
      colors: "repeated Color",
      labels: "map<string, string>",
      counts: "map<int32, int64>",
      nested: "Nested",
      items: "repeated Nested",
      time: "google.protobuf.Timestamp",
      pause: "google.protobuf.Duration",
      update_mask: "google.protobuf.FieldMask",
      bool_value: "google.protobuf.BoolValue",
      big_value: "google.protobuf.Int64Value",
      text_value: "google.protobuf.StringValue",
      struct: "google.protobuf.Struct",
      value: "google.protobuf.Value",
      any: "google.protobuf.Any",
      left: "string",
      right: "Nested",
    },
    Nested: { text: "string", is_set: "bool", count: "int32", deeper: "Nested", texts: "repeated string" },
    Upload: { name: "string", tag: "string", content: "google.api.HttpBody" },
  },
  oneofs: { Everything: { side: ["left", "right"] } },
  rpcs: {
    Echo: { input: "Everything", output: "Everything", rule: ECHO_RULE },
    Watch: {
      input: "Everything",
      output: "Everything",
      streams: "responses",
      rule: { pattern: { case: "get", value: "/v1/watch/{text}" }, responseBody: "text" },
    },
    Download: {
      input: "Everything",
      output: "google.api.HttpBody",
      rule: { pattern: { case: "get", value: "/v1/files/{text=**}" } },
    },
    Upload: {
      input: "Upload",
      output: "Upload",
      rule: {
        pattern: { case: "post", value: "/v1/files/{name=**}" },
        body: "content",
        additionalBindings: [{ pattern: { case: "get", value: "/v1/uploads/{name}" }, responseBody: "content" }],
      },
    },
    Tail: {
      input: "Everything",
      output: "google.api.HttpBody",
      streams: "responses",
      rule: { pattern: { case: "get", value: "/v1/tail/{text}" } },
    },
  },
});

/** A message of the test service. */
export function testMessage(name: "Everything" | "Nested" | "Upload"): DescMessage {
  const desc = testTypes.getMessage(`test.v1.${name}`);
  if (desc === undefined) throw new Error(`no message ${name}`);
  return desc;
}

/** A message of the test service, as handlers see it. */
// biome-ignore lint/suspicious/noExplicitAny: the messages have no generated types
export type AnyMessage = any;

type RpcName = "Echo" | "Watch" | "Download" | "Upload" | "Tail";

/** What rpcs of the test service do; an echo where nothing is said. */
export type Implementations = Partial<Record<RpcName, (request: AnyMessage, context: HandlerContext) => unknown>>;

/** The specs of the test service. */
export function testMethods(implementations: Implementations = {}): MethodImplSpec[] {
  const methods: DescMethod[] = testTypes.getService("test.v1.Service")?.methods ?? [];
  return methods.map((method) => {
    const echo = method.methodKind === "server_streaming" ? echoOnce : (request: AnyMessage) => request;
    return createMethodImplSpec(method, (implementations[method.name as RpcName] ?? echo) as never);
  });
}

async function* echoOnce(request: AnyMessage) {
  yield request;
}

/** An answer as a client has it. */
export interface Received {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into what they know to be there
  readonly json: any;
}

/** A request as tests write it. */
export interface Sent {
  readonly method?: string;
  /** Sent as it stands. */
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array;
}

/** The protocols that the tests speak. */
export const PROTOCOLS = ["HTTP/1.1", "HTTP/2"] as const;

/** Servers for the test service. */
export interface TestServer extends AsyncDisposable {
  /** The port that speaks HTTP/1.1, and the one that speaks HTTP/2. */
  readonly ports: Readonly<Record<(typeof PROTOCOLS)[number], number>>;
  send(sent: Sent, protocol?: (typeof PROTOCOLS)[number]): Promise<Received>;
}

/** Serves the test service over HTTP/1.1 and HTTP/2. */
export async function startServer(
  implementations: Implementations = {},
  options: Partial<RestOptions> = {},
): Promise<TestServer> {
  const handler = createRestHandler(testMethods(implementations), {
    readMaxBytes: () => 1_048_576,
    errorDomain: "test.example",
    corsOrigins: [],
    registry: testTypes,
    ...options,
  });
  const servers = [
    createServer((request, response) => void handler(request, response)),
    createHttp2Server((request, response) => void handler(request, response)),
  ];
  await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))));
  const [http1 = 0, http2 = 0] = servers.map((server) => (server.address() as AddressInfo).port);
  return {
    ports: { "HTTP/1.1": http1, "HTTP/2": http2 },
    send: (sent, protocol = "HTTP/1.1") => (protocol === "HTTP/1.1" ? sendHttp1(sent, http1) : sendHttp2(sent, http2)),
    async [Symbol.asyncDispose]() {
      for (const server of servers) {
        server.close();
        if ("closeAllConnections" in server) server.closeAllConnections();
      }
    },
  };
}

function sendHttp1({ method = "GET", path, headers, body }: Sent, port: number): Promise<Received> {
  const length = body === undefined || method === "POST" ? {} : { "content-length": String(Buffer.byteLength(body)) };
  return new Promise((resolve, reject) => {
    const options = { port, method, path, headers: { ...length, ...headers }, agent: false };
    const outgoing = requestHttp1(options, (response) => {
      const { statusCode = 0, headers } = response;
      response.toArray().then((chunks) => resolve(receive(statusCode, headers, Buffer.concat(chunks))), reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });
}

function sendHttp2({ method = "GET", path, headers, body }: Sent, port: number): Promise<Received> {
  return new Promise((resolve, reject) => {
    const session = connect(`http://127.0.0.1:${port}`);
    session.on("error", reject);
    const stream = session.request({ ":method": method, ":path": path, ...headers }, { endStream: body === undefined });
    stream.on("error", reject);
    stream.on("close", () => session.close());
    stream.on("response", (received) => {
      const { ":status": status, ...headers } = received;
      const finish = (chunks: Buffer[]) =>
        receive(Number(status), headers as IncomingHttpHeaders, Buffer.concat(chunks));
      stream.toArray().then((chunks) => resolve(finish(chunks)), reject);
    });
    if (body !== undefined) stream.end(body);
  });
}

function receive(status: number, headers: IncomingHttpHeaders, bytes: Buffer): Received {
  const text = bytes.toString();
  return {
    status,
    headers,
    bytes,
    text,
    get json() {
      return JSON.parse(text);
    },
  };
}

/** A body of JSON. */
export function json(value: unknown): Pick<Sent, "headers" | "body"> {
  return { headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
}
