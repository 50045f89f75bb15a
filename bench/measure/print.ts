import { type Finding, type Unmeasured, verdictOf } from "./finding.ts";
import type { Results } from "./rounds.ts";
import type { Figure } from "./stats.ts";

const said: string[] = [];

/** Prints a line, which the file of results has, too. */
export function say(line: string): void {
  said.push(line);
  console.log(line);
}

/** All that was said so far. */
export function allSaid(): readonly string[] {
  return said;
}

/** Prints what every contender did: medians over the rounds, with the spread of the CPU time. */
export function printResults(title: string, results: Results): void {
  const lines = results.names.map((name) => {
    const [cpu, database, wait, p50, p99, first, rate] = (
      ["cpuUs", "databaseUs", "waitShare", "p50Ms", "p99Ms", "firstMs", "perSecond"] as const
    ).map((metric) => results.figure(name, metric)) as [Figure, Figure, Figure, Figure, Figure, Figure, Figure];
    const isMeasured = !Number.isNaN(cpu.median);
    return [
      name,
      isMeasured ? `${digits(cpu.median)} (${digits(cpu.low)}–${digits(cpu.high)})` : "",
      isMeasured && database.median > 0 ? digits(database.median) : "",
      isMeasured ? `${Math.round(wait.median * 100)} %` : "",
      digits(first.median),
      digits(p50.median),
      digits(p99.median),
      digits(rate.median),
    ];
  });
  say(`\n${title}`);
  printTable([
    ["", "CPU µs a request", "PostgreSQL µs", "kept waiting", "first ms", "p50 ms", "p99 ms", "a second"],
    ...lines,
  ]);
}

/** Prints the lines that design.md's table is compared with. */
export function printFindings(findings: readonly Finding[]): void {
  const lines = findings.map((finding) => {
    const { what, against, target, figure, unit } = finding;
    const value = `${digits(figure.median)}${unit} (${digits(figure.low)}–${digits(figure.high)})`;
    return [what, against, `≤ ${target}${unit}`, value, verdictOf(finding)];
  });
  printTable([["what", "against", "wanted", "figure (spread)", "verdict"], ...lines]);
}

/** Prints what a reader of the table will miss. */
export function printUnmeasured(rows: readonly Unmeasured[]): void {
  for (const { what, why } of rows) say(`  not measured: ${what}: ${why}`);
}

/** Prints columns, the first one to the left. */
export function printTable(lines: readonly (readonly string[])[]): void {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => [...(line[column] ?? "")].length)),
  );
  for (const line of lines) {
    const cells = line.map((cell, column) => {
      const gap = " ".repeat((widths[column] ?? 0) - [...cell].length);
      return column === 0 ? cell + gap : gap + cell;
    });
    say(`  ${cells.join("   ").trimEnd()}`);
  }
}

/** Three digits are more than a measurement on a shared machine is worth. */
function digits(value: number): string {
  const size = Math.abs(value);
  if (Number.isNaN(value)) return "–";
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  return size >= 0.1 || size === 0 ? value.toFixed(2) : value.toPrecision(1);
}
