import type { DescMethod } from "@bufbuild/protobuf";
import { createMethodImplSpec, type MethodImplSpec } from "@connectrpc/connect";
import type { Face, FaceErrors, FaceHandler } from "../../service/faces/face.ts";
import { type Binding, bindingsOf } from "./binding.ts";
import type { ServedPath } from "./nearest-paths.ts";
import { ANY_METHOD, DuplicateRoute, type RouteMatch, RouteTable } from "./route-table.ts";

const COMMON_METHODS = ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"];

/** A binding and what its calls need of the options. */
export interface Route {
  readonly binding: Binding;
  readonly maxBodyBytes: number;
  /** Undefined for an rpc of messages. */
  readonly face: FaceRoute | undefined;
}

/** What answers the calls of an rpc of bytes. */
export interface FaceRoute {
  readonly handler: FaceHandler;
  readonly errors: FaceErrors;
}

/** All routes, and what they are served at. */
export interface Routes {
  readonly table: RouteTable<Route>;
  readonly paths: readonly ServedPath[];
}

/** Throws if the same path and method is there twice. */
export function buildRoutes(
  methods: MethodImplSpec[],
  readMaxBytes: (method: DescMethod) => number,
  faces: readonly Face[],
): Routes {
  const table = new RouteTable<Route>();
  const paths: ServedPath[] = [];
  const faceRoutes = new Map(
    faces.flatMap(({ handlers, errors }) =>
      [...handlers].map(([method, handler]): [DescMethod, FaceRoute] => [method, { handler, errors }]),
    ),
  );
  const served = [
    ...methods,
    ...[...faceRoutes.keys()].map((method) => createMethodImplSpec(method, neverCalled as never)),
  ];
  for (const binding of served.flatMap(bindingsOf)) {
    const { method } = binding.spec;
    const face = faceRoutes.get(method);
    try {
      paths.push({ method: binding.httpMethod, path: binding.template.source });
      table.add(binding.httpMethod, binding.template, { binding, maxBodyBytes: readMaxBytes(method), face });
    } catch (error) {
      if (!(error instanceof DuplicateRoute)) throw error;
      const other = (error.existing as Route).binding.spec.method;
      throw new Error(`${nameOf(method)} and ${nameOf(other)}: ${error.message}`, { cause: error });
    }
  }
  return { table, paths };
}

/** What a face serves is not called as an rpc of messages. */
function neverCalled(): never {
  throw new Error("this rpc is answered with bytes");
}

function nameOf({ parent, name }: DescMethod): string {
  return `${parent.typeName}.${name}`;
}

/** Whether a path has no such method, but these. */
export function isMethods(found: RouteMatch<Route> | ReadonlySet<string>): found is ReadonlySet<string> {
  return found instanceof Set;
}

/** What `Allow` says. */
export function allowOf(methods: ReadonlySet<string>): string {
  const allowed = new Set([...methods, "OPTIONS"]);
  if (allowed.has("GET")) allowed.add("HEAD");
  if (allowed.delete(ANY_METHOD)) for (const method of COMMON_METHODS) allowed.add(method);
  return [...allowed].sort().join(", ");
}
