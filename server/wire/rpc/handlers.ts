import type { DescMethod } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  type ConnectRouterOptions,
  type ContextValues,
  createConnectRouter,
  createContextKey,
  type HandlerContext,
  type MethodImplSpec,
} from "@connectrpc/connect";
import type { Compression, UniversalHandler } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import { AbortWatch, ownError, RunningCalls } from "../call/call-context.ts";
import { type Invoke, plainInvoke } from "../call/invoke.ts";
import { type WireError, writePlainGrpcMessage } from "../call/wire-error.ts";
import { LONGEST_TIMEOUT_MS, limitDeadline } from "../http/deadline.ts";
import { mustCloseAfter, type NodeRequest, type NodeResponse, REQUEST_READER } from "../http/exchange.ts";
import { type Arrival, Intake, type Intaking } from "../http/intake.ts";
import { DirectRpc } from "./fast/direct-rpc.ts";
import { answerError } from "./unknown-rpc.ts";
import { refusalOf } from "./wrong-form.ts";

/** How rpcs are served. */
export interface RpcOptions extends Omit<ConnectRouterOptions, "maxTimeoutMs" | "readMaxBytes"> {
  readonly methods: readonly MethodImplSpec[];
  /** Most bytes of a message, before and after decompression. */
  readonly readMaxBytes: (method: DescMethod) => number;
  /** Calls the implementations that are served directly, past the interceptors. Default: as they are. */
  readonly invoke?: Invoke;
  readonly acceptCompression: Compression[];
  /** What all bodies together may hold. Default: a bound of its own. */
  readonly intake?: Intake;
  /** The time for unary calls whose caller says nothing. Default: no end. */
  readonly defaultTimeoutMs?: (method: DescMethod) => number;
  /** What the context of a call starts with. */
  readonly contextValues: (request: NodeRequest) => ContextValues;
  /** Gives an error that no interceptor has seen what every error has, before it is written. */
  readonly refine: (context: HandlerContext, error: unknown) => void;
  /** The same for what is refused by its form, before there is a call. Default: as it is. */
  readonly present?: (error: WireError, request: NodeRequest) => ConnectError;
  /** Sees why an answer could not be written. */
  readonly onError: (error: unknown) => void;
}

/** An rpc at its path. */
export type Rpc = Pick<UniversalHandler, "method"> & {
  serve(request: NodeRequest, response: NodeResponse): void;
};

/**
 * Serves gRPC, gRPC-Web and Connect by the paths of their rpcs: what most callers send directly, the rest by the handlers
 * of connect. It stands in for connectNodeAdapter, which waits for the end of a body without a look at the deadline, and
 * leaves a call without an answer when it fails to write one.
 */
