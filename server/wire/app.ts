import type { ServerResponse } from "node:http";
import { createRegistry, type DescFile, type DescMethod, type DescService } from "@bufbuild/protobuf";
import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import { file_google_rpc_code } from "../../gen/google/rpc/code_pb.ts";
import { file_google_rpc_error_details } from "../../gen/google/rpc/error_details_pb.ts";
import { file_google_rpc_status } from "../../gen/google/rpc/status_pb.ts";
import { file_grpc_health_v1_health } from "../../gen/grpc/health/v1/health_pb.ts";
import { file_patchbay_v1_reason } from "../../gen/patchbay/v1/reason_pb.ts";
import packageJson from "../../package.json" with { type: "json" };
import { Fault, invalidField } from "../base/fault.ts";
import type { Logger } from "../base/log.ts";
import type { Dialect } from "../service/dialects/dialect.ts";
import type { Face } from "../service/faces/face.ts";
import { jsonNamesOf } from "./call/json-names.ts";
import { captureMethods, createLocalTransport } from "./call/local-transport.ts";
import { writesAsProtos } from "./call/spelling.ts";
import { type ConsoleOptions, createConsole } from "./console/console.ts";
import { ContractArchive } from "./contract/archive.ts";
import { CallRecords } from "./gate/call-record.ts";
import { type Classify, ERROR_DOMAIN, refuse } from "./gate/errors.ts";
import { createCheck, createValidation } from "./gate/validate.ts";
import { refuseAllButReads } from "./http/asset.ts";
import { RpcCors } from "./http/cors.ts";
import { LONGEST_TIMEOUT_MS } from "./http/deadline.ts";
import { type NodeRequest, type NodeResponse, REQUEST_ID_HEADER } from "./http/exchange.ts";
import { Intake } from "./http/intake.ts";
import { LIMITS } from "./http/limits.ts";
import { callOf, Observer } from "./observe/call-log.ts";
import type { Metrics } from "./observe/metrics.ts";
import type { Tracer } from "./observe/trace.ts";
import { createDocs } from "./openapi/docs/docs.ts";
import { createRestHandler } from "./rest/transcode.ts";
import { createRpcHandlers } from "./rpc/handlers.ts";
import { answerError, isMeantForRpc, unknownRpc } from "./rpc/unknown-rpc.ts";
import { compressionZstd } from "./rpc/zstd.ts";

export interface AppOptions {
  readonly routes: (router: ConnectRouter) => void;
  /** The REST faces of other APIs, which call the routes above. */
  readonly dialects: readonly Dialect[];
  /** The APIs that programs speak already. */
  readonly faces?: readonly Face[];
  /** The files of the services, whose messages may travel inside others. */
  readonly files: readonly DescFile[];
  /** The largest message of a service, after decompression: a few kilobytes of gzip can be gigabytes. */
  readonly maxBytes: (service: DescService) => number;
  /** What the bodies of all calls may hold together. */
  readonly maxBodyBytes: number;
  readonly admit: (context: HandlerContext) => Promise<void>;
  readonly classify: Classify;
  readonly isReady: () => Promise<boolean>;
  /** False when the process has to be started again, because it does not come back by itself. */
  readonly isAlive: () => boolean;
  /** The time of unary calls whose callers say nothing. */
  readonly timeoutMs: (method: DescMethod) => number;
  readonly log: Logger;
  /** Undefined: nothing is counted, and there is no `/metrics`. */
  readonly metrics: Metrics | undefined;
  /** Undefined: nothing is traced. */
  readonly tracer: Tracer | undefined;
  readonly corsOrigins: readonly string[];
  /** Where people can sign in to the console without an API key. */
  readonly consoleSignIn: ConsoleOptions["signIn"];
  /** The header in which a proxy in front says where a call comes from. Undefined: there is none, and none is believed. */
  readonly addressHeader: string | undefined;
  /** Aborts every call when the server goes down. */
  readonly shutdownSignal: AbortSignal;
}

/** What a client needs beside the services' files: what errors carry, and how it asks for health. */
const BESIDE_THE_SERVICES = [
  file_google_rpc_error_details,
  file_google_rpc_status,
  file_google_rpc_code,
  file_patchbay_v1_reason,
  file_grpc_health_v1_health,
];

