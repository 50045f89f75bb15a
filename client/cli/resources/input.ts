import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { type Document, isMap, LineCounter, parseDocument } from "yaml";
import { UsageError } from "../failure.ts";
import { readFile } from "../terminal/secrets.ts";
import { readStdin } from "../terminal/stdin.ts";
import type { Flag } from "./nouns.ts";

/** A YAML or JSON file with one object; `-` is the standard input. */
export async function readObject(path: string): Promise<JsonObject> {
  return (await readSource(path)).fields;
}

/** Fields from a file, and where in it they are. */
export interface Source {
  readonly fields: JsonObject;
  has(path: string): boolean;
  /** The file with the line of a field, or of what should have it. */
  place(path: string): string;
}

/** Like `readObject`; no path is no fields. */
export async function readSource(path: string | undefined): Promise<Source> {
  if (path === undefined) return { fields: {}, has: () => false, place: () => "" };
  const text = path === "-" ? await readStdin() : readFile(path);
  const { value, has, place } = readYaml(text, path === "-" ? "the standard input" : path);
  if (isObject(value)) return { fields: value, has, place };
  throw new UsageError(`${path} must hold an object with the fields of the request.`);
}

/** Reads YAML, of which JSON is a part; what is wrong is told with its line. */
export function parseYaml(source: string, place: string): JsonValue {
  return readYaml(source, place).value;
}

/** What YAML holds, and where. */
export interface Yaml extends Omit<Source, "fields"> {
  readonly value: JsonValue;
}

/** Like `parseYaml`. */
export function readYaml(source: string, place: string): Yaml {
  const lines = new LineCounter();
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: true });
  const [error] = document.errors;
  if (error) throw new UsageError(`${place} is not valid YAML: ${error.message}`, { cause: error });
  return {
    value: document.toJS() as JsonValue,
    has: (path) => document.hasIn(stepsOf(path)),
    place: (path) => `${place}:${lines.linePos(offsetOf(document, stepsOf(path))).line}`,
  };
}

/** `llms[0].price` as the steps that lead there. */
function stepsOf(path: string): (string | number)[] {
  const steps = path.match(/[^.[\]"]+/g) ?? [];
  return steps.map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}

/** Where something begins, or else what should hold it. */
function offsetOf(document: Document, steps: (string | number)[]): number {
  if (steps.length === 0) return 0;
  const holder = document.getIn(steps.slice(0, -1), true) ?? document.contents;
  if (isMap(holder)) {
    const key = holder.items.find((pair) => String(pair.key) === String(steps.at(-1)))?.key;
    if (key) return rangeOf(key);
  } else if (document.hasIn(steps)) return rangeOf(document.getIn(steps, true));
  return offsetOf(document, steps.slice(0, -1));
}

function rangeOf(node: unknown): number {
  return (node as { range?: [number, number, number] | null }).range?.[0] ?? 0;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The fields that flags stand for. What is no value of the field is refused here, where the flag has a name. */
export function readFlags(flags: readonly Flag[], values: Readonly<Record<string, unknown>>): JsonObject {
  const fields: JsonObject = {};
  for (const flag of flags) {
    const value = values[camel(flag.name)];
    if (value !== undefined) putAt(fields, flag.field.split("."), readFlag(flag, value as string | string[]));
  }
  return fields;
}

function readFlag({ name, value: kind }: Flag, value: string | string[]): JsonValue {
  if (kind === "llms") return [value].flat().map((tier) => readTier(name, tier));
  if (Array.isArray(value)) return Object.fromEntries(value.map((pair) => readPair(name, pair)));
  if (kind === "seconds" || kind === "ms" || kind === "count") return readNumber(name, value);
  if (kind === "names") return value.split(",").map((each) => each.trim());
  if (kind === "spending") return readSpending(name, value);
  if (kind === "date") return readDate(name, value);
  if (kind === "dollars") return value.replace(/^\$/, "");
  return value;
}

export function readPair(flag: string, pair: string): [string, string] {
  const at = pair.indexOf("=");
  if (at < 1) throw new UsageError(`--${flag} is "${pair}"; it must be key=value.`);
  return [pair.slice(0, at), pair.slice(at + 1)];
}

export function readNumber(flag: string, value: string): number {
  const number = Number(value);
  if (/^-?\d+(\.\d+)?$/.test(value) && Number.isFinite(number)) return number;
  throw new UsageError(`--${flag} is "${value}"; it must be a number.`);
}

const SPAN_MS: Readonly<Record<string, number>> = { d: 86_400_000, h: 3_600_000, m: 60_000 };

/** A date, a time, `never`, or a span from now such as 30d; in milliseconds as the contract has them. */
function readDate(flag: string, value: string): string {
  if (value === "never") return "0";
  const [, count, unit] = /^(\d{1,5})([dhm])$/.exec(value) ?? [];
  const at = unit ? Date.now() + Number(count) * (SPAN_MS[unit] as number) : Date.parse(value);
  if (Number.isFinite(at)) return String(at);
  throw new UsageError(`--${flag} is "${value}"; it must be a date such as 2027-01-31, a span such as 30d, or never.`);
}

/** Puts `path=value` into an object; the value is read as YAML, so that numbers are numbers. */
export function setPath(target: JsonObject, assignment: string): void {
  const [path, source] = readPair("set", assignment);
  const names = path.split(".");
  if (names.includes("inlineSecret")) {
    throw new UsageError("--set takes no secret: arguments are seen by everybody on this machine. Use --key-env NAME.");
  }
  putAt(target, names, parseYaml(source, `--set ${path}`));
}

/** Puts a value into an object, making the objects on the way to it. */
function putAt(target: JsonObject, names: readonly string[], value: JsonValue): void {
  let object = target;
  for (const name of names.slice(0, -1)) {
    const inner = object[name];
    const next = isObject(inner) ? inner : {};
    object[name] = next;
    object = next;
  }
  object[names.at(-1) as string] = value;
}

/** `gpt=2,azure`: Llms with their weights. */
function readTier(flag: string, tier: string): JsonObject {
  const targets = tier.split(",").map((each) => {
    const [, llmId, weight] = /^\s*([^=\s]+)\s*(?:=\s*(\d{1,5})\s*)?$/.exec(each) ?? [];
    if (!llmId) throw new UsageError(`--${flag} is "${tier}"; it must be Llms with commas, such as gpt=2,azure.`);
    return { llmId, ...(weight === undefined ? {} : { weight: Number(weight) }) };
  });
  return { targets };
}

/** `25/month`: dollars, and when they are forgotten. */
function readSpending(flag: string, value: string): JsonObject {
  const [, amountUsd, period = ""] = /^(\d+(?:\.\d+)?)\/(day|month|total)$/i.exec(value) ?? [];
  if (amountUsd) return { amountUsd, period: period.toUpperCase() };
  throw new UsageError(`--${flag} is "${value}"; it must be dollars in a period, such as 25/month.`);
}

/** As commander names the value of a flag. */
export function camel(name: string): string {
  return name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}
