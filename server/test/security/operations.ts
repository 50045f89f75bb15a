import { readFileSync } from "node:fs";
import { join } from "node:path";

/** One way to call one rpc over REST, as /openapi.json has it. */
export interface Operation {
  readonly method: string;
  /** With an id in the place of each variable. */
  readonly path: string;
  /** A correct body where the document shows one, else an empty one. */
  readonly body: Readonly<Record<string, unknown>>;
}

interface Described {
  readonly operationId?: string;
  readonly requestBody?: {
    readonly content: Record<string, { readonly examples?: Record<string, { readonly value: Operation["body"] }> }>;
  };
}

/** Every operation that the server has, those of other APIs' faces too. */
export function operations(id: string): Operation[] {
  const file = join(import.meta.dirname, "../../../gen/openapi.json");
  const { paths } = JSON.parse(readFileSync(file, "utf8")) as { paths: Record<string, Record<string, Described>> };
  return Object.entries(paths).flatMap(([path, described]) =>
    Object.entries(described)
      .filter(([, { operationId }]) => operationId !== undefined)
      .map(([method, { requestBody }]) => {
        const [example] = Object.values(requestBody?.content["application/json"]?.examples ?? {});
        return { method: method.toUpperCase(), path: path.replace(/\{[^}]*\}/g, id), body: example?.value ?? {} };
      }),
  );
}
