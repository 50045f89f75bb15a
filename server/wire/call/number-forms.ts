import { type DescField, ScalarType } from "@bufbuild/protobuf";
import type { Spelling } from "./spelling.ts";

const INTEGERS: ReadonlySet<ScalarType> = new Set([
  ScalarType.INT32,
  ScalarType.INT64,
  ScalarType.UINT32,
  ScalarType.UINT64,
]);

/** The seconds in each unit of a time that people write. */
const SECONDS: ReadonlyMap<string, number> = new Map([
  ["ms", 0.001],
  ["s", 1],
  ["m", 60],
  ["h", 3_600],
  ["d", 86_400],
  ["w", 604_800],
]);
const TIME =
  /^(\d{1,9}(?:\.\d{1,3})?) ?(ms|[smhdw])(?:ec|ecs|econds?|ins?|inutes?|rs?|ours?|ays?|eeks?|illis(?:econds)?)?$/i;

const MULTIPLES: ReadonlyMap<string, number> = new Map([
  ["", 1],
  ["%", 1],
  ["k", 1e3],
  ["m", 1e6],
  ["g", 1e9],
  ["b", 1e9],
]);
const COUNT = /^(\d{1,3}(?:[,_' ]\d{3})+|\d{1,15}(?:\.\d{1,6})?) ?([kmgb%]?)$/i;
const DOLLARS = /^(?:US)?\$? ?(\d{1,15}(?:\.\d{1,12})?) ?(?:\$|usd|dollars?)?$/i;

/**
 * What the number of a field must look like, in words, where its name tells the unit or what was written tells the
 * number; undefined where neither does. Of what was written nothing is repeated but a number with its unit.
 */
export function formOfNumber(field: DescField, written: unknown, spell: Spelling): string | undefined {
  if (field.fieldKind !== "scalar" || !INTEGERS.has(field.scalar)) return undefined;
  const text = typeof written === "string" || typeof written === "number" ? String(written).trim() : "";
  if (field.scalar === ScalarType.INT64 && field.name.endsWith("_at")) return formOfTime(text);
  const inDollars = field.parent.fields.find(({ name }) => name === `${field.name}_usd`);
  if (inDollars) return formOfAmount(text, spell(inDollars.name));
  const [, unit] = /_(ms|seconds|days|hours|minutes)$/.exec(field.name) ?? [];
  return unit === undefined ? formOfCount(text) : formOfPeriod(text, unit);
}

function formOfTime(text: string): string {
  const form = "must be a time in milliseconds since 1970-01-01 UTC, such as 1798761600000 for 2027-01-01";
  const [day] = /^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:?\d{2})?)?$/.exec(text) ?? [];
  const time = day === undefined ? Number.NaN : Date.parse(day);
  return Number.isNaN(time) ? form : `${form}; ${text} is ${time}`;
}

function formOfAmount(text: string, inDollars: string): string {
  const [, dollars = "25"] = DOLLARS.exec(text) ?? [];
  return `must be an integer of pico-dollars; for dollars give ${inDollars}: "${dollars}" instead`;
}

const UNIT_NAMES: ReadonlyMap<string, string> = new Map([["ms", "milliseconds"]]);
const IN_SECONDS: ReadonlyMap<string, number> = new Map([
  ["ms", 0.001],
  ["seconds", 1],
  ["minutes", 60],
  ["hours", 3_600],
  ["days", 86_400],
]);

function formOfPeriod(text: string, unit: string): string {
  const form = `must be a whole number of ${UNIT_NAMES.get(unit) ?? unit}`;
  const [, number, written = ""] = TIME.exec(text) ?? [];
  const seconds = Number(number) * (SECONDS.get(written.toLowerCase()) ?? Number.NaN);
  const value = Math.round(seconds / (IN_SECONDS.get(unit) ?? 1));
  return Number.isNaN(value) ? `${form}, without a unit` : `${form}, without a unit: ${value} for ${text}`;
}

function formOfCount(text: string): string | undefined {
  const [, number = "", multiple = ""] = COUNT.exec(text) ?? [];
  const value = Number(number.replaceAll(/[,_' ]/g, "")) * (MULTIPLES.get(multiple.toLowerCase()) ?? Number.NaN);
  if (number === "" || /^\d+$/.test(text) || !Number.isInteger(value)) return undefined;
  return `must be a whole number, in digits alone: ${value} for ${text}`;
}
