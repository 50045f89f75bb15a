/**
 * Builds what the npm package has, into dist/: Node runs no TypeScript below node_modules. The server and its command are one
 * program, with what they import inside, as most of a start is finding, reading and linking files; what it reads beside that is
 * where it is here. What others import, `client` and `gen`, is there file by file. `npm run package` packs it.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { bundleServer, packagesOf } from "./bundle-server.ts";

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

rmSync(dist, { recursive: true, force: true });
execFileSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json"], {
  cwd: root,
  stdio: "inherit",
});
const ofServer = await bundleServer(root, dist);
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

// It is served as it is, and read by programs: in the clone it is written for people.
const document: unknown = JSON.parse(readFileSync(join(root, "gen/openapi.json"), "utf8"));
writeFileSync(join(dist, "gen/openapi.json"), JSON.stringify(document));

const imported = ofServer.union(
  packagesOf(globSync("{client,gen}/**/*.{js,d.ts}", { cwd: dist }).map((file) => join(dist, file))),
);
const dependencies = Object.fromEntries(
  Object.entries(packageJson.dependencies).filter(([name]) => imported.has(name)),
);
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
