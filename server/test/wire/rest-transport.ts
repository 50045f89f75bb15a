import { type ClientHttp2Session, connect as connectHttp2, constants } from "node:http2";
import {
  create,
  type DescField,
  type DescMethod,
  fromJson,
  getOption,
  type JsonObject,
  type JsonValue,
  type Registry,
  toJson,
} from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type StreamResponse, type Transport, type UnaryResponse } from "@connectrpc/connect";
import { http } from "../../../gen/google/api/annotations_pb.ts";

/** What a REST call came back with. */
interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly chunks: AsyncIterable<string>;
}

type Send = (
  method: string,
  path: string,
  headers: Headers,
  body: string | undefined,
  signal?: AbortSignal,
) => Promise<Answer>;

/** A transport for tests that calls every rpc by its REST binding, so that the typed client can speak REST. */
export function createRestTransport(options: { send: Send; apiKey?: string; registry: Registry }): Transport {
  const call = async (
    method: DescMethod,
    message: JsonObject,
    header: HeadersInit | undefined,
    signal: AbortSignal | undefined,
    timeoutMs: number | undefined,
  ) => {
    const { verb, path, body } = bind(method, message);
    const headers = new Headers(header);
    if (options.apiKey !== undefined) headers.set("authorization", `Bearer ${options.apiKey}`);
    if (body !== undefined) headers.set("content-type", "application/json");
    if (timeoutMs !== undefined) headers.set("x-server-timeout", String(timeoutMs / 1_000));
    const answer = await options.send(verb, path, headers, body, signal);
    if (answer.status < 300) return answer;
    throw readError(await collect(answer.chunks), answer.headers, options.registry);
  };
  return {
    async unary(method, signal, timeoutMs, header, input) {
      const request = toJson(method.input, create(method.input, input)) as JsonObject;
      const answer = await call(method, request, header, signal, timeoutMs);
      const json = JSON.parse(await collect(answer.chunks)) as JsonValue;
      const { responseBody } = getOption(method, http);
      const field = method.output.fields.find(({ name }) => name === responseBody);
      const message = fromJson(method.output, field ? { [field.jsonName]: json } : json);
      return {
        stream: false,
        service: method.parent,
        method,
        header: answer.headers,
        trailer: new Headers(),
        message,
      } as UnaryResponse<typeof method.input, typeof method.output>;
    },
    async stream(method, signal, timeoutMs, header, input) {
      const [first] = await Array.fromAsync(input);
      const request = toJson(method.input, create(method.input, first)) as JsonObject;
      const answer = await call(method, request, header, signal, timeoutMs);
      const message = (async function* () {
        for await (const line of lines(answer.chunks)) {
          if ("error" in JSON.parse(line)) throw readError(line, answer.headers, options.registry);
          yield fromJson(method.output, JSON.parse(line));
        }
      })();
      return {
        stream: true,
        service: method.parent,
        method,
        header: answer.headers,
        trailer: new Headers(),
        message,
      } as StreamResponse<typeof method.input, typeof method.output>;
    },
  };
}

/** Sends over HTTP/1.1. */
export function http1Sender(url: string): Send {
  return async (method, path, headers, body, signal) => {
    const response = await fetch(url + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body }),
      ...(signal ? { signal } : {}),
    });
    const stream = response.body ?? new ReadableStream<Uint8Array>({ start: (controller) => controller.close() });
    return {
      status: response.status,
      headers: response.headers,
      chunks: stream.pipeThrough(new TextDecoderStream() as never),
    };
  };
}

/** Sends over HTTP/2 in clear text, all calls on one connection. */
export function http2Sender(url: string): Send & { close(): void } {
  let session: ClientHttp2Session | undefined;
  const send: Send = (method, path, headers, body, signal) =>
    new Promise((resolve, reject) => {
      session ??= connectHttp2(url);
      const stream = session.request({ ":method": method, ":path": path, ...Object.fromEntries(headers) });
      signal?.addEventListener("abort", () => {
        stream.close(constants.NGHTTP2_CANCEL);
        stream.destroy(new ConnectError("the test left", Code.Canceled));
      });
      stream.setEncoding("utf8");
      stream.once("error", reject);
      stream.once("response", ({ ":status": status, ...rest }) => {
        const entries = Object.entries(rest)
          .filter(([name]) => !name.startsWith(":"))
          .map(([name, value]): [string, string] => [name, String(value)]);
        resolve({ status: Number(status), headers: new Headers(entries), chunks: stream });
      });
      stream.end(body);
    });
  return Object.assign(send, { close: () => session?.close() });
}

/** The verb, path and body that the first binding gives a request. */
function bind(method: DescMethod, message: JsonObject): { verb: string; path: string; body: string | undefined } {
  const rule = getOption(method, http);
  const { case: verb = "get", value: template } = rule.pattern;
  const rest: JsonObject = { ...message };
  const jsonNameOf = (name: string) => (method.input.fields.find((field) => field.name === name) as DescField).jsonName;
  const additional = rule.additionalBindings[0]?.pattern.value;
  // An rpc that needs no id has a second binding without it.
  const usable =
    rest.llmId === undefined && typeof additional === "string" && rule.body === "*" && !additional.includes("{")
      ? additional
      : template;
  const path = String(usable).replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = rest[jsonNameOf(name)];
    delete rest[jsonNameOf(name)];
    return encodeURIComponent(String(value ?? ""));
  });
  if (rule.body === "*") return { verb: verb.toUpperCase(), path, body: JSON.stringify(rest) };
  const query = new URLSearchParams(Object.entries(rest).flatMap(([name, value]) => entriesOf(name, value))).toString();
  return { verb: verb.toUpperCase(), path: query ? `${path}?${query}` : path, body: undefined };
}

function entriesOf(name: string, value: JsonValue | undefined): [string, string][] {
  if (Array.isArray(value)) return value.map((item) => [name, String(item)]);
  if (value !== null && typeof value === "object") {
    return Object.entries(value).map(([key, item]) => [`${name}.${key}`, String(item)]);
  }
  return [[name, String(value)]];
}

function readError(text: string, metadata: Headers, registry: Registry): ConnectError {
  const { error } = JSON.parse(text) as {
    error: { status: string; message: string; details: ({ "@type": string } & JsonObject)[] };
  };
  const code = Object.entries(Code).find(
    ([name]) => toUpperSnake(name) === error.status.replace("CANCELLED", "CANCELED"),
  )?.[1] as Code;
  const failure = new ConnectError(error.message, code, metadata);
  for (const { "@type": url, ...value } of error.details) {
    const type = registry.getMessage(url.replace(/^.*\//, ""));
    if (type) failure.details.push({ type: type.typeName, value: anyPack(type, fromJson(type, value)).value });
  }
  return failure;
}

function toUpperSnake(name: string): string {
  return name.replace(/(?!^)([A-Z])/g, "_$1").toUpperCase();
}

async function collect(chunks: AsyncIterable<string>): Promise<string> {
  return (await Array.fromAsync(chunks)).join("");
}

async function* lines(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of chunks) {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
}
