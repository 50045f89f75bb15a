import { cors as names } from "@connectrpc/connect";
import { MODEL_HEADERS } from "../../service/chat/present.ts";
import type { NodeRequest, NodeResponse } from "./exchange.ts";

/** The headers that let browsers call from other origins; by exact origins, without credentials such as cookies. */
export class Cors {
  readonly #origins: ReadonlySet<string>;

  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins);
  }

  /** What the answer depends on, if it depends on the origin. */
  get vary(): string | undefined {
    return this.#origins.size > 0 ? "Origin" : undefined;
  }

  /** For an answer with these headers: scripts may read all of them. */
  answer(origin: string | undefined, headers: Iterable<string>): Record<string, string> {
    if (!this.#allows(origin)) return {};
    return {
      "access-control-allow-origin": origin,
      "access-control-expose-headers": [...headers].join(", "),
    };
  }

  /** For a preflight: the methods of the path are allowed, and whatever headers the script wants to send. */
  preflight(origin: string | undefined, methods: string, headers: string | undefined): Record<string, string> {
    if (!this.#allows(origin)) return {};
    return {
      "access-control-allow-origin": origin,
      "access-control-allow-methods": methods,
      "access-control-max-age": "7200",
      ...(headers !== undefined && { "access-control-allow-headers": headers }),
    };
  }

  #allows(origin: string | undefined): origin is string {
    return origin !== undefined && this.#origins.has(origin);
  }
}

const METHODS = names.allowedMethods.join(", ");
const EXPOSED: readonly string[] = [...names.exposedHeaders, "x-request-id", ...Object.keys(MODEL_HEADERS)];

/** Lets browsers call the paths of Connect and gRPC-Web from other origins; the adapter of connect does not. */
export class RpcCors {
  readonly #cors: Cors;

  constructor(origins: readonly string[]) {
    this.#cors = new Cors(origins);
  }

  /** Adds the headers to the answer that comes; true if the request was a preflight, which is answered then. */
  handle({ method, headers }: NodeRequest, response: NodeResponse): boolean {
    const { origin } = headers;
    const isPreflight = method === "OPTIONS" && headers["access-control-request-method"] !== undefined;
    const answer = isPreflight
      ? this.#cors.preflight(origin, METHODS, headers["access-control-request-headers"]?.toString())
      : this.#cors.answer(origin, EXPOSED);
    for (const [name, value] of Object.entries(answer)) response.setHeader(name, value);
    if (this.#cors.vary) response.setHeader("vary", this.#cors.vary);
    if (!isPreflight) return false;
    response.statusCode = 204;
    response.end();
    return true;
  }
}
