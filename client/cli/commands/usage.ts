import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { Command } from "commander";
import { LlmService } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { UsageService } from "../../../gen/patchbay/v1/usage_service_pb.ts";
import type { Connection } from "../calls/connection.ts";
import { namesFrom } from "../calls/field-names.ts";
import { resolveLlm } from "../calls/references.ts";
import { isCallError, UsageError } from "../failure.ts";
import { addExamples, collect, invocationOf } from "../invocation.ts";
import { readPair } from "../resources/input.ts";
import { pagesOf } from "../resources/pages.ts";
import { type Column, money, text } from "../terminal/columns.ts";
import { writeRows } from "../terminal/output.ts";

/** What rows can be told apart by: the word of QueryUsageRequest.GroupBy, and the field of the row. */
const GROUPS = {
  day: ["DAY", "day"],
  llm: ["LLM", "llmId"],
  model: ["MODEL", "model"],
  route: ["ROUTE", "routeId"],
  key: ["API_KEY", "apiKeyId"],
  person: ["SUBJECT", "subject"],
  owner: ["OWNER", "ownerId"],
  label: ["LABEL", "labelValue"],
} as const;
type Group = keyof typeof GROUPS;
const NAMES = Object.keys(GROUPS) as Group[];
const CHOICE = `${NAMES.slice(0, -1).join(", ")} or label=KEY`;

interface UsageFlags {
  readonly by: string;
  readonly from?: string;
  readonly to?: string;
  readonly llm?: string;
  readonly owner?: string;
  readonly label?: string[];
  readonly csv?: boolean;
}

const OPTIONS = namesFrom({
  groupBy: "--by",
  labelKey: "--by",
  startDay: "--from",
  endDay: "--to",
  ownerId: "--owner",
  llmId: "--llm",
  labels: "--label",
});

/** `patchbay usage`: what chats took and cost, as a table or for a spreadsheet. */
export function usageCommand(): Command {
  const command = new Command("usage").description("what chats took and cost").helpGroup("Using Llms:");
  command
    .option("--by <groups>", `a row for each ${CHOICE}; several with commas`, "llm")
    .option("--from <day>", "from this day in UTC, such as 2026-11-01")
    .option("--to <day>", "to this day in UTC, which is included")
    .option("--llm <llm>", "only of this Llm")
    .option("--owner <account>", "only of this account's Llms")
    .option("--label <key=value>", "only of Llms with this label; may be repeated", collect)
    .option("--csv", "comma-separated values, with costs in dollars in full");
  const examples = [
    "patchbay usage",
    "patchbay usage --by day,llm --from 2026-11-01 --csv",
    "patchbay usage --by label=team",
  ];
  return addExamples(command, examples).action(async (flags: UsageFlags) => {
    const { connect, terminal, format } = invocationOf(command);
    const connection = await connect(OPTIONS);
    const { groups, filter } = await readFilter(connection, flags);
    const pages = pagesOf(connection, { list: UsageService.method.queryUsage, items: "rows" }, filter);
    if (flags.csv) {
      terminal.writeData(csvLine([...groups, ...CSV_FIELDS]));
      for await (const page of pages) for (const row of page) terminal.writeData(csvRow(groups, row));
      return;
    }
    const named = groups.includes("llm") && format === "table" ? withNames(connection, pages) : pages;
    const columns = [...groups.map(columnOf), ...FIGURES];
    await writeRows(terminal, named, { format, columns, id: "llmId" });
  });
}

async function readFilter(connection: Connection, flags: UsageFlags) {
  const { groups, labelKey } = readGroups(flags.by);
  const filter: JsonObject = {
    groupBy: groups.map((group) => GROUPS[group][0]),
    labelKey,
    startDay: flags.from ?? "",
    endDay: flags.to ?? "",
    ownerId: flags.owner ?? "",
    llmId: flags.llm === undefined ? "" : await resolveLlm(connection, flags.llm),
    labels: Object.fromEntries((flags.label ?? []).map((pair) => readPair("label", pair))),
  };
  return { groups, filter };
}

function readGroups(words: string): { groups: Group[]; labelKey: string } {
  let labelKey = "";
  const groups = words.split(",").map((word) => {
    const [name = "", key = ""] = word.trim().split("=");
    const group = NAMES.find((known) => known === name.toLowerCase());
    if (group === "label") labelKey = key;
    if (group && (group === "label") === (key !== "")) return group;
    throw new UsageError(`--by is "${words}"; it must be ${CHOICE}, several with commas.`);
  });
  return { groups, labelKey };
}

function columnOf(group: Group): Column {
  if (group === "llm") return { title: "LLM", show: (row) => String(row.name ?? row.llmId) };
  return text(group.toUpperCase(), GROUPS[group][1]);
}

function count(title: string, field: string): Column {
  return { ...text(title, field), isNumber: true };
}

/** A reply without a price is never taken for free: it stands in a column of its own. */
const FIGURES: readonly Column[] = [
  count("REPLIES", "replies"),
  count("INPUT", "inputTokens"),
  count("OUTPUT", "outputTokens"),
  money("COST", "cost"),
  count("UNPRICED", "unpricedReplies"),
  count("ESTIMATED", "estimatedReplies"),
];

const CSV_FIELDS = [
  "replies",
  "unpricedReplies",
  "estimatedReplies",
  "refusedCalls",
  "inputTokens",
  "outputTokens",
  "cacheReadTokens",
  "cacheWriteTokens",
  "reasoningTokens",
  "costUsd",
];

function csvRow(groups: readonly Group[], row: JsonObject): string {
  const cells = groups.map((group) => String(row[GROUPS[group][1]] ?? ""));
  const figures = CSV_FIELDS.map((field) => (field === "costUsd" ? dollars(row.cost) : String(row[field] ?? "")));
  return csvLine([...cells, ...figures]);
}

/** All twelve places: a sum of what is shown is the sum. */
function dollars(cost: JsonValue | undefined): string {
  const pico = String(cost ?? "0").padStart(13, "0");
  return `${pico.slice(0, -12)}.${pico.slice(-12)}`;
}

/** By RFC 4180; what a spreadsheet would take for a formula is a text. */
function csvLine(cells: readonly string[]): string {
  const quoted = cells.map((cell) => {
    const safe = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  });
  return `${quoted.join(",")}\r\n`;
}

/** More names than a person reads are not asked for. */
const MAX_NAMES = 200;

/** Llms by their names, where they still have one. */
async function* withNames(connection: Connection, pages: AsyncIterable<JsonObject[]>): AsyncGenerator<JsonObject[]> {
  const names = new Map<string, string>();
  for await (const page of pages) {
    const ids = new Set(page.map(({ llmId }) => String(llmId)));
    for (const id of ids) {
      if (!names.has(id) && names.size < MAX_NAMES) names.set(id, await nameOf(connection, id));
    }
    yield page.map((row) => ({ ...row, name: names.get(String(row.llmId)) ?? row.llmId ?? "" }));
  }
}

async function nameOf(connection: Connection, llmId: string): Promise<string> {
  try {
    const { llm } = await connection.call(LlmService.method.getLlm, { llmId });
    return String((llm as JsonObject).displayName);
  } catch (error) {
    if (isCallError(error)) return llmId; // It is deleted, or not the caller's to see.
    throw error;
  }
}