export function createRpcHandlers(all: RpcOptions): Map<string, Rpc> {
  const {
    methods,
    contextValues,
    onError,
    refine,
    readMaxBytes,
    defaultTimeoutMs,
    invoke = plainInvoke,
    present = (error) => error,
    intake = new Intake(),
    ...options
  } = all;
  const { requestGate, shutdownSignal } = options;
  const router = createConnectRouter({
    ...options,
    maxTimeoutMs: LONGEST_TIMEOUT_MS,
    requestGate: (context) => {
      refineAborts(context as AbortableContext, refine);
      bodyOf(context.values)?.endWith(context.signal);
      return requestGate?.(context);
    },
  });
  for (const spec of methods) register(router, spec, readMaxBytes(spec.method));
  const calls = new RunningCalls<NodeRequest>(shutdownSignal, REQUEST_READER);
  const direct = new Map(
    methods
      .filter(({ kind }) => kind === "unary" || kind === "server_streaming")
      .map((spec) => [
        spec.method as DescMethod,
        new DirectRpc(spec, {
          ...options,
          calls,
          invoke,
          requestGate,
          refine,
          readMaxBytes,
          intake,
          defaultTimeoutMs: defaultTimeoutMs?.(spec.method),
        }),
      ]),
  );
  const serveByConnect = async (handler: UniversalHandler, request: NodeRequest, response: NodeResponse) => {
    repairHost(request);
    limitDeadline(request, handler.method, defaultTimeoutMs?.(handler.method));
    writePlainGrpcMessage(response);
    const values = contextValues(request);
    const isOneMessage = /^(unary|server_streaming)$/.test(handler.method.methodKind);
    const body = new RequestBody(request, values, isOneMessage ? { intake, response } : undefined);
    response.once("close", () => body.end());
    const answer = await handler({
      ...universalRequestFromNodeRequest(request, response, undefined, values),
      body,
    });
    const refusal = refusalOf(answer.status, handler, request);
    if (refusal) return answerError(request, response, present(refusal, request), options.jsonOptions ?? {}, refusal);
    if (!("stream" in request) && (body.isCut || mustCloseAfter(request))) response.setHeader("connection", "close");
    await universalResponseToNodeResponse(answer, response);
  };
  const serve = async (handler: UniversalHandler, request: NodeRequest, response: NodeResponse) => {
    try {
      const rpc = direct.get(handler.method);
      const form = rpc?.formOf(request);
      if (rpc && form) await rpc.serve(form, request, response, contextValues(request));
      else await serveByConnect(handler, request, response);
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

/** What connect's handlers really get; they end it by themselves. */
type AbortableContext = HandlerContext & { abort(reason?: unknown): void };

/**
 * Connect's handlers abort a call with what they find wrong before they write it, and so it can still be told properly. A
 * listener on the signal would not do: that is aborted only once, by the deadline perhaps.
 */
function refineAborts(context: AbortableContext, refine: RpcOptions["refine"]): void {
  const abort = context.abort.bind(context);
  context.abort = (reason) => {
    if (reason !== context.signal.reason) refine(context, reason);
    abort(reason);
  };
}

function register(router: ConnectRouter, { method, impl }: MethodImplSpec, readMaxBytes: number): void {
  router.rpc(method, impl as never, { readMaxBytes });
}

/** Connect makes a URL of the host, and throws for one that is none. Nothing needs it. */
function repairHost(request: NodeRequest): void {
  const name = "authority" in request ? ":authority" : "host";
  if (!URL.canParse(`http://${request.headers[name] ?? ""}`)) request.headers[name] = "localhost";
}

const bodyKey = createContextKey<RequestBody | undefined>(undefined, { description: "the body as it arrives" });

/**
 * The body of a request, which ends with its call: a caller may go on for ever, or stop in the middle, and connect would
 * wait for the end of it whatever the deadline says. What is left unread does not cut the connection, so that the answer
 * arrives.
 */
export class RequestBody implements AsyncIterable<Uint8Array> {
  readonly #request: NodeRequest;
  readonly #arrival: Arrival | undefined;
  #signal: AbortSignal | undefined;
  #isCut = false;
  #onSlow: (error: Error) => void = () => {};

  /** What is one message is counted as it comes; who sends many may take their time. */
  constructor(request: NodeRequest, values: ContextValues, intaking?: Intaking) {
    this.#request = request;
    this.#arrival = intaking?.intake.open(intaking.response, (error) => this.#onSlow(error));
    values.set(bodyKey, this);
  }

  /** Whether the call ended before the body did. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** The signal of the call, which is known before the body is read. */
  endWith(signal: AbortSignal): void {
    this.#signal = signal;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    const chunks: AsyncIterator<Uint8Array> = this.#request.iterator({ destroyOnReturn: false });
    if (this.#signal === undefined) return chunks;
    const watch = new AbortWatch(this.#signal);
    return {
      next: () =>
        watch.wait(this.#counted(chunks.next())).catch((error) => {
          this.end();
          return this.#cut(error);
        }),
      // Not waited for: behind a read that goes on for ever it would never come.
      return: async (value) => {
        chunks.return?.().catch(() => {});
        return { done: true, value };
      },
    };
  }

  /** Nothing more is wanted of it. */
  end(): void {
    this.#arrival?.drop();
  }

  #counted(next: Promise<IteratorResult<Uint8Array>>): Promise<IteratorResult<Uint8Array>> {
    const arrival = this.#arrival;
    if (!arrival) return next;
    return new Promise((resolve, reject) => {
      this.#onSlow = reject;
      next.then((result) => {
        const problem = result.done ? arrival.end() : arrival.add(result.value.length);
        if (problem) reject(problem);
        else resolve(result);
      }, reject);
    });
  }

  #cut(error: unknown): never {
    this.#isCut = true;
    throw error instanceof ConnectError && this.#signal ? ownError(error, this.#signal) : error;
  }
}

/** The body of the call that a context belongs to; REST reads its own. */
export function bodyOf(values: ContextValues): RequestBody | undefined {
  return values.get(bodyKey);
}
