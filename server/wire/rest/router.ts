import { Code, ConnectError } from "@connectrpc/connect";
import { methodNotAllowed, noWebSocket, routeNotFound } from "../call/wire-error.ts";
import { type NodeRequest, readTarget } from "../http/exchange.ts";
import { NearestPaths } from "./nearest-paths.ts";
import { hintForPath } from "./other-paths.ts";
import type { RouteMatch, RouteTable } from "./route-table.ts";
import { allowOf, isMethods, type Route, type Routes } from "./routes.ts";

/** Where a part that is taken for an id may hold the verb of another method. */
const MISTAKEN_IDS: ReadonlySet<Code> = new Set([Code.InvalidArgument, Code.NotFound]);

const EMPTY_PART = "its path has nothing where an id belongs; is a variable of your shell empty?";

/** Knows which route a request means, and what its caller may have meant where there is none. */
export class Router {
  readonly #table: RouteTable<Route>;
  readonly #nearest: NearestPaths;

  constructor({ table, paths }: Routes, pages: readonly string[]) {
    this.#table = table;
    this.#nearest = new NearestPaths([...paths, ...pages.map((path) => ({ method: "GET", path }))]);
  }

  /** Whether any rpc is bound to the path of a request target, by whatever method. */
  serves(target: string): boolean {
    try {
      const found = this.#table.find("", readTarget(target).path);
      return !isMethods(found) || found.size > 0;
    } catch {
      return false;
    }
  }

  /** The route of a request, or, where it asks by OPTIONS, the methods of its path. Throws what to tell where there is neither. */
  find(request: NodeRequest, path: string): RouteMatch<Route> | ReadonlySet<string> {
    const { method = "", headers } = request;
    const found = this.#routeOf(method, path);
    if (!isMethods(found) || (method === "OPTIONS" && found.size > 0)) return found;
    if (hasEmptyPart(path)) throw routeNotFound(EMPTY_PART);
    if (found.size === 0) throw routeNotFound(this.#hintFor(method, path));
    // Codex asks for one first, and goes on at once without.
    if (headers.upgrade?.toLowerCase() === "websocket") throw noWebSocket();
    throw methodNotAllowed(method, allowOf(found), this.#hintFor(method, path));
  }

  /** The error of `GET /v1/things/1:turn`, where only POST turns: the rest of the path is no id, and no other is meant. */
  meantMethod(error: unknown, { method = "", url = "" }: NodeRequest): unknown {
    if (!(error instanceof ConnectError) || !MISTAKEN_IDS.has(error.code)) return error;
    const methods = this.#table.methodsOfVerb(readTarget(url).path);
    return methods.size === 0 || methods.has(method) ? error : methodNotAllowed(method, allowOf(methods));
  }

  /** GET serves HEAD, unless a rule does. */
  #routeOf(method: string, path: string): RouteMatch<Route> | ReadonlySet<string> {
    const found = this.#table.find(method, path);
    return method === "HEAD" && isMethods(found) && found.has("GET") ? this.#table.find("GET", path) : found;
  }

  /** What is meant by a path that is not served, or not by that method, where it is known from elsewhere or something is near. */
  #hintFor(method: string, path: string): string | undefined {
    const known = hintForPath(method, path);
    if (known !== undefined) return known;
    const nearest = this.#nearest.find(method, path);
    return nearest && `did you mean ${nearest.method} ${nearest.path}?`;
  }
}

/** Such as `/v1/things/:turn` and `/v1//things`. */
function hasEmptyPart(path: string): boolean {
  return path.includes("//") || path.includes("/:");
}
