import { createRegistry } from "@bufbuild/protobuf";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import { createPatchbay, type Patchbay, type TransportOptions } from "../../client/llm.ts";
import { file_google_rpc_error_details } from "../../gen/google/rpc/error_details_pb.ts";
import { createRestTransport, http1Sender, http2Sender } from "./wire/rest-transport.ts";

/** One of the ways to call a server, by a client that is real. */
export interface Surface {
  readonly name: string;
  open(url: string, apiKey: string): { readonly patchbay: Patchbay; close(): void };
}

type MakeTransport = Parameters<typeof createPatchbay>[0]["transport"];

/** Every protocol over every version of HTTP that it knows, all on the same port. */
export const SURFACES: readonly Surface[] = [
  overHttp2("gRPC", (options, sessionManager) => createGrpcTransport({ ...options, sessionManager })),
  overHttp1("gRPC-Web", (options) => createGrpcWebTransport({ ...options, httpVersion: "1.1" })),
  overHttp2("gRPC-Web", (options, sessionManager) =>
    createGrpcWebTransport({ ...options, httpVersion: "2", sessionManager }),
  ),
  overHttp1("Connect JSON", (options) =>
    createConnectTransport({ ...options, httpVersion: "1.1", useBinaryFormat: false }),
  ),
  overHttp1("Connect with GET", (options) =>
    createConnectTransport({ ...options, httpVersion: "1.1", useHttpGet: true }),
  ),
  overHttp2("Connect binary", (options, sessionManager) =>
    createConnectTransport({ ...options, httpVersion: "2", useBinaryFormat: true, sessionManager }),
  ),
  {
    name: "REST over HTTP/1.1",
    open: (url, apiKey) => ({ patchbay: restClient(url, apiKey, http1Sender(url)), close: () => {} }),
  },
  {
    name: "REST over HTTP/2",
    open: (url, apiKey) => {
      const send = http2Sender(url);
      return { patchbay: restClient(url, apiKey, send), close: send.close };
    },
  },
];

function overHttp1(name: string, transport: NonNullable<MakeTransport>): Surface {
  return {
    name: `${name} over HTTP/1.1`,
    open: (url, apiKey) => ({ patchbay: createPatchbay({ url, apiKey, transport }), close: () => {} }),
  };
}

function overHttp2(
  name: string,
  transport: (options: TransportOptions, sessions: Http2SessionManager) => ReturnType<NonNullable<MakeTransport>>,
): Surface {
  return {
    name: `${name} over HTTP/2`,
    open: (url, apiKey) => {
      const sessions = new Http2SessionManager(url);
      const patchbay = createPatchbay({ url, apiKey, transport: (options) => transport(options, sessions) });
      return { patchbay, close: () => sessions.abort() };
    },
  };
}

function restClient(url: string, apiKey: string, send: ReturnType<typeof http1Sender>): Patchbay {
  const registry = createRegistry(file_google_rpc_error_details);
  return createPatchbay({ url, apiKey, transport: () => createRestTransport({ send, apiKey, registry }) });
}
