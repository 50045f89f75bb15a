import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

/** Where the program of an older commit is, with its own packages; a sentence where it cannot be had. */
export function checkOut(commit: string, folder: string): { main: string } | { missing: string } {
  const known = spawnSync("git", ["cat-file", "-e", `${commit}^{commit}`], { cwd: ROOT });
  if (known.status !== 0) return { missing: `commit ${commit} is not in this clone's history` };
  if (!existsSync(join(folder, "package.json"))) {
    mkdirSync(folder, { recursive: true });
    const line = `git archive ${commit} | tar -x -C '${folder}'`;
    const { status, stderr } = spawnSync("sh", ["-c", line], { cwd: ROOT, encoding: "utf8" });
    if (status !== 0) return { missing: `it cannot be checked out: ${stderr.trim()}` };
  }
  if (!existsSync(join(folder, "node_modules/.package-lock.json"))) {
    const args = ["ci", "--omit=dev", "--prefer-offline", "--ignore-scripts"];
    const { status, stderr } = spawnSync("npm", args, { cwd: folder, encoding: "utf8" });
    if (status !== 0) return { missing: `its packages cannot be installed: ${stderr.trim().split("\n").at(-1)}` };
  }
  return { main: join(folder, "server/main.ts") };
}
