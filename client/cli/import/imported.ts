import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { Finding } from "./findings.ts";

/** A manifest that does what another's configuration does, with the keys of its callers, and what became of each field. */
export interface Imported {
  readonly llms: JsonObject[];
  readonly providers: JsonObject[];
  readonly routes: JsonObject[];
  readonly keys: readonly ImportedKey[];
  readonly findings: readonly Finding[];
}

/** A key that programs call the other gateway with. */
export interface ImportedKey {
  /** What it is known by, there and here. */
  readonly displayName: string;
  /** What it may take here; the fields of HolderLimits. */
  readonly limits: JsonObject;
  /** When it ends, in milliseconds since 1970; "0": never. */
  readonly expiresAt: string;
  /** Its text, with which it goes on; undefined: nobody here has it, and a new one is made. */
  readonly secret: string | undefined;
}

/** A list that may not be there. */
export function listIn(value: JsonValue | undefined): JsonValue[] {
  return Array.isArray(value) ? value : [];
}

/** Dollars for a million of something, from those for one; undefined for what is no price. */
export function perMillion(dollars: unknown): string | undefined {
  const rate = Number(dollars);
  if (dollars === null || dollars === "" || !Number.isFinite(rate) || rate < 0) return undefined;
  return (rate * 1_000_000).toFixed(6).replace(/\.?0+$/, "") || "0";
}

/** What the contract takes for no name of an Llm. */
const RESERVED = /^(default|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** A name as the contract takes it for aliases and routes. */
export function slugOf(name: string): string {
  const words = name.toLowerCase().replace(/[^a-z0-9._/-]+/g, "-");
  const parts = words.split("/").filter((part) => !/^\.{0,2}$/.test(part));
  const slug = parts
    .join("/")
    .replace(/^[^a-z0-9]+/, "")
    .slice(0, 58)
    .replace(/[/.]+$/, "");
  return slug === "" || RESERVED.test(slug) ? `llm-${slug}`.replace(/-$/, "") : slug;
}

/** A name as the contract takes it for Providers: without slashes. */
export function providerNameOf(name: string): string {
  return slugOf(name).replaceAll("/", "-");
}

/** A name for a Provider by where it is: `api.openai.com` is openai. */
export function nameOfHost(url: string): string {
  const host = URL.canParse(url) ? new URL(url).hostname : url;
  return providerNameOf(host.replace(/^(api|www)\./, "").replace(/\.(com|ai|io|dev|net|org)$/, ""));
}
