import { globSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeGeneratedClient, type GeneratedClient, ROOT } from "./generated-client.ts";
import { runWell } from "./program.ts";
import { openEnvironment } from "./python-environment.ts";

const FOLDER = join(import.meta.dirname, "python");
const REQUIREMENTS = join(FOLDER, "requirements.txt");

describeGeneratedClient("Python", await prepare());

async function prepare(): Promise<GeneratedClient> {
  const { python, missing } = await openEnvironment(REQUIREMENTS);
  if (missing !== undefined) return { missing };
  const folder = mkdtempSync(join(tmpdir(), "patchbay-python-"));
  // Those of google.api and google.rpc come with googleapis-common-protos, generated.
  const protos = [...globSync("patchbay/v1/*.proto", { cwd: join(ROOT, "proto") }), "buf/validate/validate.proto"];
  const includes = ["proto", "third_party/protovalidate", "third_party/googleapis"].map((folder) => `-I${folder}`);
  const outputs = [`--python_out=${folder}`, `--grpc_python_out=${folder}`];
  await runWell(python, ["-m", "grpc_tools.protoc", ...includes, ...outputs, ...protos], { cwd: ROOT });
  return { command: ["env", `PYTHONPATH=${folder}`, python, join(FOLDER, "client.py")], folder };
}
