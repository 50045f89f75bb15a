import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { isOffline, ROOT } from "../../server/test/clients/generated-client.ts";
import { findProgram, run, SEARCH_PATH } from "../../server/test/clients/program.ts";
import { type Rig, startRig } from "../../server/test/clients/rig.ts";
import { serveOrigin } from "../../server/test/clients/web-origin.ts";

/** A section of docs/clients.md: what it needs, where its blocks of code go, and what runs them at last. */
interface Section {
  readonly title: string;
  readonly needs: readonly string[];
  /** The files of the blocks of code behind the commands, in their order. */
  readonly files?: readonly string[];
  readonly run?: string;
}

const SECTIONS: readonly Section[] = [
  { title: "curl", needs: ["curl"] },
  { title: "grpcurl", needs: ["go"] },
  { title: "buf", needs: ["curl", "buf"] },
  { title: "TypeScript", needs: ["npm", "curl", "unzip"], files: ["client.mjs"], run: "node client.mjs" },
  { title: "Python", needs: ["python3", "curl", "unzip"], files: ["client.py"], run: "python client.py" },
  { title: "Go", needs: ["go", "curl", "unzip"], files: ["buf.gen.yaml", "main.go"], run: "go run ." },
  {
    title: "C++",
    needs: ["g++", "protoc", "grpc_cpp_plugin", "pkg-config", "unzip"],
    files: ["client.cpp"],
    run: "./client",
  },
  { title: "Java", needs: ["mvn", "curl", "unzip"], files: ["pom.xml", "src/main/java/Client.java"] },
  { title: "Rust", needs: ["cargo", "cc", "curl", "unzip"], files: ["Cargo.toml", "build.rs", "src/main.rs"] },
];

const page = readFileSync(join(ROOT, "docs/clients.md"), "utf8");

/** The blocks of code of a section. */
function blocksOf(title: string): string[] {
  const [, section = ""] = page.split(`\n## ${title}\n`);
  const [own = ""] = section.split("\n## ");
  return [...own.matchAll(/```\w+\n(.*?)```/gs)].map(([, block = ""]) => block);
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
    async ({ title, needs, files = [], run: last }) => {
      const missing = needs.find((name) => findProgram(name) === undefined);
      if (missing) return void console.log(`skipped: the lines for ${title}: no ${missing} on PATH`);
      const [commands = "", ...blocks] = blocksOf(title);
      expect(blocks.length).toBeGreaterThanOrEqual(files.length);
      const folder = mkdtempSync(join(tmpdir(), "patchbay-docs-"));
      for (const [index, file] of files.entries()) {
        mkdirSync(dirname(join(folder, file)), { recursive: true });
        writeFileSync(join(folder, file), blocks[index] ?? "");
      }
      const opening: Record<string, string> = {
        Python: "python3 -m venv venv && . venv/bin/activate",
        grpcurl: "go install github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3",
      };
      // The last line fails on purpose where the program says so with its status.
      const script = `${opening[title] ?? ":"} || exit 1\n${commands}\n${last ?? ""}`;
      const env = {
        PATCHBAY_URL: rig.server.url,
        PATCHBAY_ADDRESS: rig.address,
        PATCHBAY_KEY: rig.apiKey,
        CARGO_TARGET_DIR: join(tmpdir(), "patchbay-rust-target"),
        CARGO_PROFILE_DEV_DEBUG: "0",
        GOBIN: join(tmpdir(), "patchbay-docs-bin"),
        PATH: `${join(tmpdir(), "patchbay-docs-bin")}${delimiter}${SEARCH_PATH}`,
      };
      const ran = await run("bash", ["-c", script], { cwd: folder, env, timeoutMs: 840_000 });
      rmSync(folder, { recursive: true });
      if (isOffline(ran)) return void console.log(`skipped: the lines for ${title}: no registry is reached`);
      expect(`${ran.stdout}${ran.stderr}`).toContain("LLM_NOT_FOUND");
    },
    900_000,
  );
});
