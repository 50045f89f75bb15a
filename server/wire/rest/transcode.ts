import type { DescMethod, Message, Registry } from "@bufbuild/protobuf";
import type { ConnectError, ContextValues, HandlerContext, MethodImplSpec } from "@connectrpc/connect";
import type { Face } from "../../service/faces/face.ts";
import { type CallContext, OVER, ownError, RunningCalls } from "../call/call-context.ts";
import { type Invoke, plainInvoke } from "../call/invoke.ts";
import type { Rename } from "../call/json-names.ts";
import { noteSpelling, type Spelling } from "../call/spelling.ts";
import { callCancelled, invalidRequest, WireError } from "../call/wire-error.ts";
import { Cors } from "../http/cors.ts";
import { type DeadlineOptions, readTimeoutMs } from "../http/deadline.ts";
import { type NodeRequest, type NodeResponse, REQUEST_READER, readTarget, type Target } from "../http/exchange.ts";
import { Intake } from "../http/intake.ts";
import { Answer, negotiateFraming, ResponseWriter } from "./answer.ts";
import type { Binding } from "./binding.ts";
import { describeAnswer, type ErrorAnswer, type ErrorFormat, isBelow, presentError, readError } from "./errors.ts";
import { readBody, readRequest, requireJson } from "./read-request.ts";
import type { RouteMatch } from "./route-table.ts";
import { Router } from "./router.ts";
import { allowOf, buildRoutes, type FaceRoute, isMethods, type Route } from "./routes.ts";
import { serveStream, serveUnary } from "./serve-call.ts";
import { type FaceRecords, serveFace } from "./serve-face.ts";

/** Both sides of a call. */
interface Exchange {
  readonly request: NodeRequest;
  readonly response: NodeResponse;
}

/** How REST calls are served. */
export interface RestOptions {
  /** Calls the implementations of rpcs. Default: as they are. */
  readonly invoke?: Invoke;
  /** Gives the abort of a call, which no record has seen, what every error has. Default: nothing. */
  readonly refine?: (context: HandlerContext, error: unknown) => void;
  /** Runs after the headers, before the body is read. */
  readonly requestGate?: (context: HandlerContext) => void | Promise<void>;
  /** What the context of a call starts with. Default: nothing. */
  readonly contextValues?: (request: NodeRequest) => ContextValues;
  /** Aborts the signals of all handlers. */
  readonly shutdownSignal?: AbortSignal;
  /** Most bytes of a request body after decompression, by rpc. */
  readonly readMaxBytes: (method: DescMethod) => number;
  /** What all bodies together may hold. Default: a bound of its own. */
  readonly intake?: Intake;
  /** The time for unary calls whose caller says nothing; streams may be meant to last. Default: no end. */
  readonly defaultTimeoutMs?: (method: DescMethod) => number;
  /** The longest time that a caller may ask for; who asks for more is refused, as Connect does it. Default: no end. */
  readonly maxTimeoutMs?: number;
  /** How errors look below some paths. Default: by AIP-193, as everywhere else. */
  readonly errorFormats?: readonly ErrorFormat[];
  /** Rpcs that are answered with bytes as they come, by the handlers of the APIs that they are of. */
  readonly faces?: { readonly faces: readonly Face[]; readonly records: FaceRecords } | undefined;
  /** The `domain` of the ErrorInfo that is added to errors that carry none. */
  readonly errorDomain: string;
  /** Paths that somebody else serves, by GET: they are named to who misspells them. Default: none. */
  readonly pages?: readonly string[];
  /** The origins whose scripts may call, such as `https://console.example.com`. */
  readonly corsOrigins: readonly string[];
  /** The types of the messages inside Any. */
  readonly registry: Registry;
  /** Spells the names of fields in the errors of a request as its caller writes them. Default: as they are. */
  readonly jsonNamesFor?: (request: NodeRequest) => Rename | undefined;
  /** What the log knows a request by, which every answer tells. Default: none is told. */
  readonly requestIdOf?: (request: NodeRequest) => string;
  /** Sees what callers get as "internal error". The records have not, if it failed outside of its rpc. */
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
  const routes = buildRoutes(methods, options.readMaxBytes, options.faces?.faces ?? []);
  const router = new Router(routes, options.pages ?? []);
  const server = new RestServer(router, options);
  return Object.assign((request: NodeRequest, response: NodeResponse) => server.serve(request, response), {
    serves: (target: string) => router.serves(target),
  });
}

class RestServer {
  readonly #router: Router;
  readonly #options: RestOptions;
  readonly #writer: ResponseWriter;
  readonly #cors: Cors;
  readonly #calls: RunningCalls<NodeRequest>;
  readonly #intake: Intake;

  constructor(router: Router, options: RestOptions) {
    this.#router = router;
    this.#options = options;
    this.#writer = new ResponseWriter(options.registry);
    this.#cors = new Cors(options.corsOrigins);
    this.#calls = new RunningCalls(options.shutdownSignal, REQUEST_READER);
    this.#intake = options.intake ?? new Intake();
  }

