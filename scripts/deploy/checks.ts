import { execFileSync, spawnSync } from "node:child_process";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** Programs of Go are where `go install` puts them. */
const env = { ...process.env, PATH: [process.env.PATH, join(homedir(), "go/bin")].join(delimiter) };

/** What was checked, and what could not be. */
export class Checks {
  failed = 0;

  /** Whether a program is here; where it is not, a line says so, and how to get it. */
  has(program: string, how: string): boolean {
    const isHere = spawnSync("sh", ["-c", `command -v ${program}`], { env }).status === 0;
    if (!isHere) this.skip(program, `it is not here: ${how}`);
    return isHere;
  }

  skip(what: string, why: string): void {
    console.log(`  - ${what}: not checked, ${why}`);
  }

  /** Runs a program that says by its exit code whether the claim is true; answers with what it printed. */
  run(claim: string, program: string, ...args: string[]): string {
    try {
      const output = execFileSync(program, args, { env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
      this.tell(claim, true);
      return output;
    } catch (error) {
      const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
      this.tell(claim, false, `${stdout}${stderr}`);
      return "";
    }
  }

  /** As `run`, of what has to be refused: a check that takes everything checks nothing. */
  refuses(claim: string, program: string, ...args: string[]): void {
    this.tell(claim, spawnSync(program, args, { env }).status !== 0);
  }

  tell(claim: string, isTrue: boolean, seen = ""): void {
    console.log(`  ${isTrue ? "✓" : "✗"} ${claim}${isTrue || seen === "" ? "" : `\n${seen}`}`);
    if (!isTrue) this.failed++;
  }
}
