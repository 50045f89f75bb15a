import type { ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { createRegistry, type DescFile, type DescMethod } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { createMethodUrl } from "@connectrpc/connect/protocol";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { file_google_rpc_error_details } from "../../gen/google/rpc/error_details_pb.ts";
import type { Logger } from "../base/logger.ts";
import { CallRecords } from "./interceptors/call-record.ts";
import { type Classify, ERROR_DOMAIN } from "./interceptors/refusal.ts";
import { createValidation } from "./interceptors/validate.ts";
import type { NodeRequest, NodeResponse } from "./rest/exchange.ts";
import { captureMethods, createRestHandler } from "./rest/transcode.ts";
import { RpcCors } from "./rpc-cors.ts";

const MIB = 2 ** 20;
/** After decompression: a few kilobytes of gzip can be gigabytes. */
const MOST_BYTES = 4 * MIB;
/** A caller that says nothing waits this long; the endpoints of Llms have limits of their own. */
const DEFAULT_TIMEOUT_MS = 15 * 60_000;
const LONGEST_TIMEOUT_MS = 60 * 60_000;

export interface AppOptions {
  readonly routes: (router: ConnectRouter) => void;
  /** The files of the services, whose messages may travel inside others. */
  readonly files: readonly DescFile[];
  readonly admit: (context: HandlerContext) => Promise<void>;
  readonly classify: Classify;
  readonly isReady: () => Promise<boolean>;
  readonly log: Logger;
  readonly corsOrigins: readonly string[];
  /** Aborts every call when the server goes down. */
  readonly shutdownSignal: AbortSignal;
}

/** Everything on the one port: health, then gRPC, gRPC-Web and Connect by their paths, then REST. */
export function createApp(options: AppOptions): (request: NodeRequest, response: NodeResponse) => void {
  const { routes, shutdownSignal, log } = options;
  const records = new CallRecords({ log, classify: options.classify });
  const registry = createRegistry(file_google_rpc_error_details, ...options.files);
  const shared = {
    interceptors: [records.interceptor(), createValidation()],
    requestGate: records.gate(options.admit),
    shutdownSignal,
  };
  const methods = captureMethods(routes);
  const rest = createRestHandler(methods, {
    ...shared,
    readMaxBytes: (_method: DescMethod) => MOST_BYTES,
    defaultTimeoutMs: DEFAULT_TIMEOUT_MS,
    maxTimeoutMs: LONGEST_TIMEOUT_MS,
    errorDomain: ERROR_DOMAIN,
    corsOrigins: options.corsOrigins,
    registry,
    onInternalError: (error) => log.error({ err: error }, "a REST call failed outside of its rpc"),
  });
  const rpc = connectNodeAdapter({
    ...shared,
    routes,
    readMaxBytes: MOST_BYTES,
    maxTimeoutMs: LONGEST_TIMEOUT_MS,
    // A misspelt field of a JSON request is an error: nobody shall believe that a key was stored which was not.
    jsonOptions: { ignoreUnknownFields: false, registry },
  });
  const rpcPaths = new Set(methods.map(({ method }) => createMethodUrl("/", method)));
  const rpcCors = new RpcCors(options.corsOrigins);
  return (request, response) => {
    const path = request.url?.split("?", 1)[0] ?? "";
    const answer = HEALTH[path];
    if (answer) void answer(options, response);
    else if (!rpcPaths.has(path)) void rest(request, response);
    else if (!rpcCors.handle(request, response)) rpc(request as Http2ServerRequest, response as Http2ServerResponse);
  };
}

/** For load balancers and process managers: whether the process lives, and whether it can serve. */
const HEALTH: Readonly<Record<string, (options: AppOptions, response: NodeResponse) => Promise<void>>> = {
  "/healthz": async (_, response) => answer(response, 200, "ok\n"),
  "/readyz": async ({ isReady }, response) =>
    (await isReady()) ? answer(response, 200, "ready\n") : answer(response, 503, "not ready\n"),
};

function answer(response: NodeResponse, status: number, text: string): void {
  response.statusCode = status;
  response.setHeader("content-type", "text/plain; charset=utf-8");
  (response as ServerResponse).end(text);
}
