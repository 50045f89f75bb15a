import { execFileSync } from "node:child_process";
import { cpSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, versionOf } from "./contract.ts";

const NEEDED = ["@bufbuild/protobuf", "@bufbuild/protovalidate", "@connectrpc/connect", "@connectrpc/connect-web"];

/** The package @patchbay/client: JavaScript and its types, from client/llm.ts and gen/. */
export function buildTypescript(target: string): void {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const project = ["--project", join(ROOT, "client/typescript/tsconfig.json"), "--outDir", target];
  execFileSync(join(ROOT, "node_modules/.bin/tsc"), project, { stdio: "inherit" });
  for (const file of globSync("**/*.d.ts", { cwd: target })) {
    const types = readFileSync(join(target, file), "utf8");
    // What the compiler rewrites in programs, it leaves in types.
    writeFileSync(join(target, file), types.replace(/(from "|import\(")(\.[^"]+)\.ts"/g, '$1$2.js"'));
  }
  cpSync(join(ROOT, "client/typescript/README.md"), join(target, "README.md"));
  // gen/ has code of google.api and google.rpc.
  cpSync(join(ROOT, "server/wire/contract/third-party-licenses.txt"), join(target, "THIRD-PARTY-LICENSES.txt"));
  const manifest = {
    name: "@patchbay/client",
    version: versionOf(),
    description: "The typed client of a Patchbay server, for Node and browsers.",
    type: "module",
    sideEffects: false,
    exports: { ".": "./client/llm.js", "./*_pb": "./gen/patchbay/v1/*_pb.js" },
    files: ["client", "gen", "THIRD-PARTY-LICENSES.txt"],
    engines: { node: ">=20" },
    dependencies: Object.fromEntries(NEEDED.map((name) => [name, dependencies[name]])),
  };
  writeFileSync(join(target, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}
