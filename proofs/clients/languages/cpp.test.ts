import { globSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeGeneratedClient, type GeneratedClient } from "../../../server/test/clients/generated-client.ts";
import { run, runWell } from "../../../server/test/clients/program.ts";
import { fetchContract, missingOf, tell } from "../served.ts";

const DEBIAN = "g++ protobuf-compiler-grpc libgrpc++-dev libprotobuf-dev pkg-config";

describeGeneratedClient("C++", await prepare());

/** protoc and gRPC's plugin, as Debian has them. */
async function prepare(): Promise<GeneratedClient> {
  const missing = missingOf("g++", "protoc", "grpc_cpp_plugin", "pkg-config");
  if (missing) return { missing: `${missing} (apt-get install ${DEBIAN})` };
  // Debian's gRPC comes without protobuf's headers where recommended packages are not installed.
  const found = await run("pkg-config", ["--exists", "grpc++", "protobuf"]);
  if (found.exitCode !== 0) return { missing: `no headers of gRPC and protobuf (apt-get install ${DEBIAN})` };
  const folder = await fetchContract("cpp");
  const protos = globSync("{patchbay,buf,google}/**/*.proto", { cwd: join(folder, "protos") });
  mkdirSync(join(folder, "gen"));
  const plugin = (await runWell("which", ["grpc_cpp_plugin"])).trim();
  const flags = ["-I", "protos", "--cpp_out=gen", "--grpc_out=gen", `--plugin=protoc-gen-grpc=${plugin}`];
  await runWell("protoc", [...flags, ...protos], { cwd: folder, timeoutMs: 60_000 });
  const units = globSync("**/*.cc", { cwd: join(folder, "gen") }).sort();
  const client = join(import.meta.dirname, "cpp/client.cpp");
  writeFileSync(join(folder, "all.cc"), [...units, client].map(inOneUnit).join(""));
  const libraries = (await runWell("pkg-config", ["--libs", "grpc++", "protobuf"])).trim().split(/\s+/);
  const compile = ["-std=c++17", "-O0", "-w", "-Igen", "all.cc", ...libraries, "-o", "client"];
  tell("the client in C++: compiles");
  await runWell("g++", compile, { cwd: folder, timeoutMs: 900_000 });
  return { command: [join(folder, "client")], folder };
}

/** One unit, so that gRPC's headers are read once and not for each of a hundred files; two names are in all of them. */
function inOneUnit(file: string, index: number): string {
  const names = ["schemas", "file_default_instances"];
  const defined = names.map((name) => `#define ${name} ${name}_${index}\n`).join("");
  return `${defined}#include "${file}"\n${names.map((name) => `#undef ${name}\n`).join("")}`;
}
