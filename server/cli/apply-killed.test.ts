import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../client/llm.ts";
import { CommandShell } from "../test/server/command-shell.ts";
import { startServer, type TestServer } from "../test/server/test-server.ts";

const LLMS = 80;
const KILLS = 3;

let server: TestServer;
let client: Patchbay;
let shell: CommandShell;
beforeAll(async () => {
  server = await startServer({ EGRESS_ALLOW: "http://localhost:11434" });
  client = server.client(server.adminKey);
  shell = new CommandShell();
});
afterAll(async () => {
  await server.stop();
  shell.remove();
});

const MANIFEST = {
  providers: [{ name: "shared", providerType: "OLLAMA", endpointUrl: "http://localhost:11434/v1" }],
  llms: Array.from({ length: LLMS }, (_, index) => ({
    alias: `m${index}`,
    modelIdentifier: `model-${index}`,
    labels: { "managed-by": "git" },
    ...(index % 4 === 0
      ? { providerId: "shared" }
      : { providerType: "OLLAMA", endpointUrl: "http://localhost:11434/v1", disabled: index % 4 === 1 }),
  })),
  routes: Array.from({ length: 10 }, (_, index) => ({
    name: `r${index}`,
    tiers: [{ targets: [{ llmId: `m${index}`, weight: 2 }, { llmId: `m${index + 1}` }] }],
  })),
  budgets: [
    { amountUsd: "25", period: "MONTH" },
    ...["m0", "m1"].map((llmId) => ({ llmId, amountUsd: "1", period: "DAY" })),
  ],
};

const countLlms = async () => (await client.llms.listLlms({ pageSize: 1000 })).llms.length;

/** Applies until so many more Llms are there, and is killed as a machine that loses its power. */
async function applyAndKill(more: number): Promise<void> {
  const before = await countLlms();
  const child = spawn("patchbay", ["apply", "-f", "many.yaml", "--yes"], {
    cwd: shell.folder.path,
    // The command itself, in place of the shell that starts it: its end is the end of the calls.
    env: { ...shell.settings, PATCHBAY_URL: server.url, PATCHBAY_API_KEY: server.adminKey },
    stdio: "ignore",
  });
  const ended = once(child, "exit");
  while (child.exitCode === null && (await countLlms()) < before + more) await sleep(5);
  child.kill("SIGKILL");
  await ended;
}

describe("an apply that is killed", { timeout: 300_000 }, () => {
  it("leaves what the next one finishes, and nothing is made twice", async () => {
    writeFileSync(join(shell.folder.path, "many.yaml"), JSON.stringify(MANIFEST));
    const counts: number[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      await applyAndKill(1 + Math.floor(Math.random() * 12));
      counts.push(await countLlms());
    }
    expect(counts.at(-1), "each was killed in the middle").toBeLessThan(LLMS);

    const login = { PATCHBAY_URL: server.url, PATCHBAY_API_KEY: server.adminKey };
    expect(await shell.run("patchbay diff -f many.yaml -q", login)).toMatchObject({ exitCode: 7 });
    expect(await shell.run("patchbay apply -f many.yaml --yes -q", login)).toMatchObject({ exitCode: 0, stderr: "" });
    expect(await shell.run("patchbay diff -f many.yaml -o json", login)).toMatchObject({ exitCode: 0, stdout: "[]\n" });
    expect(await countLlms()).toBe(LLMS);
    expect((await client.budgets.listBudgets({})).budgets).toHaveLength(3);

    const made = await createdIds();
    expect(
      made.filter((id, index) => made.indexOf(id) < index),
      "no Llm was made more than once",
    ).toEqual([]);
    expect(made).toHaveLength(LLMS);
  });
});

/** The Llms whose making is in the audit log. */
async function createdIds(): Promise<string[]> {
  const ids: string[] = [];
  let pageToken = "";
  do {
    const page = await client.audit.listAuditEvents({ action: "llm.create", pageSize: 100, pageToken });
    ids.push(...page.auditEvents.map(({ resourceId }) => resourceId));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return ids;
}
