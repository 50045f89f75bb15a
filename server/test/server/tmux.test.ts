import { execFileSync, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CommandShell } from "./command-shell.ts";
import { startServer, type TestServer } from "./test-server.ts";

const hasTmux = spawnSync("tmux", ["-V"]).status === 0;
if (!hasTmux) console.log("tmux is not here: no session at a terminal is tried");

/** How long a command may take on a busy machine. */
const PATIENCE_MS = 120_000;

/** A terminal that tmux keeps, with a shell in it. */
class Screen {
  readonly #socket = `patchbay-${randomUUID()}`;

  constructor(folder: string, env: Readonly<Record<string, string>>) {
    const variables = Object.entries({ ...env, PS1: "ready$ " }).map(([name, value]) => `${name}=${value}`);
    // By env, as a shell on the way would set a prompt and a path of its own.
    const shell = ["env", ...variables, "bash", "--noprofile", "--norc", "-i"];
    this.#tmux("new-session", "-d", "-x", "140", "-y", "50", "-c", folder, ...shell);
  }

  type(text: string, key = "Enter"): void {
    if (text !== "") this.#tmux("send-keys", "-l", text);
    this.#tmux("send-keys", key);
  }

  /** What is seen, with what scrolled away. */
  text(): string {
    return this.#tmux("capture-pane", "-p", "-J", "-S", "-500");
  }

  async shows(wanted: RegExp): Promise<string> {
    const deadline = Date.now() + PATIENCE_MS;
    for (;;) {
      const text = this.text();
      if (wanted.test(text)) return text;
      if (Date.now() > deadline) throw new Error(`${wanted} did not come up:\n${text}`);
      await sleep(100);
    }
  }

  clear(): void {
    this.#tmux("send-keys", "-R");
    this.#tmux("clear-history");
  }

  close(): void {
    spawnSync("tmux", ["-L", this.#socket, "kill-server"]);
  }

  #tmux(...args: string[]): string {
    return execFileSync("tmux", ["-L", this.#socket, "-f", "/dev/null", ...args], { encoding: "utf8" });
  }
}

describe.runIf(hasTmux)("a session at a terminal", { timeout: 600_000 }, () => {
  let server: TestServer;
  let shell: CommandShell;
  let screen: Screen;
  beforeAll(async () => {
    server = await startServer();
    shell = new CommandShell();
    screen = new Screen(shell.folder.path, { ...shell.settings, KEY: "sk-of-a-vendor-0001" });
    await screen.shows(/ready\$ $/m);
  }, 300_000);
  afterAll(async () => {
    screen?.close();
    await server?.stop();
    shell?.remove();
  });

  /** Types a line, and waits until the shell asks again. */
  async function run(line: string, wanted: RegExp): Promise<string> {
    screen.clear();
    screen.type(line);
    return screen.shows(new RegExp(`${wanted.source}[\\s\\S]*ready\\$ \\s*$`, wanted.flags));
  }

  it("signs in, makes an Llm, tests it, chats and sees what it cost", async () => {
    screen.type(`patchbay login ${server.url}`);
    await screen.shows(/API key \(pb_live_…, not shown\):/);
    screen.type(server.adminKey);
    const signedIn = await screen.shows(/Signed in to http.*\n[\s\S]*ready\$ \s*$/);
    expect(signedIn, "the key is not shown").not.toContain(server.adminKey);

    const create =
      "patchbay llms create --name Echo --alias echo --type CUSTOM_OPENAI_COMPATIBLE --endpoint patchbay:demo --model demo " +
      "--key-env KEY --set price.input=1 --set price.output=2";
    expect(await run(create, /llm .* made|made/)).not.toContain("error:");
    expect(await run("patchbay llms list", /NAME +ALIAS +MODEL/)).toMatch(/Echo +echo +demo/);
    await run("patchbay test echo", /OK +echo/);

    screen.clear();
    screen.type("patchbay chat echo");
    await screen.shows(/Ctrl-D ends[\s\S]*> /);
    screen.type("Good morning");
    await screen.shows(/Good morning[\s\S]*Good morning[\s\S]*tokens[\s\S]*> $/m);
    screen.type("", "C-d");
    await screen.shows(/ready\$ \s*$/);

    const usage = await run("patchbay usage", /TOKENS|COST|REQUESTS|CHATS/i);
    expect(usage).toMatch(/echo|Echo|demo/);
  });
});
