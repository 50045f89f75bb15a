import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, mkdirSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { isAlive, readPostmaster } from "../../store/embedded/postmaster.ts";
import { makeTemporaryFolder } from "../base/temporary-folder.ts";
import { ServerProcess } from "./server-process.ts";

const PATIENCE_MS = 180_000;
/** Of util-linux: runs a command at a terminal of its own. */
const SCRIPT = "/usr/bin/script";
const MAIN = join(import.meta.dirname, "../../main.ts");

const folder = makeTemporaryFolder("terminal");
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});
afterAll(() => folder.remove());

describe.runIf(existsSync(SCRIPT))("a server at a terminal", () => {
  it("has a banner and a log for people, and in a pipe lines of JSON", { timeout: PATIENCE_MS }, async () => {
    const { PATH = "", HOME = "" } = process.env;
    const env = {
      PATH,
      HOME,
      TERM: "xterm-256color",
      PORT: "0",
      MODEL_CHECK_HOURS: "0",
      DATA_DIR: join(folder.path, "seen"),
    };
    const command = `exec ${process.execPath} ${MAIN}`;
    const child = spawn(SCRIPT, ["--quiet", "--return", "--command", command, "/dev/null"], { env });
    children.push(child);
    let shown = "";
    child.stdout.setEncoding("utf8").on("data", (text) => {
      shown += text;
    });
    await expect.poll(() => shown, { timeout: 120_000 }).toContain("Try it");
    const text = stripVTControlCharacters(shown);
    const [, url = ""] = /listens on (http:\S+)/.exec(text) ?? [];
    for (const line of [`console   ${url}/`, `docs      ${url}/docs`, "API key   pb_live_", "curl -H"])
      expect(text).toContain(line);
    expect(shown, "what matters is bold").toContain(`\x1b[1m${url}`);

    expect((await fetch(`${url}/v1/llms`)).status).toBe(401);
    await expect.poll(() => stripVTControlCharacters(shown), { timeout: 20_000 }).toMatch(/INFO.*call/);
    expect(shown).not.toMatch(/^\{"level"/m);
    const ended = once(child, "exit");
    child.stdin.write("\x03"); // Ctrl-C, as the terminal is told.
    expect((await ended)[0]).toBe(0);

    const piped = new ServerProcess({ DATA_DIR: join(folder.path, "seen") });
    children.push(piped.child);
    await fetch(`${await piped.url()}/v1/llms`);
    expect(await piped.end("SIGTERM")).toBe(0);
    expect(piped.stdout).not.toContain("\x1b");
    const lines = piped.stderr.trim().split("\n");
    expect(lines.length).toBeGreaterThan(1);
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ level: expect.any(Number) });
  });
});

describe.runIf(process.getuid?.() === 0)("a server that root starts in a folder of root's", () => {
  it("says where its data really are, and stops its PostgreSQL when the folder is gone", {
    timeout: PATIENCE_MS,
  }, async () => {
    const closed = join(folder.path, "roots");
    mkdirSync(closed, { mode: 0o700 }); // Nobody else gets through, and PostgreSQL does not run as root.
    const place = join(closed, "data");
    const server = new ServerProcess({ DATA_DIR: place });
    children.push(server.child);
    await server.url();
    const link = join(place, "postgres");
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    const really = realpathSync(link);
    expect(server.stdout).toContain(`data      ${place}\n            really in ${really}, `);
    const { pid } = (await readPostmaster(link)) ?? { pid: 0 };
    expect(pid).toBeGreaterThan(0);
    rmSync(place, { recursive: true });
    expect(await server.end("SIGTERM")).toBe(0);
    expect(isAlive(pid)).toBe(false);
    rmSync(really, { recursive: true });
  });
});
