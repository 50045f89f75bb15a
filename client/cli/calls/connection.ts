import {
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  fromJson,
  type JsonObject,
  toJson,
} from "@bufbuild/protobuf";
import type { Interceptor, Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import type { Environment } from "../environment.ts";
import { UsageError } from "../failure.ts";
import { Contexts } from "./contexts.ts";
import { explainJson, lenient } from "./json-problem.ts";

/** Calls of the contract, by its methods, in the JSON of its messages. */
export interface Connection {
  readonly url: string;
  readonly transport: Transport;
  call(method: DescMethodUnary, input: JsonObject): Promise<JsonObject>;
  stream(method: DescMethodServerStreaming, input: JsonObject, signal?: AbortSignal): AsyncIterable<JsonObject>;
}

/** What says which server is meant. */
export interface Target {
  readonly context?: string | undefined;
  readonly url?: string | undefined;
  readonly timeoutSeconds?: number | undefined;
}

/** Connects nothing yet. Flags count more than the environment, and that more than contexts. */
export async function connect(environment: Environment, target: Target): Promise<Connection> {
  const { url, apiKey } = await locate(environment, target);
  return connectTo(url, apiKey, target.timeoutSeconds);
}

async function locate(environment: Environment, target: Target): Promise<{ url: string; apiKey: string }> {
  const contexts = new Contexts(environment);
  const url = target.url || (target.context ? "" : environment.url);
  if (url && environment.apiKey) return { url, apiKey: environment.apiKey };
  const context = contexts.find(target.context || environment.context);
  if (!context) throw new UsageError("no server is known yet. Sign in with: patchbay login", { exitCode: 3 });
  if (url && url !== context.url) {
    throw new UsageError(
      `the key of context "${context.name}" is for ${context.url} and is not sent to ${url}. ` +
        "Sign in there with: patchbay login, or set PATCHBAY_API_KEY.",
      { exitCode: 3 },
    );
  }
  return { url: context.url, apiKey: environment.apiKey || (await contexts.key(context)) };
}

/** Calls one server with one key. */
export function connectTo(url: string, apiKey: string, timeoutSeconds?: number): Connection {
  if (!/^https?:$/.test(parseUrl(url)?.protocol ?? "")) {
    throw new UsageError(`the address of the server is "${url}"; it must look like http://127.0.0.1:8080`);
  }
  const authorize: Interceptor = (next) => (request) => {
    request.header.set("authorization", `Bearer ${apiKey}`);
    return next(request);
  };
  const transport = createConnectTransport({
    baseUrl: url,
    interceptors: [authorize],
    ...(timeoutSeconds ? { defaultTimeoutMs: timeoutSeconds * 1_000 } : {}),
  });
  return connectionOver(url, transport);
}

/** Calls by whatever transport there is. */
export function connectionOver(url: string, transport: Transport): Connection {
  return {
    url,
    transport,
    async call(method, input) {
      const message = read(method.input, input);
      const { message: answer } = await transport.unary(method, undefined, undefined, undefined, message);
      return present(method.output, answer);
    },
    async *stream(method, input, signal) {
      const message = read(method.input, input);
      const { message: answers } = await transport.stream(method, signal, undefined, undefined, once(message));
      for await (const answer of answers) yield present(method.output, answer);
    },
  };
}

async function* once<T>(value: T): AsyncIterable<T> {
  yield value;
}

function parseUrl(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}

/** Input is refused here, before any call, where a field is unknown or has another type. */
function read(schema: DescMessage, input: JsonObject) {
  try {
    return fromJson(schema, lenient(schema, input) as JsonObject);
  } catch (error) {
    throw new UsageError(explainJson(schema, input, error), { cause: error });
  }
}

/** As REST answers: what a message leaves out as its default is there. */
function present(schema: DescMessage, message: Parameters<typeof toJson>[1]): JsonObject {
  return toJson(schema, message, { alwaysEmitImplicit: true }) as JsonObject;
}
