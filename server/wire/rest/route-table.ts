import type { PathTemplate } from "./path.ts";
import { decodeAll, decodeAllButSlash, upperCaseEscapes } from "./path.ts";

/** A route that serves a path, with the decoded values of its template's variables, in their order. */
export interface RouteMatch<T> {
  readonly target: T;
  readonly variables: readonly string[];
}

/** Two routes with one method whose templates match the same paths. */
export class DuplicateRoute<T> extends Error {
  override readonly name = "DuplicateRoute";
  readonly existing: T;

  constructor(method: string, template: PathTemplate, existing: T) {
    super(`${method} ${template.source} has the shape of another route`);
    this.existing = existing;
  }
}

/** The HTTP method of a route that serves them all. */
export const ANY_METHOD = "*";

interface Route<T> {
  readonly template: PathTemplate;
  readonly target: T;
}

/** The routes of one shape, by HTTP method. */
type Routes<T> = Map<string, Route<T>>;

interface Node<T> {
  readonly literals: Map<string, Node<T>>;
  wildcard: Node<T> | undefined;
  /** The routes whose template ends here. */
  readonly here: Routes<T>;
  /** The routes whose template ends with `**` here. */
  readonly rest: Routes<T>;
}

/** A path, cut at its slashes. */
interface Segments {
  /** As sent. */
  readonly raw: string[];
  readonly decoded: string[];
}

/**
 * Finds the route for a method and a raw path.
 *
 * The most specific route comes first: literal before `*` before `**`, position by position. A verb is one only where a
 * route has it; routes with it come first, then those for which the colon is part of the segment. The method is looked
 * at after the path, so a more general route may serve a method that a more specific one does not. Empty segments match
 * `**` but never `*`; a trailing slash is such a segment.
 */
export class RouteTable<T> {
  /** One tree for each verb, with the escapes of the verb in upper case; "" has the routes without one. */
  readonly #trees = new Map<string, Node<T>>();
  #longestVerb = 0;

  /** Adds a route, or throws a DuplicateRoute. */
  add(method: string, template: PathTemplate, target: T): void {
    let node = childOf(this.#trees, template.verb);
    this.#longestVerb = Math.max(this.#longestVerb, template.verb.length);
    for (const segment of template.segments) if (segment !== "**") node = descend(node, segment);
    const routes = template.segments.at(-1) === "**" ? node.rest : node.here;
    const existing = routes.get(method);
    if (existing !== undefined) throw new DuplicateRoute(method, template, existing.target);
    routes.set(method, { template, target });
  }

  /**
   * The route for a method and a path; the methods of the path if it has none for this one, and none of them if the
   * path has no route at all. Throws if the path has malformed escapes.
   */
  find(method: string, path: string): RouteMatch<T> | ReadonlySet<string> {
    const others = new Set<string>();
    if (!path.startsWith("/")) return others;
    const raw = path.slice(1).split("/");
    const segments = { raw, decoded: path.includes("%") ? raw.map(decodeAll) : raw };
    for (const [tree, cut] of this.#treesFor(segments)) {
      const route = findRoute(tree, cut.decoded, 0, method, others);
      if (route !== undefined) return { target: route.target, variables: capture(route.template, cut) };
    }
    return others;
  }

  /** The methods of the routes that have the verb of a path; none where it has none. */
  methodsOfVerb(path: string): ReadonlySet<string> {
    const methods = new Set<string>();
    const raw = path.slice(1).split("/");
    for (const [tree, cut] of this.#treesFor({ raw, decoded: raw })) {
      if (cut.raw.at(-1) !== raw.at(-1)) findRoute(tree, cut.decoded, 0, "", methods);
    }
    return methods;
  }

  *#treesFor(segments: Segments): Generator<[Node<T>, Segments]> {
    const last = segments.raw.at(-1) ?? "";
    for (let colon = last.indexOf(":", last.length - this.#longestVerb - 1); colon !== -1; ) {
      const tree = this.#trees.get(upperCaseEscapes(last.slice(colon + 1)));
      if (tree !== undefined && colon < last.length - 1) yield [tree, cutLast(segments, last.slice(0, colon))];
      colon = last.indexOf(":", colon + 1);
    }
    const tree = this.#trees.get("");
    if (tree !== undefined) yield [tree, segments];
  }
}

function createNode<T>(): Node<T> {
  return { literals: new Map(), wildcard: undefined, here: new Map(), rest: new Map() };
}

function descend<T>(node: Node<T>, segment: string): Node<T> {
  if (segment !== "*") return childOf(node.literals, decodeAll(segment));
  node.wildcard ??= createNode();
  return node.wildcard;
}

function childOf<T>(nodes: Map<string, Node<T>>, key: string): Node<T> {
  const child = nodes.get(key) ?? createNode();
  nodes.set(key, child);
  return child;
}

function cutLast({ raw, decoded }: Segments, last: string): Segments {
  // Who only asks for methods has nothing decoded: the path may be one that cannot be.
  return {
    raw: [...raw.slice(0, -1), last],
    decoded: [...decoded.slice(0, -1), decoded === raw ? last : decodeAll(last)],
  };
}

/** Looks no deeper than the templates go, so a path of many segments costs no more than a short one. */
function findRoute<T>(
  node: Node<T>,
  segments: readonly string[],
  depth: number,
  method: string,
  others: Set<string>,
): Route<T> | undefined {
  const segment = segments[depth];
  if (segment === undefined) return pick(node.here, method, others) ?? pick(node.rest, method, others);
  const literal = node.literals.get(segment);
  const wildcard = segment === "" ? undefined : node.wildcard;
  return (
    (literal && findRoute(literal, segments, depth + 1, method, others)) ??
    (wildcard && findRoute(wildcard, segments, depth + 1, method, others)) ??
    pick(node.rest, method, others)
  );
}

function pick<T>(routes: Routes<T>, method: string, others: Set<string>): Route<T> | undefined {
  const route = routes.get(method) ?? routes.get(ANY_METHOD);
  if (route === undefined) for (const other of routes.keys()) others.add(other);
  return route;
}

/** By http.proto a variable of one segment is decoded whole, and one of several keeps an escaped slash. */
function capture({ variables }: PathTemplate, { raw, decoded }: Segments): string[] {
  return variables.map(({ start, end }) => {
    if (end === start + 1) return decoded[start] ?? "";
    return raw
      .slice(start, end === -1 ? undefined : end)
      .map(decodeAllButSlash)
      .join("/");
  });
}
