import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { describeGeneratedClient, type GeneratedClient, isOffline, ROOT } from "./generated-client.ts";
import { describeInterop } from "./interop.ts";
import { findProgram, run, runWell, SEARCH_PATH } from "./program.ts";

const FOLDER = join(import.meta.dirname, "go");

const client = await prepare();
describeInterop("Go", client);
// Removes the client.
describeGeneratedClient("Go", client);

async function prepare(): Promise<GeneratedClient> {
  const go = findProgram("go");
  if (go === undefined) return { missing: "go is not on PATH" };
  // A module of its own, outside of the checkout.
  const folder = mkdtempSync(join(tmpdir(), "patchbay-go-"));
  cpSync(FOLDER, folder, { recursive: true });
  const missing = await build(go, folder);
  if (missing === undefined) return { command: [join(folder, "bin/client")], folder };
  rmSync(folder, { recursive: true });
  return { missing };
}

/** Builds the client; says what is missing for that. What Go compiled, later runs find in its own cache. */
async function build(go: string, folder: string): Promise<string | undefined> {
  const bin = join(folder, "bin");
  // This Go and no newer one, and without cgo: the first build compiles Go's own library.
  const env = { GOTOOLCHAIN: "local", GOFLAGS: "-mod=readonly", CGO_ENABLED: "0", GOBIN: bin };
  const options = { cwd: folder, env, timeoutMs: 240_000 };
  const downloaded = await run(go, ["mod", "download"], options);
  if (isOffline(downloaded)) return "go reaches no module proxy";
  if (downloaded.stderr.includes("requires go >=")) return downloaded.stderr.trim();
  if (downloaded.exitCode !== 0) throw new Error(`go mod download failed: ${downloaded.stderr}`);
  await runWell(go, ["install", "tool"], options);
  const template = join(FOLDER, "buf.gen.yaml");
  const PATH = `${bin}${delimiter}${SEARCH_PATH}`;
  await runWell("buf", ["generate", "--template", template, "--output", folder], { cwd: ROOT, env: { PATH } });
  await runWell(go, ["build", "-trimpath", "-o", join(bin, "client"), "."], options);
  return undefined;
}
