import {
  Code,
  ConnectError,
  type ConnectRouter,
  type ConnectRouterOptions,
  type ContextValues,
  createConnectRouter,
} from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import { mustCloseAfter, type NodeRequest, type NodeResponse } from "../rest/exchange.ts";
import { LONGEST_TIMEOUT_MS, limitDeadline } from "./deadline.ts";
import { writePlainGrpcMessage } from "./grpc-message.ts";
import { bodyOf, RequestBody } from "./request-body.ts";

/** How rpcs are served. */
export interface RpcOptions extends Omit<ConnectRouterOptions, "maxTimeoutMs"> {
  readonly routes: (router: ConnectRouter) => void;
  /** What the context of a call starts with. */
  readonly contextValues: (request: NodeRequest) => ContextValues;
  /** Sees why an answer could not be written. */
  readonly onError: (error: unknown) => void;
}

/** An rpc at its path. */
export type Rpc = Pick<UniversalHandler, "method"> & {
  serve(request: NodeRequest, response: NodeResponse): void;
};

/**
 * Serves gRPC, gRPC-Web and Connect by the paths of their rpcs. It stands in for connectNodeAdapter, which waits for the
 * end of a body without a look at the deadline, and leaves a call without an answer when it fails to write one.
 */
export function createRpcHandlers({ routes, contextValues, onError, ...options }: RpcOptions): Map<string, Rpc> {
  const router = createConnectRouter({
    ...options,
    maxTimeoutMs: LONGEST_TIMEOUT_MS,
    requestGate: (context) => {
      bodyOf(context.values)?.endWith(context.signal);
      return options.requestGate?.(context);
    },
  });
  routes(router);
  const serve = async (handler: UniversalHandler, request: NodeRequest, response: NodeResponse) => {
    try {
      repairHost(request);
      limitDeadline(request, handler.method);
      writePlainGrpcMessage(response);
      const values = contextValues(request);
      const body = new RequestBody(request, values);
      const answer = await handler({
        ...universalRequestFromNodeRequest(request, response, undefined, values),
        body,
      });
      if (!("stream" in request) && (body.isCut || mustCloseAfter(request))) response.setHeader("connection", "close");
      await universalResponseToNodeResponse(answer, response);
    } catch (error) {
      if (!response.headersSent) response.destroy();
      // The caller has left.
      if (ConnectError.from(error).code !== Code.Aborted) onError(error);
    }
  };
  return new Map(
    router.handlers.map((handler) => [
      handler.requestPath,
      { method: handler.method, serve: (request, response) => void serve(handler, request, response) },
    ]),
  );
}

/** Connect makes a URL of the host, and throws for one that is none. Nothing needs it. */
function repairHost(request: NodeRequest): void {
  const name = "authority" in request ? ":authority" : "host";
  if (!URL.canParse(`http://${request.headers[name] ?? ""}`)) request.headers[name] = "localhost";
}
