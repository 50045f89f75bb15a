/**
 * `npm run figures [-- COMMIT]`: how the house is laid out, beside how it was before it was moved. A commit, such as b67f224,
 * is measured in the same way. They describe a layout, and are no limits: server/layers.test.ts has those.
 */
import { execFileSync } from "node:child_process";
import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { type Import, importsOf, sourceFiles, textOf } from "./import-graph.ts";

/** What this script says of b67f224, the last commit before the move. */
const BEFORE = "b67f224";
const FIGURES_BEFORE: readonly number[] = [355, 170, 64, 259, 61, 6, 129, 30, 158, 16];

const REPOSITORY = join(import.meta.dirname, "..");
const MAX_FILES_IN_FOLDER = 15;
const SHORT_LINES = 30;
/** The rpc that is followed: the first one that most people call. */
const RPC = /^ +async createLlm\(/m;

const [commit] = process.argv.slice(2);
if (commit === undefined) print(measure(REPOSITORY));
else {
  const folder = mkdtempSync(join(tmpdir(), "patchbay-figures-"));
  try {
    const archive = execFileSync("git", ["archive", commit, "server"], { cwd: REPOSITORY, maxBuffer: 2 ** 28 });
    execFileSync("tar", ["-x", "-C", folder], { input: archive });
    print(measure(folder));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Figure {
  readonly name: string;
  readonly value: number;
  readonly remark?: string;
}

function print(figures: readonly Figure[]): void {
  console.log(`| figure | ${BEFORE} | ${commit ?? "now"} | |\n| --- | ---: | ---: | --- |`);
  for (const [index, { name, value, remark = "" }] of figures.entries()) {
    console.log(`| ${name} | ${FIGURES_BEFORE[index] ?? ""} | ${value} | ${remark} |`);
  }
}

/** Tests, and what only tests use, do not count. */
function measure(root: string): readonly Figure[] {
  const files = sourceFiles("server/**/*.ts", root);
  const imports = importsOf(files, root).filter(({ target }) => target.startsWith("server/"));
  const lines = new Map(files.map((file) => [file, textOf(file, root).trimEnd().split("\n").length]));
  const lengths = [...lines.values()].sort((a, b) => a - b);
  const longest = files.toSorted((a, b) => (lines.get(b) ?? 0) - (lines.get(a) ?? 0))[0] ?? "";
  const large = [...Map.groupBy(files, dirname)].filter(([, inside]) => inside.length > MAX_FILES_IN_FOLDER);
  const importers = [...Map.groupBy(imports, ({ target }) => target).values()];
  const twice = [...Map.groupBy(files, (file) => basename(file))].filter(([, those]) => those.length > 1);
  const rpc = files.find((file) => file.startsWith("server/service/") && RPC.test(textOf(file, root))) ?? "";
  const behind = reachedFrom(rpc, imports);
  const way = longestWay(rpc, imports, new Set(files.filter((file) => asksDatabase(file, root))));
  return [
    { name: "files", value: files.length },
    { name: "test files", value: globSync("server/**/*.test.ts", { cwd: root }).length },
    { name: "median lines", value: lengths[Math.floor(lengths.length / 2)] ?? 0 },
    { name: "lines of the longest", value: lengths.at(-1) ?? 0, remark: longest },
    { name: `files under ${SHORT_LINES} lines`, value: lengths.filter((count) => count < SHORT_LINES).length },
    {
      name: `folders with more than ${MAX_FILES_IN_FOLDER} files`,
      value: large.length,
      remark: large.map(([folder, inside]) => `${folder} ${inside.length}`).join(", "),
    },
    {
      name: "files with a single importer",
      value: importers.filter((those) => new Set(those.map(({ file }) => file)).size === 1).length,
    },
    { name: "base names that stand more than once", value: twice.length },
    { name: "files behind the rpc CreateLlm, all that it imports, types too", value: behind.size, remark: rpc },
    {
      name: "the longest way from there to a statement, in files",
      value: way.length,
      remark: way.map((file) => basename(file, ".ts")).join(" → "),
    },
  ];
}

function asksDatabase(file: string, root: string): boolean {
  return file.startsWith("server/store/") && /from "(@mikro-orm\/\w+|pg)"/.test(textOf(file, root));
}

function reachedFrom(start: string, imports: readonly Import[]): ReadonlySet<string> {
  const next = Map.groupBy(imports, ({ file }) => file);
  const reached = new Set([start]);
  for (const file of reached) for (const { target } of next.get(file) ?? []) reached.add(target);
  return reached;
}

/** The longest way that comes nowhere twice, as far as imports make no circle. */
function longestWay(start: string, imports: readonly Import[], ends: ReadonlySet<string>): readonly string[] {
  const next = Map.groupBy(imports, ({ file }) => file);
  const found = new Map<string, readonly string[]>();
  const walk = (file: string, above: ReadonlySet<string>): readonly string[] => {
    const known = found.get(file);
    if (known) return known;
    let longest: readonly string[] = ends.has(file) ? [file] : [];
    for (const { target } of next.get(file) ?? []) {
      if (above.has(target)) continue;
      const way = walk(target, new Set([...above, target]));
      if (way.length >= longest.length && way.length > 0) longest = [file, ...way];
    }
    found.set(file, longest);
    return longest;
  };
  return walk(start, new Set([start]));
}
