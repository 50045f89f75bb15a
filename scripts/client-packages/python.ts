import { execFileSync } from "node:child_process";
import { cpSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { ROOT, versionOf } from "./contract.ts";

const SOURCE = join(ROOT, "client/python");

/** The package patchbay-client: a wheel and an sdist in its dist/, from client/python and the contract. */
export function buildPython(target: string, contract: string, python = "python3"): void {
  const sources = join(target, "sources");
  const environment = join(target, "tools");
  execFileSync(python, ["-m", "venv", environment], { stdio: "inherit" });
  const bin = join(environment, "bin");
  const tools = (...args: string[]) =>
    execFileSync(join(bin, "python"), ["-m", ...args], {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH}` },
    });
  tools("pip", "install", "--quiet", "--disable-pip-version-check", "-r", join(SOURCE, "build-requirements.txt"));

  cpSync(SOURCE, sources, { recursive: true, filter: (file) => !file.includes("__pycache__") });
  const project = readFileSync(join(SOURCE, "pyproject.toml"), "utf8");
  writeFileSync(join(sources, "pyproject.toml"), project.replace('version = "0"', `version = "${versionOf()}"`));
  const { file } = fromBinary(FileDescriptorSetSchema, readFileSync(contract));
  const protos = file.map(({ name }) => name).filter((name) => name.startsWith("patchbay/"));
  const outputs = ["python", "pyi", "grpc_python", "mypy_grpc"].map((kind) => `--${kind}_out=${sources}`);
  tools("grpc_tools.protoc", `--descriptor_set_in=${contract}`, ...outputs, ...protos);
  for (const folder of globSync("patchbay/*/", { cwd: sources }))
    writeFileSync(join(sources, folder, "__init__.py"), "");
  mkdirSync(join(target, "dist"));
  tools("build", "--no-isolation", "--outdir", join(target, "dist"), sources);
}
