import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ScriptedUpstream } from "../upstream/scripted-upstream.ts";
import { startServer, type TestServer } from "./test-server.ts";

const TOUR = join(import.meta.dirname, "../../../docs/tour.sh");

let upstream: ScriptedUpstream;
let server: TestServer;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  server = await startServer({ EGRESS_ALLOW: upstream.url });
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
});

describe("docs/tour.sh", () => {
  it.each([
    { name: "without an LLM", llmUrl: () => "" },
    { name: "with one", llmUrl: () => `${upstream.url}/v1` },
  ])("runs top to bottom $name", async ({ llmUrl }) => {
    const env = { PATH: process.env.PATH, URL: server.url, KEY: server.adminKey, LLM_URL: llmUrl() };
    const { stdout } = await promisify(execFile)("bash", [TOUR], { env });
    expect(stdout).toContain("That was the tour.");
  });
});
