import { cpSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeGeneratedClient, type GeneratedClient } from "../../../server/test/clients/generated-client.ts";
import { run } from "../../../server/test/clients/program.ts";
import { fetchContract, missingOf, offlineOf, tell } from "../served.ts";

/** Later runs find there what was compiled of crates. */
const TARGET = join(tmpdir(), "patchbay-rust-target");

describeGeneratedClient("Rust", await prepare());

/** tonic and prost, and protox in protoc's place. */
async function prepare(): Promise<GeneratedClient> {
  const missing = missingOf("cargo", "cc");
  if (missing) return { missing };
  const folder = await fetchContract("rust");
  mkdirSync(join(folder, "src"));
  for (const name of ["Cargo.toml", "Cargo.lock", "build.rs"]) {
    cpSync(join(import.meta.dirname, "rust", name), join(folder, name));
  }
  cpSync(join(import.meta.dirname, "rust/main.rs"), join(folder, "src/main.rs"));
  const env = { CARGO_TARGET_DIR: TARGET, CARGO_PROFILE_DEV_DEBUG: "0" };
  tell("the client in Rust: compiles, and its crates the first time");
  const built = await run("cargo", ["build", "--quiet", "--locked"], { cwd: folder, env, timeoutMs: 900_000 });
  const offline = offlineOf(built);
  if (offline) return { missing: offline };
  return { command: [join(TARGET, "debug/app")], folder };
}
