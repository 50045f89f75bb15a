import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Patchbay } from "../../client/llm.ts";
import { ConfigError, readConfig } from "../config/config.ts";
import { makeTemporaryFolder } from "../test/base/temporary-folder.ts";
import { startServer, type TestServer } from "../test/server/test-server.ts";

const PATIENCE = { timeout: 20_000 };

let folder: ReturnType<typeof makeTemporaryFolder>;
let server: TestServer | undefined;
let client: Patchbay;
beforeEach(() => {
  folder = makeTemporaryFolder("apply-dir");
});
afterEach(async () => {
  vi.useRealTimers();
  await server?.stop();
  server = undefined;
  folder.remove();
});

async function start(settings: Record<string, string> = {}): Promise<TestServer> {
  server = await startServer({ APPLY_DIR: folder.path, APPLY_SECONDS: "1", ...settings });
  client = server.client(server.adminKey);
  return server;
}

const llm = (alias: string, more = "") =>
  `  - {alias: ${alias}, providerType: OPENAI, modelIdentifier: gpt-${alias}${more}}\n`;
const write = (name: string, text: string) => writeFileSync(join(folder.path, name), text);
const aliases = async () => (await client.llms.listLlms({})).llms.map(({ alias }) => alias).sort();
const told = (message: string) => server?.log.filter((line) => line.message.includes(message)) ?? [];
const metric = async () =>
  /^patchbay_apply_dir_applied (\d)/m.exec(await (await fetch(`${server?.url}/metrics`)).text())?.[1];

