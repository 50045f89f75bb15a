import type { DescMethod, Message, Registry } from "@bufbuild/protobuf";
import type { ContextValues, HandlerContext, Interceptor, MethodImplSpec } from "@connectrpc/connect";
import { type CallContext, OVER, RunningCalls } from "../call/context.ts";
import { callCancelled, methodNotAllowed, routeNotFound, WireError } from "../call/wire-error.ts";
import { Cors } from "../http/cors.ts";
import { type DeadlineOptions, readTimeoutMs } from "../http/deadline.ts";
import { headersOf, type NodeRequest, type NodeResponse, readTarget, type Target, urlOf } from "../http/exchange.ts";
import { Answer, negotiateFraming, ResponseWriter } from "./answer.ts";
import { type Binding, bindingsOf } from "./binding.ts";
import { describeAnswer, type ErrorAnswer, type ErrorFormat, isBelow, presentError, readError } from "./errors.ts";
import { readBody, readRequest, requireJson } from "./read-request.ts";
import { ANY_METHOD, DuplicateRoute, type RouteMatch, RouteTable } from "./route-table.ts";
import { serveStream, serveUnary } from "./serve-call.ts";

/** How REST calls are served. */
export interface RestOptions {
  readonly interceptors?: Interceptor[];
  /** Runs after the headers, before the body is read. */
  readonly requestGate?: (context: HandlerContext) => void | Promise<void>;
  /** What the context of a call starts with. Default: nothing. */
  readonly contextValues?: (request: NodeRequest) => ContextValues;
  /** Aborts the signals of all handlers. */
  readonly shutdownSignal?: AbortSignal;
  /** Most bytes of a request body after decompression, by rpc. */
  readonly readMaxBytes: (method: DescMethod) => number;
  /** The time for unary calls whose caller says nothing; streams may be meant to last. Default: no end. */
  readonly defaultTimeoutMs?: number;
  /** The longest time that a caller may ask for; who asks for more is refused, as Connect does it. Default: no end. */
  readonly maxTimeoutMs?: number;
  /** How errors look below some paths. Default: by AIP-193, as everywhere else. */
  readonly errorFormats?: readonly ErrorFormat[];
  /** The `domain` of the ErrorInfo that is added to errors that carry none. */
  readonly errorDomain: string;
  /** The origins whose scripts may call, such as `https://console.example.com`. */
  readonly corsOrigins: readonly string[];
  /** The types of the messages inside Any. */
  readonly registry: Registry;
  /** Sees what callers get as "internal error". The interceptors have not seen it if it failed outside of them. */
  readonly onInternalError?: (error: unknown) => void;
}

/** Serves REST calls. The promise resolves once the answer is written, and never rejects. */
export interface RestHandler {
  (request: NodeRequest, response: NodeResponse): Promise<void>;
  /** Whether any rpc is bound to the path of a request target, by whatever method. */
  serves(target: string): boolean;
}

/**
 * Serves the rpcs that have a google.api.http rule. It answers every request: one for an unknown path with 404.
 *
 * Throws if a rule cannot be served: a template or a field that is wrong, or the same path and method twice.
 */
export function createRestHandler(methods: MethodImplSpec[], options: RestOptions): RestHandler {
  const server = new RestServer(methods, options);
  return Object.assign((request: NodeRequest, response: NodeResponse) => server.serve(request, response), {
    serves: (target: string) => server.serves(target),
  });
}

/** A binding and what its calls need of the options. */
interface Route {
  readonly binding: Binding;
  readonly maxBodyBytes: number;
}

class RestServer {
  readonly #options: RestOptions;
  readonly #limitsOfStreams: DeadlineOptions;
  readonly #routes: RouteTable<Route>;
  readonly #writer: ResponseWriter;
  readonly #cors: Cors;
  readonly #calls: RunningCalls;

  constructor(methods: MethodImplSpec[], options: RestOptions) {
    this.#options = options;
    const { defaultTimeoutMs: _, ...limits } = options;
    this.#limitsOfStreams = limits;
    this.#routes = buildRoutes(methods, options.readMaxBytes);
    this.#writer = new ResponseWriter(options.registry);
    this.#cors = new Cors(options.corsOrigins);
    this.#calls = new RunningCalls(options.shutdownSignal);
  }

  serves(target: string): boolean {
    try {
      const found = this.#routes.find("", readTarget(target).path);
      return !isMethods(found) || found.size > 0;
    } catch {
      return false;
    }
  }

