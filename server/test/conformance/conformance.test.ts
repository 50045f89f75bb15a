import { cpSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeTemporaryFolder } from "../base/temporary-folder.ts";
import { isOffline, ROOT } from "../clients/generated-client.ts";
import { describeUnless, findProgram, run, runWell } from "../clients/program.ts";

/**
 * Connect's conformance suite: its client speaks gRPC, gRPC-Web and Connect to a server with our wire, over HTTP/1.1 and
 * HTTP/2, in every compression, well and badly, some 3,400 times.
 */
const FOLDER = import.meta.dirname;
const MODULE = "connectrpc.com/conformance";
const SUITE_MS = 900_000;

const folder = makeTemporaryFolder("conformance");
const runner = join(folder.path, "bin/connectconformance");
const descriptors = join(folder.path, "suite.binpb");
const missing = await prepare();

describeUnless(missing && `Connect's conformance suite: ${missing}`)("Connect's conformance suite", () => {
  afterAll(() => folder.remove());
  let report = "";
  beforeAll(async () => {
    const flaky = join(FOLDER, "known-flaky.txt");
    const args = ["--mode", "server", "--conf", join(FOLDER, "config.yaml"), "--known-flaky", `@${flaky}`];
    const server = [process.execPath, join(FOLDER, "server.ts"), descriptors];
    const { stdout, stderr } = await run(runner, [...args, "--max-servers", "2", "--", ...server], {
      timeoutMs: SUITE_MS,
    });
    report = stdout + stderr;
  }, SUITE_MS);

  it("finds nothing", () => {
    expect(report.match(/^FAILED: .*/gm) ?? []).toEqual([]);
    const [, passed, failed] = /^(\d+) passed, (\d+) failed/m.exec(report) ?? [];
    expect(Number(failed), report.slice(-2_000)).toBe(0);
    expect(Number(passed)).toBeGreaterThan(3_000);
  });
});

/** Builds the suite from its Go module; says what is missing for that. */
async function prepare(): Promise<string | undefined> {
  const go = findProgram("go");
  if (go === undefined) return "go is not on PATH";
  for (const name of ["go.mod", "go.sum"]) cpSync(join(FOLDER, name), join(folder.path, name));
  mkdirSync(join(folder.path, "bin"));
  // This Go and no newer one, and without cgo: the first build compiles Go's own library.
  const env = { GOTOOLCHAIN: "local", GOFLAGS: "-mod=readonly", CGO_ENABLED: "0", GOBIN: join(folder.path, "bin") };
  const options = { cwd: folder.path, env, timeoutMs: 400_000 };
  const downloaded = await run(go, ["mod", "download"], options);
  if (isOffline(downloaded)) return "go reaches no module proxy";
  if (downloaded.stderr.includes("requires go >=")) return downloaded.stderr.trim();
  if (downloaded.exitCode !== 0) throw new Error(`go mod download failed: ${downloaded.stderr}`);
  await runWell(go, ["install", "tool"], options);
  const place = (await runWell(go, ["list", "-m", "-f", "{{.Dir}}", MODULE], options)).trim();
  await runWell("buf", ["build", join(place, "proto"), "-o", descriptors], { cwd: ROOT });
  return undefined;
}
