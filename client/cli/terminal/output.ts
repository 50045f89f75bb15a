import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { stringify } from "yaml";
import type { Column } from "./columns.ts";
import { printable, type Terminal } from "./terminal.ts";

/** What -o takes. */
export const FORMATS = ["table", "json", "yaml", "name"] as const;
export type Format = (typeof FORMATS)[number];

/** How rows of one kind are written. */
export interface RowsOptions {
  readonly format: Format;
  readonly columns: readonly Column[];
  /** The field that `-o name` prints. */
  readonly id: string;
}

/** Writes rows page by page: columns are as wide as those of the first page need, and grow. */
export async function writeRows(
  terminal: Terminal,
  pages: AsyncIterable<readonly JsonObject[]>,
  { format, columns, id }: RowsOptions,
): Promise<void> {
  let written = 0;
  const all: JsonObject[] = [];
  let widths: number[] = [];
  for await (const page of pages) {
    if (format === "json") all.push(...page);
    else if (format === "yaml") terminal.writeData(page.length > 0 ? stringify(page) : "");
    else if (format === "name") terminal.writeData(page.map((row) => `${row[id]}\n`).join(""));
    else widths = writeTable(terminal, page, columns, widths, written === 0);
    written += page.length;
  }
  if (format === "json") terminal.writeData(`${JSON.stringify(all, null, 2)}\n`);
  if (format === "table" && written === 0) terminal.note("There are none.");
}

function writeTable(
  terminal: Terminal,
  rows: readonly JsonObject[],
  columns: readonly Column[],
  before: readonly number[],
  isFirst: boolean,
): number[] {
  if (rows.length === 0) return [...before];
  const cells = rows.map((row) => columns.map((column) => printable(column.show(row)).replace(/\s+/g, " ")));
  const widths = columns.map(({ title }, index) =>
    Math.max(before[index] ?? 0, title.length, ...cells.map((row) => widthOf(row[index] ?? ""))),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, index) => pad(cell, widths[index] ?? 0, columns[index]?.isNumber ?? false))
      .join("  ")
      .trimEnd();
  if (isFirst) terminal.write(`${terminal.style("bold", line(columns.map(({ title }) => title)))}\n`);
  terminal.write(cells.map((row) => `${line(row)}\n`).join(""));
  return widths;
}

function pad(text: string, width: number, isNumber: boolean): string {
  const blank = " ".repeat(Math.max(0, width - widthOf(text)));
  return isNumber ? blank + text : text + blank;
}

/** Characters as people see them, those of East Asia and emoji as two columns. */
function widthOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  const graphemes = [...new Intl.Segmenter().segment(text)].map(({ segment }) => segment);
  return graphemes.reduce(
    (width, each) => width + (/\p{Extended_Pictographic}|[\u1100-\u115f\u2e80-\uffdc]/u.test(each) ? 2 : 1),
    0,
  );
}

/** Writes what has no columns for -o: YAML if that is asked for, else JSON. */
export function writeValue(terminal: Terminal, value: JsonValue, format: Format): void {
  terminal.writeData(format === "yaml" ? stringify(value) : `${JSON.stringify(value, null, 2)}\n`);
}

/** One of several that come one after the other: a line of JSON, or a document of YAML. */
export function writeEach(terminal: Terminal, value: JsonValue, format: Format): void {
  terminal.writeData(format === "yaml" ? `---\n${stringify(value)}` : `${JSON.stringify(value)}\n`);
}

/** Writes one thing: in full, each field that says something, one below the other. */
export function writeThing(terminal: Terminal, thing: JsonObject, format: Format, id: string): void {
  if (format === "json") terminal.writeData(`${JSON.stringify(thing, null, 2)}\n`);
  else if (format === "name") terminal.writeData(`${thing[id]}\n`);
  else terminal.writeData(stringify(format === "yaml" ? thing : (told(thing) as JsonObject)));
}

/** What a reader would skip is left out: empty texts, empty objects, zeros; times are told as times. */
function told(value: JsonValue, name = ""): JsonValue | undefined {
  if (Array.isArray(value)) return value.length > 0 ? value.map((each) => told(each) ?? null) : undefined;
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).flatMap(([key, inner]) => {
      const shown = told(inner, key);
      return shown === undefined ? [] : [[key, shown] as const];
    });
    return entries.length > 0 ? Object.fromEntries(entries) : undefined;
  }
  if (/(At|since)$/.test(name) && /^\d{12,}$/.test(String(value))) return new Date(Number(value)).toISOString();
  return value === "" || value === "0" || value === 0 || value === null ? undefined : value;
}
