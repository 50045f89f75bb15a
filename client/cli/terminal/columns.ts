import type { JsonObject, JsonValue } from "@bufbuild/protobuf";

/** A column of a table. */
export interface Column {
  readonly title: string;
  show(row: JsonObject): string;
  /** Numbers stand at the right. */
  readonly isNumber?: boolean;
}

/** A field as it is. */
export function text(title: string, field: string): Column {
  return { title, show: (row) => plain(row[field]) };
}

/** A claim: shown only where it is true. */
export function yes(title: string, field: string): Column {
  return { title, show: (row) => (row[field] ? "yes" : "") };
}

/** A time in milliseconds, in this machine's zone. */
export function date(title: string, field: string): Column {
  return { title, show: (row) => presentTime(row[field]) };
}

/** An amount in pico-dollars. */
export function money(title: string, field: string): Column {
  return { title, show: (row) => presentMoney(row[field]), isNumber: true };
}

function plain(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function presentTime(value: JsonValue | undefined): string {
  const ms = Number(value ?? 0);
  if (!ms) return "";
  const pad = (part: number) => String(part).padStart(2, "0");
  const at = new Date(ms);
  const day = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  return `${day} ${pad(at.getHours())}:${pad(at.getMinutes())}`;
}

const PICO_IN_DOLLAR = 1_000_000_000_000n;

/** Pico-dollars as dollars: cents, and more places where there is less than a cent to see. Empty when not known. */
export function presentMoney(value: JsonValue | bigint | undefined): string {
  if (value === undefined || value === null || value === "") return "";
  const pico = BigInt(value as string | bigint);
  const whole = pico / PICO_IN_DOLLAR;
  const fraction = String(pico % PICO_IN_DOLLAR).padStart(12, "0");
  const places = whole === 0n && pico > 0n ? Math.max(2, fraction.search(/[1-9]/) + 3) : 2;
  const shown = fraction.slice(0, places).replace(/(?<=^\d{2}.*?)0+$/, "");
  return `$${whole}.${shown}`;
}
