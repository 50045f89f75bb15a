import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connectTo } from "../../client/cli/calls/connection.ts";
import { LlmService } from "../../gen/patchbay/v1/llm_service_pb.ts";
import { RouteService } from "../../gen/patchbay/v1/route_service_pb.ts";
import { CommandShell } from "../test/server/command-shell.ts";
import { startServer, type TestServer } from "../test/server/test-server.ts";

let server: TestServer;
let shell: CommandShell;
let login: Record<string, string>;
beforeAll(async () => {
  server = await startServer();
  shell = new CommandShell();
  login = { PATCHBAY_URL: server.url, PATCHBAY_API_KEY: server.adminKey };
  const connection = connectTo(server.url, server.adminKey);
  for (const alias of ["gpt-team", "gpt-fast", "claude"]) {
    const llm = { alias, displayName: `The ${alias}`, providerType: "OPENAI", modelIdentifier: alias };
    await connection.call(LlmService.method.createLlm, llm);
  }
  await connection.call(RouteService.method.createRoute, {
    name: "gpt-any",
    tiers: [{ targets: [{ llmId: "claude" }] }],
  });
  for (const name of ["bash", "zsh", "fish"]) {
    const { stdout } = await shell.run(`patchbay completion ${name}`);
    writeFileSync(join(shell.folder.path, `completion.${name}`), stdout);
  }
});
afterAll(async () => {
  await server.stop();
  shell.remove();
});

const has = (name: string) => spawnSync("sh", ["-c", `command -v ${name}`]).status === 0;

/** What the script of a shell asks, and takes the names from. */
async function offered(words: string, more = login): Promise<string[]> {
  const { stdout } = await shell.run(`patchbay complete -- ${words}`, more);
  return stdout
    .trim()
    .split("\n")
    .map((line) => line.split("\t")[0] ?? "");
}

describe("completion", { timeout: 300_000 }, () => {
  it.each([
    ["llms get gpt-", [":4", "gpt-fast", "gpt-team"]],
    ["test claude gpt-f", [":4", "gpt-fast"]],
    ["chat gpt-", [":4", "gpt-any", "gpt-fast", "gpt-team"]],
    ["routes get ''", [":4", "gpt-any"]],
    ["routes ex", [":4", "explain"]],
    ["routes explain ''", [":4", "gpt-any"]],
    ["routes create x --tier claude=2,gpt-t", [":4", "claude=2,gpt-team"]],
    ["-q budgets create --llm cl", [":4", "claude"]],
    ["llms ed", [":4", "edit"]],
    ["apply -f ''", [":0"]],
    ["import litellm ''", [":0"]],
  ])("of `%s` is %j", async (words, names) => expect((await offered(words)).sort()).toEqual(names));

  it("of contexts is what was signed in to, and asks no server", async () => {
    await shell.run(`patchbay login ${server.url} --name prod`, login);
    expect(await offered("contexts use p", {})).toEqual(["prod", ":4"]);
    expect(await offered("-c p", {})).toEqual(["prod", ":4"]);
  });

  it("is silent where no server answers", async () => {
    const outcome = await shell.run("patchbay complete -- llms get ''", {
      ...login,
      PATCHBAY_URL: "http://127.0.0.1:1",
    });
    expect(outcome).toEqual({ exitCode: 0, stdout: ":4\n", stderr: "" });
  });

  it("reaches bash", async () => {
    const script = `compopt() { :; }
source completion.bash
COMP_WORDS=(patchbay llms get gpt-) COMP_CWORD=3
$(complete -p patchbay | sed "s/.*-F \\([^ ]*\\).*/\\1/")
printf "%s\\n" "\${COMPREPLY[@]}"
`;
    writeFileSync(join(shell.folder.path, "ask.bash"), script);
    const asked = "bash ask.bash";
    const { stdout, stderr } = await shell.run(asked, login);
    const names = stdout
      .trim()
      .split("\n")
      .map((line) => line.trim().split(/\s/)[0]);
    expect(names.sort(), stderr).toEqual(["gpt-fast", "gpt-team"]);
  });

  it.runIf(has("fish"))("reaches fish", async () => {
    const { stdout, stderr } = await shell.run(
      "fish -N -c 'source completion.fish; complete -C \"patchbay llms get gpt-\"'",
      login,
    );
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => line.split("\t")[0])
        .sort(),
      stderr,
    ).toEqual(["gpt-fast", "gpt-team"]);
  });

  it.runIf(has("zsh"))("is a script that zsh takes", async () => {
    const { exitCode, stderr } = await shell.run(
      "zsh -f -c 'autoload -Uz compinit; compinit -u -D; source completion.zsh; print $_comps'",
      login,
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  });
});
