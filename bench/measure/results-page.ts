import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const PAGE = join(import.meta.dirname, "../RESULTS.md");

const HEAD = `# What the bench read last

Written by \`npm run bench\` and \`npm run bench -- growth\`, each its own part. Figures are of one machine and one run: only
ratios within it mean anything, and on a busy machine not the small ones. Why things are as they are is in
[the decisions on the hot path](../docs/decisions/hot-path.md).
`;

/** Puts a whole run into its part of the page, with its date and its commit, and leaves the other parts as they are. */
export function keepResults(group: string, lines: readonly string[]): void {
  const commit = spawnSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).stdout.trim();
  const day = new Date().toISOString().slice(0, 10);
  const title = `## ${group === "growth" ? "A year of data" : "Now"}`;
  const part = `${title}\n\n${day}, commit ${commit || "unknown"}\n\n\`\`\`text\n${lines.join("\n").trim()}\n\`\`\`\n`;
  const others = existsSync(PAGE)
    ? readFileSync(PAGE, "utf8")
        .split(/^(?=## )/m)
        .slice(1)
    : [];
  const kept = others.map((other) => other.trim()).filter((other) => !other.startsWith(`${title}\n`));
  writeFileSync(PAGE, `${[HEAD.trim(), ...kept, part.trim()].join("\n\n")}\n`);
}
