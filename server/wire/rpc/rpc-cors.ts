import { cors as names } from "@connectrpc/connect";
import { MODEL_HEADERS } from "../../service/model-headers.ts";
import type { NodeRequest, NodeResponse } from "../call/exchange.ts";
import { Cors } from "../rest/cors.ts";

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
