import { spawn } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { makeTemporaryFolder } from "../base/temporary-folder.ts";
import { COMPILE_CACHE } from "./server-process.ts";

const MAIN = join(import.meta.dirname, "../../cli/patchbay.ts");

/** What a line printed, and the code that it ended with. */
export interface LineOutcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | null;
}

/** A folder of a test's own in which lines are run as a shell does, with `patchbay` among its programs. */
export class CommandShell {
  readonly folder = makeTemporaryFolder("cli");
  /** Contexts and keys stay in the folder. */
  readonly settings: Readonly<Record<string, string>>;

  constructor() {
    const shim = join(this.folder.path, "patchbay");
    writeFileSync(shim, `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
    chmodSync(shim, 0o755);
    const { PATH = "", HOME = "" } = process.env;
    this.settings = {
      PATH: `${this.folder.path}:${PATH}`,
      HOME,
      NODE_COMPILE_CACHE: COMPILE_CACHE,
      PATCHBAY_CONFIG_DIR: join(this.folder.path, "contexts"),
      PATCHBAY_KEYCHAIN: "off",
    };
  }

  async run(line: string, more: Readonly<Record<string, string>> = {}): Promise<LineOutcome> {
    const child = spawn("bash", ["-c", `set -o pipefail; ${line}`], {
      cwd: this.folder.path,
      env: { ...this.settings, ...more },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [stdout, stderr, exitCode] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      new Promise<number | null>((resolve) => child.on("close", resolve)),
    ]);
    return { stdout, stderr, exitCode };
  }

  remove(): void {
    this.folder.remove();
  }
}