  async serve(request: NodeRequest, response: NodeResponse): Promise<void> {
    const answer = new Answer(request, response, this.#cors);
    try {
      const target = readTarget(request.url ?? "");
      const found = this.#find(request.method ?? "", target.path);
      if (!isMethods(found)) await this.#call(found, target, request, response, answer);
      else if (found.size === 0) throw routeNotFound();
      else if (request.method === "OPTIONS") answer.options(allowOf(found));
      else throw methodNotAllowed(request.method ?? "", allowOf(found));
    } catch (error) {
      await this.#fail(answer, request, error);
    }
  }

  /** GET serves HEAD, unless a rule does. */
  #find(method: string, path: string): RouteMatch<Route> | ReadonlySet<string> {
    const found = this.#routes.find(method, path);
    return method === "HEAD" && isMethods(found) && found.has("GET") ? this.#routes.find("GET", path) : found;
  }

  async #call(
    { target: { binding, maxBodyBytes }, variables }: RouteMatch<Route>,
    { query }: Target,
    request: NodeRequest,
    response: NodeResponse,
    answer: Answer,
  ): Promise<void> {
    const context = this.#createContext(binding.spec.method, request);
    const onClose = () => context.abort(callCancelled());
    response.once("close", onClose);
    const input = this.#readInput(binding, context, request, maxBodyBytes, variables, query);
    const call = {
      binding,
      context,
      input,
      answer,
      interceptors: this.#options.interceptors ?? [],
      writer: this.#writer,
    };
    try {
      if (binding.spec.kind === "unary") await serveUnary(call);
      else await serveStream(call, negotiateFraming(request.headers.accept), (error) => this.#present(error, request));
    } catch (error) {
      throw readError(error, context.signal);
    } finally {
      response.off("close", onClose);
      context.abort(OVER);
    }
  }

  #createContext(method: DescMethod, request: NodeRequest): CallContext {
    const limits = method.methodKind === "unary" ? this.#options : this.#limitsOfStreams;
    return this.#calls.begin({
      method,
      protocolName: "rest",
      requestMethod: request.method ?? "",
      url: urlOf(request),
      requestHeader: headersOf(request),
      timeoutMs: readTimeoutMs(request.headers, limits),
      values: this.#options.contextValues?.(request),
    });
  }

  async #readInput(
    binding: Binding,
    context: HandlerContext,
    request: NodeRequest,
    maxBodyBytes: number,
    variables: readonly string[],
    query: string,
  ): Promise<Message> {
    await this.#options.requestGate?.(context);
    if (binding.body.kind !== "none" && !binding.body.isHttpBody) requireJson(request);
    const body = await readBody(request, maxBodyBytes);
    context.signal.throwIfAborted(); // Who was told that it is too late must not find it done.
    const contentType = request.headers["content-type"];
    return readRequest(binding, { variables, query, body, contentType }, this.#options.registry);
  }

  async #fail(answer: Answer, request: NodeRequest, error: unknown): Promise<void> {
    try {
      const { httpStatus, body, headers } = this.#present(error, request);
      if (answer.isStarted) answer.abort();
      else await answer.json(httpStatus, JSON.stringify(body), [headers]);
    } catch (failure) {
      this.#options.onInternalError?.(failure);
      answer.abort();
    }
  }

  #present(thrown: unknown, { url = "" }: NodeRequest): ErrorAnswer {
    const error = readError(thrown);
    if (error instanceof WireError && error.reason === "INTERNAL_ERROR") this.#options.onInternalError?.(error.cause);
    const answer = presentError(error, this.#options);
    const face = this.#options.errorFormats?.find(({ paths }) =>
      paths.some((path) => isBelow(path, readTarget(url).path)),
    );
    return face ? { ...answer, ...face.present(describeAnswer(error, answer)) } : answer;
  }
}

function buildRoutes(methods: MethodImplSpec[], readMaxBytes: RestOptions["readMaxBytes"]): RouteTable<Route> {
  const routes = new RouteTable<Route>();
  for (const binding of methods.flatMap(bindingsOf)) {
    const { method } = binding.spec;
    try {
      routes.add(binding.httpMethod, binding.template, { binding, maxBodyBytes: readMaxBytes(method) });
    } catch (error) {
      if (!(error instanceof DuplicateRoute)) throw error;
      const other = (error.existing as Route).binding.spec.method;
      throw new Error(`${nameOf(method)} and ${nameOf(other)}: ${error.message}`, { cause: error });
    }
  }
  return routes;
}

function nameOf({ parent, name }: DescMethod): string {
  return `${parent.typeName}.${name}`;
}

function isMethods(found: RouteMatch<Route> | ReadonlySet<string>): found is ReadonlySet<string> {
  return found instanceof Set;
}

function allowOf(methods: ReadonlySet<string>): string {
  const allowed = new Set([...methods, "OPTIONS"]);
  if (allowed.has("GET")) allowed.add("HEAD");
  if (allowed.delete(ANY_METHOD)) for (const method of COMMON_METHODS) allowed.add(method);
  return [...allowed].sort().join(", ");
}

const COMMON_METHODS = ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"];
