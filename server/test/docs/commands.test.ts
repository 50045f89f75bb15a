/** The commands in the prose of the page on manifests, run as they are written; documents.test.ts runs those in fences. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CommandShell } from "../server/command-shell.ts";
import { startServer, type TestServer } from "../server/test-server.ts";
import { blocksOf, ROOT } from "./documents.ts";

let server: TestServer;
let shell: CommandShell;
beforeAll(async () => {
  server = await startServer({ EGRESS_ALLOW: "http://localhost:11434" });
  shell = new CommandShell();
});
afterAll(async () => {
  await server.stop();
  shell.remove();
});

/** Commands in the prose of a document, those that are whole. */
const inlineIn = (file: string) =>
  [...readFileSync(join(ROOT, file), "utf8").matchAll(/`(patchbay [^`…]*)`/g)].map(([, line = ""]) => line);

/** Runs a line, on this server. */
async function run(line: string) {
  const typed = line.replace(/^patchbay apply (.*)$/, "patchbay apply $1 --yes");
  const address = { PATCHBAY_URL: server.url, PATCHBAY_API_KEY: server.adminKey };
  const outcome = await shell.run(typed, { ...address, OPENAI_API_KEY: "sk-canary-0123456789abcdefgh" });
  expect({ line: typed, ...outcome }).toMatchObject({ exitCode: 0 });
  expect(outcome.stdout + outcome.stderr).not.toContain("canary");
  return outcome;
}

describe("the commands of the documents", { timeout: 300_000 }, () => {
  it("of docs/apply.md apply its first manifest, which then changes nothing", async () => {
    const [manifest] = blocksOf("docs/apply.md").filter(({ language }) => language === "yaml");
    writeFileSync(join(shell.folder.path, "team.yaml"), manifest?.text ?? "");
    const lines = inlineIn("docs/apply.md").filter((line) => /^patchbay (apply|diff|export)( |$)/.test(line));
    expect(lines.length).toBeGreaterThanOrEqual(4);
    for (const line of lines) await run(line);
    expect((await run("patchbay diff -f team.yaml")).stderr).toContain("Everything is as it shall be.");
    expect((await run("patchbay llms list -o name")).stdout.trim().split("\n").length).toBeGreaterThanOrEqual(2);
  });
});