  async serve(request: NodeRequest, response: NodeResponse): Promise<void> {
    const answer = new Answer(request, response, this.#cors, this.#options.requestIdOf?.(request));
    try {
      const target = readTarget(request.url ?? "");
      const found = this.#router.find(request, target.path);
      if (isMethods(found)) answer.options(allowOf(found));
      else await this.#call(found, target, request, response, answer);
    } catch (error) {
      await this.#fail(answer, request, this.#router.meantMethod(error, request));
    }
  }

  async #call(
    { target: { binding, maxBodyBytes, face }, variables }: RouteMatch<Route>,
    { path, query }: Target,
    request: NodeRequest,
    response: NodeResponse,
    answer: Answer,
  ): Promise<void> {
    const context = this.#createContext(binding.spec.method, request);
    const onClose = () => context.abort(callCancelled());
    response.once("close", onClose);
    const parts = { variables, query };
    const exchange = { request, response };
    try {
      if (face) {
        await this.#callFace(
          face,
          { context, answer, body: this.#readBody(binding, context, exchange, maxBodyBytes) },
          { path, ...parts },
        );
        return;
      }
      const input = this.#readInput(binding, context, exchange, maxBodyBytes, parts);
      const call = {
        binding,
        context,
        input,
        answer,
        invoke: this.#options.invoke ?? plainInvoke,
        writer: this.#writer,
      };
      if (binding.spec.kind === "unary") await serveUnary(call);
      else {
        const presentFailure = (thrown: unknown) => this.#present(this.#errorOf(thrown, context), request);
        await serveStream(call, negotiateFraming(request.headers.accept), presentFailure);
      }
    } catch (error) {
      throw this.#errorOf(error, context);
    } finally {
      response.off("close", onClose);
      context.abort(OVER);
    }
  }

  /** The error that the caller sees; of the abort of the call no record has seen it. */
  #errorOf(thrown: unknown, context: HandlerContext): ConnectError {
    const seen = readError(thrown, context.signal);
    const error = ownError(seen, context.signal);
    if (error !== seen) this.#options.refine?.(context, error);
    return error;
  }

  #callFace(
    { handler, errors }: FaceRoute,
    { context, answer, body }: { context: CallContext; answer: Answer; body: Promise<Uint8Array> },
    { path, query, variables }: Target & { readonly variables: readonly string[] },
  ): Promise<void> {
    const input = body.then((bytes) => ({
      body: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      query,
      variables: variables.map(decoded),
    }));
    const presentEvent = (error: ConnectError) =>
      errors.presentEvent(describeAnswer(error, presentError(error, this.#options)), path);
    const { records } = this.#options.faces as NonNullable<RestOptions["faces"]>;
    return serveFace({ handler, context, input, answer, records, presentEvent });
  }

  #createContext(method: DescMethod, request: NodeRequest): CallContext {
    const { maxTimeoutMs, defaultTimeoutMs } = this.#options;
    const limits: DeadlineOptions = {
      ...(maxTimeoutMs === undefined ? {} : { maxTimeoutMs }),
      ...(method.methodKind === "unary" && defaultTimeoutMs ? { defaultTimeoutMs: defaultTimeoutMs(method) } : {}),
    };
    return this.#calls.begin({
      method,
      protocolName: "rest",
      request,
      timeoutMs: readTimeoutMs(request.headers, limits),
      values: this.#options.contextValues?.(request),
    });
  }

  async #readInput(
    binding: Binding,
    context: HandlerContext,
    exchange: Exchange,
    maxBodyBytes: number,
    parts: { readonly variables: readonly string[]; readonly query: string },
  ): Promise<Message> {
    const body = await this.#readBody(binding, context, exchange, maxBodyBytes);
    const { "content-type": contentType, "if-match": ifMatch } = exchange.request.headers;
    const onSpelling = (spelling: Spelling) => noteSpelling(context.values, spelling);
    return readRequest(binding, { ...parts, body, contentType, ifMatch, onSpelling }, this.#options.registry);
  }

  async #readBody(
    binding: Binding,
    context: HandlerContext,
    { request, response }: Exchange,
    maxBodyBytes: number,
  ): Promise<Uint8Array> {
    await this.#options.requestGate?.(context);
    if (binding.body.kind !== "none" && !binding.body.isHttpBody) requireJson(request);
    const body = await readBody(request, { intake: this.#intake, response }, maxBodyBytes);
    context.signal.throwIfAborted(); // Who was told that it is too late must not find it done.
    return body;
  }

  async #fail(answer: Answer, request: NodeRequest, error: unknown): Promise<void> {
    try {
      const { httpStatus, body, headers } = this.#present(error, request);
      if (answer.isStarted) answer.abort();
      else await answer.json(httpStatus, JSON.stringify(body, null, answer.indent), [headers]);
    } catch (failure) {
      this.#options.onInternalError?.(failure);
      answer.abort();
    }
  }

  #present(thrown: unknown, request: NodeRequest): ErrorAnswer {
    const { url = "", headers } = request;
    const error = readError(thrown);
    if (error instanceof WireError && error.reason === "INTERNAL_ERROR") this.#options.onInternalError?.(error.cause);
    const { requestIdOf, jsonNamesFor } = this.#options;
    const told = { requestId: requestIdOf?.(request), jsonNames: jsonNamesFor?.(request) };
    const answer = presentError(error, { ...this.#options, ...told });
    const { path } = readTarget(url);
    const header = (name: string) => headers[name]?.toString();
    const formats = this.#options.errorFormats?.filter(({ paths }) => paths.some((one) => isBelow(one, path)));
    const format =
      formats?.find(({ claims }) => claims?.(header)) ?? formats?.find(({ claims }) => !claims) ?? formats?.[0];
    if (!format) return answer;
    const facts = describeAnswer(error, answer, told.requestId);
    const { httpStatus, body, headers: added = {} } = format.present(facts, path);
    for (const [name, value] of Object.entries(added)) if (!answer.headers.has(name)) answer.headers.set(name, value);
    return { httpStatus, body, headers: answer.headers };
  }
}

/** A slash may be part of a name. */
function decoded(variable: string): string {
  try {
    return decodeURIComponent(variable);
  } catch (error) {
    throw invalidRequest("the path is not percent-encoded as it should be", error);
  }
}
