import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, globSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeTemporaryFolder } from "../base/temporary-folder.ts";
import { type Block, blocksOf, ROOT } from "./documents.ts";
import { Shell } from "./shell.ts";

/** The documents whose commands are pasted, in this order, by somebody who begins with a clone; the others follow. */
const FIRST = ["README.md", "docs/guide.md", "docs/cli.md", "docs/apply.md"];

/** Every page that somebody may paste from. */
const PAGES = [
  ...FIRST,
  ...globSync(["CONTRIBUTING.md", "docs/**/*.md"], { cwd: ROOT })
    .filter((file) => !FIRST.includes(file))
    .sort(),
];

/** What is not pasted and why not: the blocks of a page that have a piece of text, or all of it where none is named. */
const EXEMPT: readonly { readonly file: string; readonly has?: string; readonly why: string }[] = [
  { file: "README.md", has: "npm ci && npm test", why: "it is what runs this" },
  { file: "README.md", has: "/v1/llms/gpt:test", why: "it calls api.openai.com" },
  { file: "CONTRIBUTING.md", has: "npm run test:watch", why: "it runs what runs this, and writes to the sources" },
  { file: "CONTRIBUTING.md", has: "npm run test:hostile", why: "a part of npm test, which takes minutes" },
  { file: "CONTRIBUTING.md", has: "npm run mutants", why: "they take most of an hour" },
  { file: "docs/apply.md", has: "$LITELLM/", why: "it asks a LiteLLM; server/cli/import.test.ts has what one answers" },
  { file: "docs/apply.md", has: "APPLY_DIR=", why: "it starts another server; server/compose/apply-dir.test.ts does" },
  { file: "docs/backup.md", why: "proofs/upgrade/backup.test.ts runs it, and restores what it saved" },
  { file: "docs/mutants.md", why: "they take most of an hour" },
  { file: "docs/clients.md", why: "npm run test:clients runs them where the toolchain of the language is there" },
  { file: "docs/package.md", why: "npm run test:package runs them by the tarball, in an empty folder" },
  { file: "docs/security/keys.md", has: "vault secrets enable", why: "it takes HashiCorp Vault" },
];

/** Installing and starting share a machine with other tests. */
const PATIENCE_MS = 600_000;

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
  return EXEMPT.find((one) => one.file === file && text.includes(one.has ?? ""));
}

/** Whether a block is typed into a terminal or saved as a file, rather than only read. */
function isUsed({ language, text }: Block): boolean {
  return /^(sh|bash|shell|console)$/.test(language) || nameOf(text) !== undefined;
}

/** The name that a block's first line gives the file that it is to be saved as. */
function nameOf(text: string): string | undefined {
  return /^(?:\/\/|#) (\S+\.(?:ts|yaml))\n/.exec(text)?.[1];
}

describe("the documents", () => {
  const used = PAGES.flatMap((file) => blocksOf(file)).filter(isUsed);

  it("exempt nothing that is not there", () => {
    for (const one of EXEMPT)
      expect(
        used.some((block) => exemptionOf(block) === one),
        `${one.file}: nothing has "${one.has}"`,
      ).toBe(true);
  });

  it("name the file of each program, so that it can be saved", () => {
    const nameless = PAGES.flatMap((file) => blocksOf(file)).filter(
      (block) => block.language === "ts" && !isUsed(block) && !exemptionOf(block),
    );
    expect(nameless).toEqual([]);
  });
});

describe("somebody with a clone, Node and npm", () => {
  let shell: Shell;
  let startedAt: number;
  beforeAll(() => {
    copyOfClone();
    shell = new Shell(clone, {
      OPENAI_API_KEY: "sk-of-a-newcomer-0001",
      ANTHROPIC_API_KEY: "sk-ant-of-a-newcomer-01",
      // What `patchbay login` keeps is this newcomer's.
      PATCHBAY_CONFIG_DIR: join(folder.path, "config"),
      PATCHBAY_KEYCHAIN: "off",
    });
    startedAt = Date.now();
  });

  /** The README's own address and key stand for those of the server that was started. */
  const inPlace = (text: string) =>
    text.replaceAll("127.0.0.1:8080", server?.address ?? "").replaceAll("pb_live_…", server?.key ?? "");

  it("pastes what the documents say, line after line, and all of it works", { timeout: PATIENCE_MS }, async () => {
    let pastes = 0;
    const blocks = PAGES.flatMap((file) => blocksOf(file)).filter((block) => isUsed(block) && !exemptionOf(block));
    for (const block of blocks) {
      const name = nameOf(block.text);
      if (name !== undefined) {
        writeFileSync(join(clone, name), inPlace(block.text));
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
    expect(pastes).toBeGreaterThan(20);
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
