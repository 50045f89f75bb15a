/**
 * Builds what the npm package has, into dist/: Node runs no TypeScript below node_modules. It is the same tree as here,
 * file by file, so that what finds its files beside itself finds them there, too. `npm run package` packs it.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "rolldown";
import packageJson from "../package.json" with { type: "json" };
import { licensesOf } from "./licenses-of.ts";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");

/** Files that the server reads when it runs. */
const ASSETS = [
  "server/wire/**/*.{css,html,js,txt}",
  "gen/openapi.json",
  "gen/*.schema.json",
  "gen/console/**/*",
  "proto/**/*.proto",
];

/** Types are for those who import the client. */
const WITHOUT_TYPES = ["server/**/*.d.ts", "client/cli/**/*.d.ts", "migrations/**/*.d.ts"];

rmSync(dist, { recursive: true, force: true });
execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json"], {
  cwd: root,
  stdio: "inherit",
});
for (const file of WITHOUT_TYPES.flatMap((pattern) => globSync(pattern, { cwd: dist }))) rmSync(join(dist, file));
for (const file of globSync("**/*.d.ts", { cwd: dist })) {
  const types = readFileSync(join(dist, file), "utf8");
  // What the compiler rewrites in programs, it leaves in types.
  writeFileSync(join(dist, file), types.replace(/(from "|import\(")(\.[^"]+)\.ts"/g, '$1$2.js"'));
}
const assets = ASSETS.flatMap((pattern) => globSync(pattern, { cwd: root, withFileTypes: true }));
for (const entry of assets) {
  if (!entry.isFile()) continue;
  const file = join(entry.parentPath, entry.name);
  cpSync(file, join(dist, file.slice(root.length)));
}
for (const file of ["bin/patchbay.js", "docs/cli.md"]) cpSync(join(root, file), join(dist, file));
chmodSync(join(dist, "bin/patchbay.js"), 0o755);

// Of the docs' viewer two files are served; its package is ten times as large, and reports its installation.
for (const file of ["swagger-ui-bundle.js", "swagger-ui.css"]) {
  cpSync(join(root, "node_modules/swagger-ui-dist", file), join(dist, "server/wire/openapi/docs/swagger-ui", file));
}
for (const file of ["LICENSE", "NOTICE"]) {
  cpSync(join(root, "node_modules/swagger-ui-dist", file), join(dist, "server/wire/openapi/docs/swagger-ui", file));
}

/** Files that have the packages inside that they alone use, by how the names of those begin: a part of them ever runs. */
const BUNDLES = {
  "server/wire/observe/otel/otel-tracer.js": "@opentelemetry/",
  "server/domain/access/guessable.js": "@zxcvbn-ts/",
};
for (const file of Object.keys(BUNDLES)) await bundle(file);
// The tracer has its neighbours inside, too.
for (const file of globSync("server/wire/observe/otel/*.js", { cwd: dist })) {
  if (!(file in BUNDLES)) rmSync(join(dist, file));
}

// It is served as it is, and read by programs: in the clone it is written for people.
const document: unknown = JSON.parse(readFileSync(join(root, "gen/openapi.json"), "utf8"));
writeFileSync(join(dist, "gen/openapi.json"), JSON.stringify(document));

const isInside = (name: string) =>
  name === "swagger-ui-dist" || Object.values(BUNDLES).some((beginning) => name.startsWith(beginning));
const dependencies = Object.fromEntries(Object.entries(packageJson.dependencies).filter(([name]) => !isInside(name)));
const { name, version, description, type, engines, optionalDependencies } = packageJson;
const manifest = {
  name,
  version,
  description,
  type,
  engines,
  bin: { patchbay: "bin/patchbay.js" },
  exports: {
    ".": { types: "./client/llm.d.ts", default: "./client/llm.js" },
    "./gen/*.js": { types: "./gen/*.d.ts", default: "./gen/*.js" },
    "./package.json": "./package.json",
  },
  dependencies,
  optionalDependencies,
};
writeFileSync(join(dist, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
cpSync(join(root, "docs/package.md"), join(dist, "README.md"));

/**
 * Puts what a file imports into it: OpenTelemetry's packages take 19 MB, of which a twentieth ever runs, and most are constants
 * of conventions; those that judge secrets have everything three times.
 */
async function bundle(file: string): Promise<void> {
  const { output } = await build({
    input: join(dist, file),
    cwd: root,
    platform: "node",
    write: false,
    output: { format: "esm", codeSplitting: false },
  });
  writeFileSync(join(dist, file), output[0].code);
  writeFileSync(join(dist, file.replace(/\.js$/, ".licenses.txt")), licensesOf(root, output[0].moduleIds));
}
