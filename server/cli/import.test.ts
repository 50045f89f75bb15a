import { createHash } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectTo } from "../../client/cli/calls/connection.ts";
import { AccessService } from "../../gen/patchbay/v1/access_service_pb.ts";
import { CommandShell } from "../test/server/command-shell.ts";
import { startServer, type TestServer } from "../test/server/test-server.ts";

let server: TestServer;
let shell: CommandShell;
beforeAll(async () => {
  server = await startServer({
    EGRESS_ALLOW: "http://localhost:11434",
    SECRET_REFS: "env://TEAM_KEY@https://api.openai.com",
  });
  shell = new CommandShell();
});
afterAll(async () => {
  await server.stop();
  shell.remove();
});

const run = (line: string, apiKey = server.adminKey) =>
  shell.run(line, { PATCHBAY_URL: server.url, PATCHBAY_API_KEY: apiKey });
const write = (name: string, text: string) => writeFileSync(join(shell.folder.path, name), text);

/** The steps of a plan, without its findings. */
const stepsIn = (stdout: string) => stdout.split("\n").filter((line) => /^[+~-] /.test(line));

const LITELLM = `
model_list:
  - {model_name: group, litellm_params: {model: openai/gpt-4o, api_key: os.environ/TEAM_KEY, weight: 2}}
  - {model_name: group, litellm_params: {model: openai/gpt-4o-mini, api_key: os.environ/TEAM_KEY}}
  - {model_name: spare, litellm_params: {model: ollama_chat/llama3.2, api_base: "http://localhost:11434"}}
  - {model_name: same, litellm_params: {model: gpt-4o, api_key: os.environ/TEAM_KEY}}
  - {model_name: "anthropic/*", litellm_params: {model: "anthropic/*", api_key: sk-ant-0123456789abcdefgh}}
router_settings: {fallbacks: [{group: [spare]}], model_group_alias: {other: group}}`;
const TEXT = "sk-Zx81mQp04LkT7vRbNw3YdA";
const KEYS = [
  {
    token: createHash("sha256").update(TEXT).digest("hex"),
    key_alias: "bot",
    models: ["group"],
    rpm_limit: 60,
    max_budget: 5,
  },
  { token: "0a1b", key_alias: "nobody has its text", models: ["spare"] },
];

describe("import", { timeout: 300_000 }, () => {
  it("takes LiteLLM's models and keys over, and finds nothing to do the second time", async () => {
    write("config.yaml", LITELLM);
    write("keys.json", JSON.stringify(KEYS));
    write("texts.txt", `${TEXT}\n`);
    const line = "patchbay import litellm config.yaml --keys keys.json --key-texts texts.txt --new-keys new.tsv";
    const first = await run(`${line} --yes`);
    expect(first).toMatchObject({ exitCode: 0 });
    expect(stepsIn(first.stdout)).toEqual([
      ...["+ provider anthropic", "+ llm group-1", "+ llm group-2", "+ llm spare"],
      ...["+ route group", "+ route other", "+ route same", "+ key bot", "+ key nobody has its text"],
    ]);
    expect(first.stdout + first.stderr, "no key is shown").not.toMatch(/sk-Zx81|sk-ant|pb_live/);

    const whoami = await run("patchbay whoami -o json", TEXT);
    expect(JSON.parse(whoami.stdout), "the old key works").toMatchObject({ allowedModels: ["group"], role: "MEMBER" });
    expect((await run("patchbay keys list", TEXT)).exitCode, "and may call models only").toBe(3);
    const [name, newKey = ""] = readFileSync(join(shell.folder.path, "new.tsv"), "utf8").trim().split("\t");
    expect(name).toBe("nobody has its text");
    expect(statSync(join(shell.folder.path, "new.tsv")).mode & 0o777).toBe(0o600);
    expect((await run("patchbay llms list -o name", newKey)).stdout.trim().split("\n")).toHaveLength(1);

    const again = await run(`${line} --yes`);
    expect(again).toMatchObject({ exitCode: 0 });
    expect(stepsIn(again.stdout)).toEqual([]);
    expect(again.stderr).toContain("Everything is as it shall be.");
  });

  it("mends the limits of a key that was taken over before", async () => {
    write("keys.json", JSON.stringify([{ ...KEYS[0], rpm_limit: 30 }]));
    const line = "patchbay import litellm config.yaml --keys keys.json --key-texts texts.txt --yes";
    expect(stepsIn((await run(line)).stdout)).toEqual(["~ key bot"]);
    const { apiKeys } = await connectTo(server.url, server.adminKey).call(AccessService.method.listApiKeys, {});
    const bots = (apiKeys as { displayName: string; limits: unknown }[]).filter(
      ({ displayName }) => displayName === "bot",
    );
    expect(bots).toMatchObject([{ limits: { requestsPerMinute: 30, budget: { period: "TOTAL" } } }]);
  });

  it("takes Bifrost's, Open WebUI's and Langfuse's over, and finds nothing to do the second time", async () => {
    const keys = ["a", "b"].map((name) => ({
      name,
      value: `sk-bifrost-${name}-0123456789`,
      models: ["gpt-4o"],
      weight: 0.5,
    }));
    write("bifrost.json", JSON.stringify({ providers: { openai: { keys } } }));
    const openai = {
      api_base_urls: ["https://api.openai.com/v1"],
      api_keys: ["sk-webui-0123456789abcdef"],
      api_configs: { "0": { model_ids: ["o3"] } },
    };
    write("webui.json", JSON.stringify({ openai }));
    write(
      "connections.json",
      JSON.stringify({ data: [{ provider: "mine", adapter: "openai", customModels: ["ft:x"] }] }),
    );
    for (const line of ["bifrost bifrost.json", "openwebui webui.json", "langfuse connections.json"]) {
      const first = await run(`patchbay import ${line} --yes`);
      expect(first, line).toMatchObject({ exitCode: 0 });
      expect(stepsIn(first.stdout).length, line).toBeGreaterThan(1);
      const again = await run(`patchbay import ${line} --yes`);
      expect({ steps: stepsIn(again.stdout), exitCode: again.exitCode }, line).toEqual({ steps: [], exitCode: 0 });
    }
  });

  it.each([
    ["config.yaml is none of it", "patchbay import bifrost config.yaml", "holds nothing that can be taken"],
    ["no such file", "patchbay import langfuse nope.json", "nope.json cannot be read"],
    [
      "a file of new keys is there",
      "patchbay import litellm more.yaml --keys more.json --new-keys new.tsv --yes",
      "new.tsv cannot be written",
    ],
  ])("says what is wrong: %s", async (_, line, told) => {
    write(
      "more.yaml",
      "model_list: [{model_name: more, litellm_params: {model: gpt-4.1, api_key: sk-more-0123456789abcdef}}]",
    );
    write("more.json", JSON.stringify([{ token: "ffff", key_alias: "more" }]));
    const outcome = await run(line);
    expect(outcome.exitCode).toBe(2);
    expect(outcome.stderr).toContain(told);
  });
});