/** Everything on the one port: health and metrics, then gRPC, gRPC-Web and Connect by their paths, then REST. */
export function createApp(options: AppOptions): (request: NodeRequest, response: NodeResponse) => void {
  const { routes, shutdownSignal, log, metrics, tracer } = options;
  const observer = new Observer({ log, metrics: metrics?.calls, tracer, addressHeader: options.addressHeader });
  const jsonNames = jsonNamesOf(options.files.filter(({ proto }) => proto.package === "patchbay.v1"));
  const records = new CallRecords({ log, classify: options.classify, jsonNames });
  const registry = createRegistry(file_google_rpc_error_details, ...options.files);
  const check = createCheck();
  const shared = {
    invoke: records.invoke(check),
    refine: (context: HandlerContext, error: unknown) => records.refine(context, error),
    requestGate: records.gate(async (context) => {
      await options.admit(context);
      requireBase64(context);
    }),
    contextValues: (request: NodeRequest) => observer.valuesOf(request),
    shutdownSignal,
    readMaxBytes: ({ parent }: DescMethod) => options.maxBytes(parent),
    intake: new Intake({ maxBytes: options.maxBodyBytes, limits: LIMITS }),
    defaultTimeoutMs: options.timeoutMs,
  };
  const methods = captureMethods(routes);
  const specs = new Map(methods.map((spec) => [spec.method as DescMethod, spec]));
  const reach = createLocalTransport(specs, { admit: options.admit, check });
  const spoken = options.dialects.flatMap(({ routes }) => captureMethods((router) => routes(router, reach)));
  const rest = createRestHandler([...methods, ...spoken], {
    ...shared,
    errorFormats: [...options.dialects, ...(options.faces ?? [])].flatMap(({ errors }) => errors ?? []),
    faces: { faces: options.faces ?? [], records },
    maxTimeoutMs: LONGEST_TIMEOUT_MS,
    errorDomain: ERROR_DOMAIN,
    corsOrigins: options.corsOrigins,
    pages: [...PAGES.keys(), "/docs", "/openapi.json"],
    registry,
    jsonNamesFor: (request) => (writesAsProtos(observer.valuesOf(request)) ? undefined : jsonNames),
    requestIdOf: (request) => callOf(observer.valuesOf(request)).requestId,
    onInternalError: (error) => log.error({ err: error }, "a REST call failed outside of its rpc"),
  });
  // A misspelt field of a JSON request is an error: nobody shall believe that a key was stored which was not.
  const jsonOptions = { ignoreUnknownFields: false, registry };
  const present = (fault: Fault, request: NodeRequest) => {
    const call = callOf(observer.valuesOf(request));
    const { error } = refuse(fault, call.requestId, options.classify);
    call.settle(error.code);
    return error;
  };
  const rpcs = createRpcHandlers({
    ...shared,
    methods,
    interceptors: [records.interceptor(), createValidation(check)],
    present: (error, request) => present(new Fault(error.reason, error.rawMessage, {}, error), request),
    acceptCompression: [compressionGzip, compressionBrotli, compressionZstd],
    jsonOptions,
    onError: (error) => log.error({ err: error }, "an answer could not be written"),
  });
  const refuseUnknown = (path: string, request: NodeRequest, response: NodeResponse) => {
    const fault = unknownRpc(
      path,
      methods.map(({ method }) => method),
    );
    answerError(request, response, present(fault, request), jsonOptions);
  };
  const contract = new ContractArchive([...options.files, ...BESIDE_THE_SERVICES]);
  const docs = createDocs({ contract, onError: (error) => log.error({ err: error }, "the docs could not be served") });
  const page = createConsole({
    signIn: options.consoleSignIn,
    onError: (error) => log.error({ err: error }, "the console could not be served"),
  });
  const rpcCors = new RpcCors(options.corsOrigins);
  return (request, response) => {
    const path = request.url?.split("?", 1)[0] ?? "";
    const answer = PAGES.get(path);
    if (page(path, request, response)) return;
    // Programs look whether somebody is there.
    if (path === "/" && (request.method === "HEAD" || request.method === "GET")) {
      if (refuseAllButReads(request, response)) return;
      if (request.method === "HEAD") return answerText(response, 200, "");
      return answerText(response, 200, INDEX, "application/json");
    }
    if (answer && (path !== "/metrics" || metrics)) {
      if (!refuseAllButReads(request, response)) void answer(options, response);
      return;
    }
    if (docs(path, request, response)) return;
    const rpc = rpcs.get(path);
    const isForRpc = rpc !== undefined || isMeantForRpc(request, path);
    if (isForRpc && rpcCors.handle(request, response)) return;
    const { requestId } = observer.open(request, response, rpc?.method);
    // REST writes it with all others: Node sets each of them by itself where one was set before.
    if (isForRpc) response.setHeader(REQUEST_ID_HEADER, requestId);
    if (rpc) rpc.serve(request, response);
    else if (isForRpc) refuseUnknown(path, request, response);
    else void rest(request, response);
  };
}

/** What a program reads that asks who is there; the links are relative, as those of the pages are. */
const INDEX = `${JSON.stringify(
  { name: "patchbay", version: packageJson.version, docs: "docs", openapi: "openapi.json", ready: "readyz" },
  null,
  2,
)}\n`;

/** Connect takes a query that it cannot decode for a fault of its own. The URL may name a host that is none. */
function requireBase64({ protocolName, requestMethod, url }: HandlerContext): void {
  if (protocolName !== "connect" || requestMethod !== "GET") return;
  const query = new URLSearchParams(url.slice(url.indexOf("?") + 1));
  if (query.get("base64") !== "1") return;
  const text = (query.get("message") ?? "").replace(/={0,2}$/, "");
  if (/[^\w+/-]/.test(text) || text.length % 4 === 1) throw invalidField("message", "must be base64, as base64=1 says");
}

/** For load balancers and process managers: whether the process lives, and whether it can serve; for Prometheus: how. */
const PAGES: ReadonlyMap<string, (options: AppOptions, response: NodeResponse) => Promise<void>> = new Map(
  Object.entries({
    "/healthz": async ({ isAlive }, response) =>
      isAlive() ? answerText(response, 200, "ok\n") : answerText(response, 503, "start this process again\n"),
    "/readyz": async ({ isReady }, response) =>
      (await isReady()) ? answerText(response, 200, "ready\n") : answerText(response, 503, "not ready\n"),
    "/metrics": async ({ metrics }, response) =>
      answerText(response, 200, (await metrics?.text()) ?? "", metrics?.contentType),
  }),
);

function answerText(response: NodeResponse, status: number, text: string, type = "text/plain; charset=utf-8"): void {
  response.statusCode = status;
  response.setHeader("content-type", type);
  (response as ServerResponse).end(text);
}
