/** Builds the package @patchbay/client into dist-client: JavaScript and its types, from client/llm.ts and gen/. */
import { execFileSync } from "node:child_process";
import { cpSync, globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const target = join(root, "dist-client");
const { version, dependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const NEEDED = ["@bufbuild/protobuf", "@bufbuild/protovalidate", "@connectrpc/connect", "@connectrpc/connect-web"];

rmSync(target, { recursive: true, force: true });
execFileSync(join(root, "node_modules/.bin/tsc"), ["--project", join(root, "client/typescript/tsconfig.json")], {
  stdio: "inherit",
});
for (const file of globSync("**/*.d.ts", { cwd: target })) {
  const types = readFileSync(join(target, file), "utf8");
  // What the compiler rewrites in programs, it leaves in types.
  writeFileSync(join(target, file), types.replace(/(from "|import\(")(\.[^"]+)\.ts"/g, '$1$2.js"'));
}
cpSync(join(root, "client/typescript/README.md"), join(target, "README.md"));
const manifest = {
  name: "@patchbay/client",
  version,
  description: "The typed client of a Patchbay server, for Node and browsers.",
  type: "module",
  sideEffects: false,
  exports: { ".": "./client/llm.js", "./*_pb": "./gen/patchbay/v1/*_pb.js" },
  files: ["client", "gen"],
  engines: { node: ">=20" },
  dependencies: Object.fromEntries(NEEDED.map((name) => [name, dependencies[name]])),
};
writeFileSync(join(target, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
