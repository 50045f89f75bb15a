import { execFileSync } from "node:child_process";
import { cpSync, globSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { zipSync } from "fflate";
import { ROOT, versionOf } from "./contract.ts";

const MODULE = "patchbay.internal/patchbay";
const GENERATORS = [
  "google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12",
  "google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2",
];

/** The module patchbay.internal/patchbay: its folder, and a file tree that GOPROXY can name, from client/go and the contract. */
export function buildGo(target: string, contract: string): void {
  const sources = join(target, "patchbay");
  const bin = join(target, "tools");
  for (const generator of GENERATORS) {
    execFileSync("go", ["install", generator], {
      stdio: "inherit",
      env: { ...process.env, GOBIN: bin, GOFLAGS: "", CGO_ENABLED: "0" },
    });
  }
  cpSync(join(ROOT, "client/go"), sources, { recursive: true });
  const options = { out: sources, opt: `module=${MODULE}` };
  const template = {
    version: "v2",
    inputs: [{ binary_image: contract, paths: ["patchbay"] }],
    plugins: [
      { local: join(bin, "protoc-gen-go"), ...options },
      { local: join(bin, "protoc-gen-go-grpc"), ...options },
    ],
  };
  execFileSync(join(ROOT, "node_modules/.bin/buf"), ["generate", "--template", JSON.stringify(template)], {
    cwd: target,
    stdio: "inherit",
    env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
  });
  writeProxy(join(target, "proxy", MODULE, "@v"), sources);
}

/** What `go` asks a module proxy: https://go.dev/ref/mod#goproxy-protocol */
function writeProxy(folder: string, sources: string): void {
  const version = `v${versionOf()}`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "list"), `${version}\n`);
  writeFileSync(join(folder, `${version}.info`), JSON.stringify({ Version: version, Time: "2026-01-01T00:00:00Z" }));
  cpSync(join(sources, "go.mod"), join(folder, `${version}.mod`));
  const files = globSync("**", { cwd: sources }).filter((name) => statSync(join(sources, name)).isFile());
  const entries = files.map((file) => [`${MODULE}@${version}/${file}`, readFileSync(join(sources, file))]);
  writeFileSync(join(folder, `${version}.zip`), zipSync(Object.fromEntries(entries)));
}
