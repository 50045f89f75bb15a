import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isOffline, ROOT } from "../../server/test/clients/generated-client.ts";
import { findProgram, run, SEARCH_PATH } from "../../server/test/clients/program.ts";
import { type Rig, startRig } from "../../server/test/clients/rig.ts";
import { serveOrigin } from "../../server/test/clients/web-origin.ts";
import { tell } from "./served.ts";

/** The sections of docs/clients.md that are run, with the programs that they need. */
const SECTIONS: readonly { readonly title: string; readonly needs: readonly string[] }[] = [
  { title: "curl", needs: ["curl"] },
  { title: "grpcurl", needs: ["go"] },
  { title: "buf", needs: ["curl", "buf"] },
  { title: "TypeScript", needs: ["npm", "curl", "unzip"] },
  { title: "Python", needs: ["python3", "curl", "unzip"] },
  { title: "Go", needs: ["go", "curl", "unzip"] },
  { title: "C++", needs: ["g++", "protoc", "grpc_cpp_plugin", "pkg-config", "unzip"] },
  { title: "Java", needs: ["mvn", "curl", "unzip"] },
  { title: "Rust", needs: ["cargo", "cc", "curl", "unzip"] },
];

/** The client in C++ has compiled for a quarter of an hour on a busy machine. */
const LONGEST_MS = 2_400_000;

const page = readFileSync(join(ROOT, "docs/clients.md"), "utf8");

/** The blocks of code of a section. */
function blocksOf(title: string): string[] {
  const [, section = ""] = page.split(`\n## ${title}\n`);
  const [own = ""] = section.split("\n## ");
  return [...own.matchAll(/```\w+\n(.*?)```/gs)].map(([, block = ""]) => block);
}

/** The file that a block is saved as: its first line says which. */
function fileOf(block: string): string {
  const [, file] = /^(?:\/\/|#|<!--) (\S+\.\w+)(?: -->)?\n/.exec(block) ?? [];
  if (file === undefined) throw new Error(`a block of docs/clients.md names no file: ${block.slice(0, 80)}`);
  return file;
}

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig.stop());

describe("the lines of docs/clients.md", () => {
  it("for a browser show the reason of an error in the page", async () => {
    const executablePath = findProgram("chromium");
    if (!executablePath) return void console.log("skipped: the lines for a browser: no chromium on PATH");
    const [, lines = ""] = blocksOf("Browser");
    const origin = await serveOrigin(`const [url, key] = location.hash.slice(1).split("+");\n${lines}`);
    const { server, apiKey, stop } = await startRig({ CORS_ORIGINS: origin.origin });
    const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
    const tab = await browser.newPage();
    await tab.goto(`${origin.origin}#${server.url}+${apiKey}`);
    await tab.waitForFunction(() => document.body.textContent === "LLM_NOT_FOUND");
    await browser.close();
    await stop();
    await origin.close();
  });

  it.each(SECTIONS)(
    "for $title print the reason of an error",
    async ({ title, needs }) => {
      const missing = needs.find((name) => findProgram(name) === undefined);
      if (missing) return void console.log(`skipped: the lines for ${title}: no ${missing} on PATH`);
      const [commands = "", ...blocks] = blocksOf(title);
      tell(`the lines for ${title}`);
      const folder = mkdtempSync(join(tmpdir(), "patchbay-docs-"));
      for (const block of blocks) {
        const file = join(folder, fileOf(block));
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, block);
      }
      // What is installed for good where the reader is, and not by the commands.
      const opening = title === "grpcurl" ? "go install github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3" : ":";
      // The last line fails on purpose where the program says so with its status.
      const script = `${opening} || exit 1\n${commands}`;
      const env = {
        PATCHBAY_URL: rig.server.url,
        PATCHBAY_ADDRESS: rig.address,
        PATCHBAY_KEY: rig.apiKey,
        CARGO_TARGET_DIR: join(tmpdir(), "patchbay-rust-target"),
        CARGO_PROFILE_DEV_DEBUG: "0",
        GOBIN: join(tmpdir(), "patchbay-docs-bin"),
        PATH: `${join(tmpdir(), "patchbay-docs-bin")}${delimiter}${SEARCH_PATH}`,
      };
      const ran = await run("bash", ["-c", script], { cwd: folder, env, timeoutMs: LONGEST_MS - 60_000 });
      rmSync(folder, { recursive: true });
      if (isOffline(ran)) return void console.log(`skipped: the lines for ${title}: no registry is reached`);
      expect(`${ran.stdout}${ran.stderr}`).toContain("LLM_NOT_FOUND");
    },
    LONGEST_MS,
  );
});
