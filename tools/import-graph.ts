import { globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

/** One import of one file, by its path from the root of the repository. */
export interface Import {
  readonly file: string;
  readonly specifier: string;
  /** The path of the file that is imported, or the name of a package. */
  readonly target: string;
  /** Whether it is gone when the program runs. */
  readonly isType: boolean;
}

const REPOSITORY = join(import.meta.dirname, "..");

/** Files that serve: no tests, and nothing that only tests use. */
export function sourceFiles(pattern: string, root = REPOSITORY): readonly string[] {
  return globSync(pattern, { cwd: root })
    .filter((file) => !/\.test\.ts$|^server\/test\/|\/test-[^/]*\.ts$/.test(file))
    .sort();
}

/** The text of a file, by its path from the root of the repository. */
export function textOf(file: string, root = REPOSITORY): string {
  return readFileSync(join(root, file), "utf8");
}

/** What files import, values and types alike. */
export function importsOf(files: readonly string[], root = REPOSITORY): readonly Import[] {
  return files.flatMap((file) =>
    [...textOf(file, root).matchAll(/(?:(import type )[^"]*?)?(?:from|import)\s*\(?\s*"([^"]+)"/g)].map(
      ([, type, specifier = ""]) => ({
        file,
        isType: type !== undefined,
        specifier,
        target: specifier.startsWith(".") ? normalize(join(dirname(file), specifier)) : specifier,
      }),
    ),
  );
}

/** Folders that import each other, directly or round: each group with the imports between its folders. A folder is its own files. */
export function circlesOf(imports: readonly Import[]): readonly (readonly Import[])[] {
  const between = imports.filter(
    ({ file, specifier, target }) => specifier.startsWith(".") && dirname(file) !== dirname(target),
  );
  const next = new Map<string, Set<string>>();
  for (const { file, target } of between) {
    next.set(dirname(file), (next.get(dirname(file)) ?? new Set()).add(dirname(target)));
  }
  const reaches = new Map([...next.keys()].map((folder) => [folder, reachable(folder, next)]));
  const inCircle = between.filter(({ file, target }) => reaches.get(dirname(target))?.has(dirname(file)));
  return [...Map.groupBy(inCircle, ({ file }) => [...membersOf(dirname(file), reaches)].sort().join(" ")).values()];
}

function membersOf(folder: string, reaches: ReadonlyMap<string, ReadonlySet<string>>): ReadonlySet<string> {
  return new Set([...(reaches.get(folder) ?? [])].filter((other) => reaches.get(other)?.has(folder)));
}

function reachable(from: string, next: ReadonlyMap<string, ReadonlySet<string>>): ReadonlySet<string> {
  const reached = new Set<string>();
  const open = [from];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    for (const other of next.get(folder) ?? []) {
      if (reached.has(other)) continue;
      reached.add(other);
      open.push(other);
    }
  }
  return reached;
}
