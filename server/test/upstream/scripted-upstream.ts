import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { type Behaviour, behaviours, refuses, says } from "./behaviours.ts";
import { type Dialect, dialectOf, isList } from "./dialects.ts";
import { servesModels } from "./models.ts";

/** One request that the upstream got, and what has become of it. */
export class ScriptedCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** The body as it came. */
  readonly text: string;
  /** The body as JSON; empty when it is none. */
  readonly body: Record<string, unknown>;
  readonly dialect: Dialect;
  readonly response: ServerResponse;
  /** The caller's port: the same for two requests on one connection. */
  readonly port: number | undefined;
  /** Tokens of the prompt and of what was said so far: its ledger. */
  readonly tokens = { input: 0, output: 0 };
  /** When its connection was closed or its reply was sent; undefined while it lasts. */
  closedAt: number | undefined;
  /** Whether the reply was sent to its end; undefined while it lasts. */
  wasCompleted: boolean | undefined;
  /** Resolves when it is over. */
  readonly closed: Promise<void>;

  constructor(request: IncomingMessage, response: ServerResponse, text: string, dialect: Dialect) {
    this.path = request.url ?? "";
    this.headers = request.headers;
    this.text = text;
    this.body = text.startsWith("{") ? JSON.parse(text) : {};
    this.dialect = dialect;
    this.response = response;
    this.port = request.socket.remotePort;
    this.closed = new Promise((resolve) => {
      response.once("close", () => {
        this.closedAt = Date.now();
        this.wasCompleted = response.writableFinished;
        resolve();
      });
    });
  }

  get model(): string {
    return String(this.body.model ?? "");
  }

  get isStreamed(): boolean {
    return this.body.stream === true;
  }
}

interface Options {
  /** The only key that is taken, by either header. Default: every key, and none. */
  readonly apiKey?: string;
  /** Default: any free one. */
  readonly port?: number;
  /** What it does when no script says so. Default: three words. */
  readonly otherwise?: Behaviour;
}

/**
 * A real HTTP server on a loopback port that speaks OpenAI's and Anthropic's API and behaves as a script says: the next
 * behaviour of the queue, else the one that was set for the model, else the one whose name the model has, else what it does otherwise.
 */
export class ScriptedUpstream {
  /** Every request so far, in order. */
  readonly requests: ScriptedCall[] = [];
  readonly #server: Server;
  readonly #apiKey: string | undefined;
  readonly #otherwise: Behaviour;
  readonly #queue: Behaviour[] = [];
  #models: Behaviour = servesModels("some-model", "other-model");
  readonly #byModel = new Map<string, Behaviour>();
  #onRequest: (() => void)[] = [];

  private constructor({ apiKey, otherwise = says("Hello", ", ", "world") }: Options) {
    this.#apiKey = apiKey;
    this.#otherwise = otherwise;
    this.#server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => this.#answer(request, response));
  }

  static async start(options: Options = {}): Promise<ScriptedUpstream> {
    const upstream = new ScriptedUpstream(options);
    upstream.#server.listen(options.port ?? 0, "127.0.0.1");
    await once(upstream.#server, "listening");
    return upstream;
  }

  /** Its origin, without a path. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Tokens of all replies that were sent to their end. */
  get ledger(): { readonly replies: number; readonly inputTokens: number; readonly outputTokens: number } {
    const completed = this.requests.filter(({ wasCompleted, tokens }) => wasCompleted && tokens.output > 0);
    return {
      replies: completed.length,
      inputTokens: completed.reduce((sum, { tokens }) => sum + tokens.input, 0),
      outputTokens: completed.reduce((sum, { tokens }) => sum + tokens.output, 0),
    };
  }

  /** Puts behaviours of the next requests into the queue. */
  script(...next: Behaviour[]): void {
    this.#queue.push(...next);
  }

  /** Sets the behaviour of a model. */
  setModel(model: string, behaviour: Behaviour): void {
    this.#byModel.set(model, behaviour);
  }

  /** Sets what it does when it is asked for its models. Default: it serves two. */
  setModels(behaviour: Behaviour): void {
    this.#models = behaviour;
  }

  /** A request, once it has come. */
  async whenRequested(index: number): Promise<ScriptedCall> {
    for (;;) {
      const call = this.requests[index];
      if (call !== undefined) return call;
      await new Promise<void>((resolve) => this.#onRequest.push(resolve));
    }
  }

  /** A request, once it has come and its connection is closed or its reply is sent. */
  async whenClosed(index: number): Promise<ScriptedCall> {
    const call = await this.whenRequested(index);
    await call.closed;
    return call;
  }

  /** Stops at once, with all connections. */
  async close(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece);
    const text = Buffer.concat(pieces).toString("utf8");
    const call = new ScriptedCall(
      request,
      response,
      text,
      dialectOf(request.url ?? "", request.headers["anthropic-version"] !== undefined),
    );
    this.requests.push(call);
    const waiting = this.#onRequest;
    this.#onRequest = [];
    for (const resolve of waiting) resolve();
    await this.#behaviourFor(call)(call);
  }

  #behaviourFor(call: ScriptedCall): Behaviour {
    const keys = [`Bearer ${this.#apiKey}`, this.#apiKey];
    const isKnown = keys.includes(call.headers.authorization) || keys.includes(call.headers["x-api-key"] as string);
    if (this.#apiKey !== undefined && !isKnown) return refuses(401);
    // Of Responses it has no words of its own, only what a test sets for a model.
    const isResponses = call.path.endsWith("/responses");
    if (call.dialect.name === "none") return (isResponses && this.#byModel.get(call.model)) || refuses(404);
    if (isList(call.path)) return this.#queue.shift() ?? this.#models;
    return this.#queue.shift() ?? this.#byModel.get(call.model) ?? behaviours[call.model] ?? this.#otherwise;
  }
}
