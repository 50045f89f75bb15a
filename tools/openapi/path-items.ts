import type { Operation, Parameter } from "./schema/open-api.ts";

/** The methods that a path of OpenAPI 3.1 can have. */
const METHODS = new Set(["GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE"]);

/** The operations of a document, by path and method. */
export class PathItems {
  readonly #items = new Map<
    string,
    { path: string; names: readonly string[]; operations: Record<string, Operation> }
  >();

  /**
   * Adds an operation. Paths that differ in nothing but the names of their parameters are one path to OpenAPI: the names
   * that came first stand, and the operation is described with them.
   */
  add(
    httpMethod: string,
    path: string,
    parameters: readonly Parameter[],
    describe: (parameters: readonly Parameter[]) => Operation,
  ): void {
    if (!METHODS.has(httpMethod)) throw new Error(`${httpMethod} ${path}: OpenAPI 3.1 cannot describe this method`);
    const shape = path.replace(/\{[^}]*\}/g, "{}");
    const item = this.#items.get(shape) ?? { path, names: parameters.map(({ name }) => name), operations: {} };
    this.#items.set(shape, item);
    const named = parameters.map((parameter, index) => ({ ...parameter, name: item.names[index] ?? parameter.name }));
    item.operations[httpMethod.toLowerCase()] = describe(named);
  }

  get byPath(): Readonly<Record<string, Readonly<Record<string, Operation>>>> {
    return Object.fromEntries([...this.#items.values()].map(({ path, operations }) => [path, operations]));
  }
}
