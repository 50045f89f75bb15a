import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";

/** What every command begins with: curl fails where the answer is an error, and says nothing of its progress. */
const PREAMBLE = `set -euo pipefail
curl() { command curl --fail-with-body --silent --show-error "$@"; }
`;

/** A shell that somebody pastes into: the functions and what is exported of one paste, the next one finds. */
export class Shell {
  readonly #folder: string;
  readonly #state: string;

  constructor(folder: string, env: Readonly<Record<string, string>>) {
    this.#folder = folder;
    this.#state = join(folder, ".pasted");
    writeFileSync(
      this.#state,
      `${Object.entries(env)
        .map(([name, value]) => `export ${name}='${value}'`)
        .join("\n")}\n`,
    );
  }

  /** What the commands print. Rejects, with it in the message, unless all of them succeed. */
  async paste(text: string): Promise<string> {
    const script = `${PREAMBLE}. '${this.#state}'\n${text}\n{ export -p; declare -f; } > '${this.#state}'\n`;
    const { PATH = "", HOME = "" } = process.env;
    // Nothing of the npm that runs the tests: a newcomer has none around them.
    const options = { cwd: this.#folder, env: { PATH, HOME, npm_config_prefer_offline: "true" }, timeout: 120_000 };
    try {
      return (await promisify(execFile)("bash", ["-c", script], options)).stdout;
    } catch (error) {
      const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
      throw new Error(`${text}\nfailed:\n${stdout}${stderr}`, { cause: error });
    }
  }
}
