import {
  type DescMessage,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  fromJson,
  type JsonObject,
  toJson,
} from "@bufbuild/protobuf";
import { Code, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import type { Environment } from "../environment.ts";
import { isCallError, retold, UsageError } from "../failure.ts";
import { Contexts } from "./contexts.ts";
import { inWordsOf, type NameOf } from "./field-names.ts";
import { explainJson, lenient } from "./json-problem.ts";
import { tellingReach } from "./reach.ts";

/** Calls of the contract, by its methods, in the JSON of its messages. */
export interface Connection {
  readonly url: string;
  /** Where the key is from, such as `context "prod"`; undefined where it was given for this connection. */
  readonly keyOf?: string;
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
export async function connect(environment: Environment, target: Target, nameOf?: NameOf): Promise<Connection> {
  const { url, apiKey, keyOf } = await locate(environment, target);
  const connection = sayingWhose(connectTo(url, apiKey, target.timeoutSeconds), keyOf);
  return nameOf ? retelling(connection, (error) => inWordsOf(nameOf, error)) : connection;
}

interface Located {
  readonly url: string;
  readonly apiKey: string;
  /** Where the key is from, for people. */
  readonly keyOf: string;
}

async function locate(environment: Environment, target: Target): Promise<Located> {
  const contexts = new Contexts(environment);
  const url = target.url || (target.context ? "" : environment.url);
  const fromEnvironment = { apiKey: environment.apiKey, keyOf: "PATCHBAY_API_KEY" };
  if (url && environment.apiKey) return { url, ...fromEnvironment };
  const named = target.context || environment.context;
  const context = (named || !url ? contexts.find(named) : undefined) ?? contexts.at(url);
  if (!context) throw new UsageError(unknownServer(url, environment.apiKey), { exitCode: 3 });
  if (url && url !== context.url) {
    throw new UsageError(
      `the key of context "${context.name}" is for ${context.url} and is not sent to ${url}. ` +
        `Sign in there with: patchbay login ${url}, or set PATCHBAY_API_KEY.`,
      { exitCode: 3 },
    );
  }
  if (environment.apiKey) return { url: context.url, ...fromEnvironment };
  return { url: context.url, apiKey: await contexts.key(context), keyOf: `context "${context.name}"` };
}

function unknownServer(url: string, apiKey: string): string {
  if (url) return `no key is known for ${url}. Sign in with: patchbay login ${url}, or set PATCHBAY_API_KEY.`;
  if (apiKey) return "PATCHBAY_API_KEY is set, and no server: say which by PATCHBAY_URL or --url.";
  return "no server is known yet. Sign in with: patchbay login";
}

/** A key that is refused is told with where it is from, and where to sign in anew. */
function sayingWhose(connection: Connection, keyOf: string): Connection {
  const whose = (error: unknown) => {
    if (!isCallError(error) || error.code !== Code.Unauthenticated) return error;
    const anew = `The key is that of ${keyOf}. Sign in anew with: patchbay login ${connection.url}`;
    return retold(error, `${error.rawMessage}\n  ${anew}`);
  };
  return { ...retelling(connection, whose), keyOf };
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
  return connectionOver(url, tellingReach(transport, url));
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

/** A connection whose errors are told otherwise. */
function retelling(connection: Connection, retell: (error: unknown) => unknown): Connection {
  return {
    ...connection,
    async call(method, input) {
      try {
        return await connection.call(method, input);
      } catch (error) {
        throw retell(error);
      }
    },
    async *stream(method, input, signal) {
      try {
        yield* connection.stream(method, input, signal);
      } catch (error) {
        throw retell(error);
      }
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
    throw explainJson(schema, input, error);
  }
}

/** As REST answers: what a message leaves out as its default is there. */
function present(schema: DescMessage, message: Parameters<typeof toJson>[1]): JsonObject {
  return toJson(schema, message, { alwaysEmitImplicit: true }) as JsonObject;
}
