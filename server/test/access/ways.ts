import {
  createRegistry,
  type DescMethod,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  fromJson,
  type JsonObject,
  toJson,
} from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import { file_google_rpc_error_details } from "../../../gen/google/rpc/error_details_pb.ts";
import { createRestTransport, http1Sender } from "../wire/rest-transport.ts";

/** A protocol, and a header that a key is shown in. */
export interface Way {
  readonly protocol: string;
  readonly header: string;
  open(url: string): { readonly transport: Transport; close(): void };
}

/** What came of a call. */
export interface Answer {
  /** `ok`, or the code of the error in lower case, such as `not_found`. */
  readonly outcome: string;
  /** All that the caller was told, but for what names the call. */
  readonly said: string;
}

const HEADERS = ["authorization", "x-api-key", "x-discolike-key"];

/**
 * Headers that name the call or the connection: whether that is used again depends on how much of a refused body was there.
 * In gRPC's details the request id is among others, which are compared one by one.
 */
const NAMES_THE_CALL = new Set(["x-request-id", "date", "grpc-status-details-bin", "connection", "keep-alive"]);

const PROTOCOLS: Readonly<Record<string, Way["open"]>> = {
  gRPC: (baseUrl) => {
    const sessionManager = new Http2SessionManager(baseUrl);
    return { transport: createGrpcTransport({ baseUrl, sessionManager }), close: () => sessionManager.abort() };
  },
  "gRPC-Web": (baseUrl) => ({
    transport: createGrpcWebTransport({ baseUrl, httpVersion: "1.1" }),
    close: () => {},
  }),
  Connect: (baseUrl) => ({ transport: createConnectTransport({ baseUrl, httpVersion: "1.1" }), close: () => {} }),
  REST: (url) => ({
    transport: createRestTransport({ send: http1Sender(url), registry: createRegistry(file_google_rpc_error_details) }),
    close: () => {},
  }),
};

/** Every way to show a key over every protocol. */
export const WAYS: readonly Way[] = Object.entries(PROTOCOLS).flatMap(([protocol, open]) =>
  HEADERS.map((header) => ({ protocol, header, open })),
);

/** Calls an rpc with a key, in one way; of a stream that never ends, the first message is read. */
export async function call(
  transport: Transport,
  { method, request, isEndless }: { method: DescMethod; request: JsonObject; isEndless: boolean },
  header: string,
  key: string | undefined,
): Promise<Answer> {
  const shown = key === undefined ? {} : { [header]: header === "authorization" ? `Bearer ${key}` : key };
  const message = fromJson(method.input, request);
  try {
    const said: unknown[] = [];
    if (method.methodKind === "unary") {
      const answer = await transport.unary(method as DescMethodUnary, undefined, undefined, shown, message as never);
      said.push(toJson(method.output, answer.message as never));
    } else {
      const answer = await transport.stream(
        method as DescMethodServerStreaming,
        undefined,
        undefined,
        shown,
        once(message) as never,
      );
      for await (const part of answer.message) {
        said.push(toJson(method.output, part as never));
        if (isEndless) break;
      }
    }
    return { outcome: "ok", said: JSON.stringify(said) };
  } catch (error) {
    return refusalIn(ConnectError.from(error));
  }
}

function refusalIn({ code, rawMessage, details, metadata }: ConnectError): Answer {
  const outcome = (Code[code] ?? "").replace(/(?!^)([A-Z])/g, "_$1").toLowerCase();
  const headers = [...metadata].filter(([name]) => !NAMES_THE_CALL.has(name));
  const told = details.filter((detail) => !("type" in detail) || detail.type !== "google.rpc.RequestInfo");
  return { outcome, said: JSON.stringify([rawMessage, told.map(textOf), headers]) };
}

function textOf(detail: object): unknown {
  return "value" in detail && detail.value instanceof Uint8Array
    ? Buffer.from(detail.value).toString("latin1")
    : detail;
}

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}