describe("APPLY_DIR", { timeout: 120_000 }, () => {
  it("is applied at the start and when it changes, and never deletes", async () => {
    write("team.yaml", `llms:\n${llm("one")}${llm("two")}`);
    await start();
    await expect.poll(aliases, PATIENCE).toEqual(["one", "two"]);
    await expect.poll(metric, PATIENCE).toBe("1");
    expect(told("APPLY_DIR was applied")).toMatchObject([{ level: "info", facts: { created: 2, failed: 0 } }]);
    write("team.yaml", `llms:\n${llm("one", ", description: changed")}`);
    write("more.json", '{"llms": [{"alias": "three", "providerType": "OPENAI", "modelIdentifier": "gpt-three"}]}');
    await expect.poll(aliases, PATIENCE).toEqual(["one", "three", "two"]);
    // Steps are done several at once, and in any order.
    const description = async () => (await client.llms.getLlm({ llmId: "one" })).llm?.description;
    await expect.poll(description, PATIENCE).toBe("changed");
    const { auditEvents } = await client.audit.listAuditEvents({});
    expect(auditEvents.length, "who did it is in the audit log").toBeGreaterThan(2);
  });

  it("deletes what has the label and is gone, once told to", async () => {
    write("team.yaml", `llms:\n${llm("one", ", labels: {by: git}")}${llm("two", ", labels: {by: git}")}`);
    await start({ APPLY_PRUNE: "by=git" });
    await expect.poll(aliases, PATIENCE).toEqual(["one", "two"]);
    await client.llms.createLlm({ alias: "hand", providerType: 1, modelIdentifier: "x", displayName: "by hand" });
    write("team.yaml", `llms:\n${llm("one", ", labels: {by: git}")}`);
    await expect.poll(aliases, PATIENCE).toEqual(["hand", "one"]);
    write("team.yaml", "");
    await expect.poll(() => told("cannot be applied").length, PATIENCE).toBe(1);
    expect(await aliases()).toEqual(["hand", "one"]);
  });

  it("follows the swapped links of a ConfigMap", async () => {
    const version = (name: string, text: string) => {
      mkdirSync(join(folder.path, name));
      writeFileSync(join(folder.path, name, "team.yaml"), text);
      symlinkSync(name, join(folder.path, "..data_tmp"));
      renameSync(join(folder.path, "..data_tmp"), join(folder.path, "..data"));
    };
    version("..2026_11_30_one", `llms:\n${llm("one")}`);
    symlinkSync("..data/team.yaml", join(folder.path, "team.yaml"));
    await start();
    await expect.poll(aliases, PATIENCE).toEqual(["one"]);
    version("..2026_11_30_two", `llms:\n${llm("one")}${llm("two")}`);
    await expect.poll(aliases, PATIENCE).toEqual(["one", "two"]);
    expect(told("cannot be applied")).toEqual([]);
  });

  it("says once what is wrong, changes nothing then, and goes on when it is mended", async () => {
    write("team.yaml", `llms:\n${llm("one")}`);
    await start();
    await expect.poll(aliases, PATIENCE).toEqual(["one"]);
    write("team.yaml", `llms:\n${llm("two")}  - {alias: three, modle: x}\n`);
    await expect.poll(metric, PATIENCE).toBe("0");
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(told("cannot be applied")).toMatchObject([
      {
        level: "error",
        facts: { problem: expect.stringContaining("llms[1].modle: there is no such field. Did you mean") },
      },
    ]);
    expect(await aliases()).toEqual(["one"]);
    write("team.yaml", `llms:\n${llm("two")}`);
    await expect.poll(aliases, PATIENCE).toEqual(["one", "two"]);
    await expect.poll(metric, PATIENCE).toBe("1");
  });

  it("tells what the server refuses, and applies the rest", async () => {
    write("team.yaml", `llms:\n${llm("one")}${llm("two", ", endpointUrl: 'http://10.0.0.1/v1'")}`);
    await start();
    await expect.poll(aliases, PATIENCE).toEqual(["one"]);
    await expect.poll(() => told("not applied").length, PATIENCE).toBeGreaterThan(0);
    expect(told("not applied")[0]).toMatchObject({
      level: "warn",
      facts: { thing: "two", reason: "ENDPOINT_NOT_ALLOWED" },
    });
    expect(await metric()).toBe("0");
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect(told("not applied")).toHaveLength(1);
  });

  it("opens neither variables nor files of the server", async () => {
    write("key.txt", "sk-canary");
    for (const from of ["env: PATH", `file: ${join(folder.path, "key.txt")}`, "stdin: true"]) {
      write("team.yaml", `llms:\n${llm("one", `, credentials: {apiKey: {secretFrom: {${from}}}}`)}`);
      await start();
      await expect.poll(() => told("cannot be applied").length, PATIENCE).toBe(1);
      expect(told("cannot be applied")[0]?.facts.problem).toContain("secretFrom is for the command");
      expect(JSON.stringify(server?.log)).not.toContain("canary");
      await server?.stop();
      server = undefined;
    }
  });

  it("changes back what was changed by hand, after a while", async () => {
    write("team.yaml", `llms:\n${llm("one", ", description: as in git")}`);
    await start();
    await expect.poll(aliases, PATIENCE).toEqual(["one"]);
    await expect.poll(metric, PATIENCE).toBe("1");
    await client.llms.updateLlm({ llmId: "one", description: "by hand" });
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 6 * 60_000 });
    const description = async () => (await client.llms.getLlm({ llmId: "one" })).llm?.description;
    await expect.poll(description, PATIENCE).toBe("as in git");
  });

  it("is applied once by two servers that share it", async () => {
    write("team.yaml", `llms:\n${Array.from({ length: 30 }, (_, n) => llm(`m${n}`)).join("")}`);
    const first = await start();
    const second = await first.startAnother();
    try {
      await expect.poll(async () => (await aliases()).length, PATIENCE).toBe(30);
      expect(told("not applied")).toEqual([]);
      const created = told("APPLY_DIR was applied").map(({ facts }) => Number(facts.created));
      expect(created.reduce((sum, count) => sum + count, 0)).toBe(30);
    } finally {
      await second.stop();
    }
  });

  it.each([
    [{ APPLY_KEY_FILE: "x" }, "APPLY_KEY_FILE is set without APPLY_DIR"],
    [{ APPLY_DIR: "/nowhere" }, 'APPLY_DIR is "/nowhere", which is no folder'],
    [{ APPLY_DIR: "/" }, "APPLY_DIR needs an API key"],
    [{ APPLY_DIR: "/", APPLY_KEY_FILE: "/nowhere" }, "which cannot be read"],
    [{ APPLY_DIR: "/", BOOTSTRAP_API_KEY: "x", APPLY_PRUNE: "git" }, "it must be label=value"],
    [{ APPLY_DIR: "/", BOOTSTRAP_API_KEY: "x", APPLY_SECONDS: "0" }, "a number of seconds from 1 to 86400"],
  ])("refuses %o at the start", (settings, says) => {
    expect(() => readConfig(settings as unknown as NodeJS.ProcessEnv)).toThrow(ConfigError);
    expect(() => readConfig(settings as unknown as NodeJS.ProcessEnv)).toThrow(says);
  });
});
