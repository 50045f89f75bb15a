import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, globSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTemporaryFolder } from "../base/temporary-folder.ts";
import { type Block, blocksOf, ROOT } from "./documents.ts";
import { Shell } from "./shell.ts";

/** The documents whose commands are pasted, in this order, by somebody who begins with a clone. */
const PASTED = ["README.md", "docs/guide.md"];

/** Blocks that are not pasted, by a line that they have, and why not. */
const EXEMPT: readonly { readonly file: string; readonly line: string; readonly why: string }[] = [
  { file: "README.md", line: "npm ci && npm test", why: "it is what runs this" },
  { file: "README.md", line: "/v1/llms/gpt:test", why: "it calls api.openai.com" },
];

/** Documents whose commands are run elsewhere, or need what a machine for tests does not have. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "CONTRIBUTING.md": "for those who change the code: npm test and its parts",
  "docs/mutants.md": "mutants take hours",
  "docs/clients.md": "npm run test:clients pastes those whose toolchain is there",
  "docs/operations.md": "it needs several machines, a balancer and a pooler",
  "docs/package.md": "npm run test:package runs them by the tarball, in an empty folder, under the Node of PATH",
  "docs/apply.md": "commands.test.ts, beside this, runs them",
  "docs/cli.md":
    "commands.test.ts, beside this, runs them, and server/cli/examples.test.ts those of each command's help",
  "docs/security/access.md": "server/domain/access tests each; the guide has the same commands",
  "docs/security/keys.md": "server/cli/keys.test.ts runs them; the rest needs HashiCorp Vault",
  "docs/security/secrets.md": "settings, and calls whose answers need an endpoint with two keys: rotation.test.ts",
};

/** Installing and starting share a machine with other tests. */
const PATIENCE_MS = 300_000;

/** A started server, as the terminal of whoever started it shows it. */
interface Started {
  readonly address: string;
  readonly key: string;
  stop(): Promise<void>;
}

const folder = makeTemporaryFolder("clone");
const clone = join(folder.path, "patchbay");
let server: Started | undefined;
afterAll(async () => {
  await server?.stop();
  folder.remove();
});

/** What a clone has once all that is here is committed. */
function copyOfClone(): void {
  const files = execFileSync("git", ["ls-files", "-z", "-c", "-o", "--exclude-standard"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  for (const file of files.split("\0").filter((name) => name && existsSync(join(ROOT, name)))) {
    cpSync(join(ROOT, file), join(clone, file));
  }
}

async function start(): Promise<Started> {
  const { PATH = "", HOME = "" } = process.env;
  // The port and the folder are this test's own, and Ollama's address is open as the README asks for.
  const env = { PATH, HOME, PORT: "0", EGRESS_ALLOW: "http://localhost:11434", MODEL_CHECK_HOURS: "0" };
  const child = spawn("npm", ["start"], { cwd: clone, env });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    stderr += text;
  });
  await expect
    .poll(() => (child.exitCode === null ? stdout : `ended: ${stderr}`), { timeout: 120_000 })
    .toMatch(/Try it:\n.*\n|ended/);
  const address = /listens on http:\/\/(\S+)/.exec(stdout)?.[1] ?? "";
  expect(address, stderr).not.toBe("");
  const stop = async () => {
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    expect((await ended)[0]).toBe(0);
  };
  return { address, key: /pb_live_\w+/.exec(stdout)?.[0] ?? "", stop };
}

function exemptionOf({ file, text }: Block) {
  return EXEMPT.find((one) => one.file === file && text.includes(one.line));
}

describe("the documents", () => {
  it("all have their commands pasted, or say why not", () => {
    const files = ["README.md", "CONTRIBUTING.md", ...globSync("docs/**/*.md", { cwd: ROOT })];
    const withCommands = files.filter((file) =>
      blocksOf(file).some(({ language }) => /^(sh|bash|shell|console)$/.test(language)),
    );
    expect(
      withCommands.filter((file) => !PASTED.includes(file) && !(file in ELSEWHERE)),
      "paste them in server/test/docs/documents.test.ts (PASTED), or say there who runs them (ELSEWHERE)",
    ).toEqual([]);
    expect(
      Object.keys(ELSEWHERE).filter((file) => !withCommands.includes(file)),
      "these have no commands",
    ).toEqual([]);
    const blocks = PASTED.flatMap((file) => blocksOf(file));
    for (const one of EXEMPT)
      expect(
        blocks.some((block) => exemptionOf(block) === one),
        `${one.line} is nowhere`,
      ).toBe(true);
  });
});

describe("somebody with a clone, Node and npm", () => {
  let shell: Shell;
  let startedAt: number;
  beforeAll(() => {
    copyOfClone();
    shell = new Shell(clone, { OPENAI_API_KEY: "sk-of-a-newcomer-0001", ANTHROPIC_API_KEY: "sk-ant-of-a-newcomer-01" });
    startedAt = Date.now();
  });

  /** The README's own address and key stand for those of the server that was started. */
  const inPlace = (text: string) =>
    text.replaceAll("127.0.0.1:8080", server?.address ?? "").replaceAll("pb_live_…", server?.key ?? "");

  it("pastes what the documents say, line after line, and all of it works", { timeout: PATIENCE_MS }, async () => {
    let pastes = 0;
    for (const block of PASTED.flatMap((file) => blocksOf(file)).filter((block) => !exemptionOf(block))) {
      const where = `${block.file}:${block.line}`;
      if (block.language === "ts") {
        const name = /^\/\/ (\S+\.ts)\n/.exec(block.text)?.[1];
        expect(name, `${where} begins with the name of its file, as a comment`).toBeDefined();
        writeFileSync(join(clone, name ?? ""), inPlace(block.text));
        continue;
      }
      const [before = "", starts] = block.text.split(/^npm start$/m);
      if (block.text.includes("npx buf")) installAll();
      const output = before.trim() === "" ? "" : await shell.paste(inPlace(before)).catch(skipWithoutNetwork(before));
      if (output === undefined) return;
      if (starts !== undefined) server = await start();
      pastes += 1;
      if (output.includes("You said: Hello!") && block.file === "README.md") {
        const seconds = ((Date.now() - startedAt) / 1_000).toFixed(1);
        console.log(`from the clone to the first reply: ${pastes} blocks pasted, ${seconds} s`);
        expect(pastes).toBeLessThanOrEqual(6);
      }
    }
    expect(pastes).toBeGreaterThan(10);
  });

  /** As `npm ci` would, without `--omit=dev`. */
  function installAll(): void {
    rmSync(join(clone, "node_modules"), { recursive: true });
    symlinkSync(join(ROOT, "node_modules"), join(clone, "node_modules"));
  }

  function skipWithoutNetwork(commands: string) {
    return (error: Error): undefined => {
      if (!commands.includes("npm ci") || !/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENOTCACHED|ETIMEDOUT/.test(error.message))
        throw error;
      console.log("skipped: the documents are not pasted, because npm reaches no registry");
    };
  }
});
