import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isObject } from "../resources/input.ts";

/** What became of one field of the other's configuration. */
export interface Finding {
  readonly path: string;
  readonly verdict: "taken" | "taken as" | "not taken";
  readonly message: string;
}

/** A value that has none in it, and where it is. */
interface Leaf {
  readonly path: string;
  readonly value: JsonValue;
}

/** Why something is not taken: the same for all of it, or as its path has it. */
type Reason = string | ((path: string) => string);

/** What became of each field, as it is found out. No message has a key in it. */
export class Findings {
  readonly all: Finding[] = [];

  take(path: string, verdict: Finding["verdict"], message: string): void {
    this.all.push({ path, verdict, message });
  }

  /** A value that is not taken, each of its leaves. */
  refuse(value: JsonValue | undefined, path: string, reason: Reason) {
    for (const leaf of leavesOf(value ?? null, path)) {
      this.take(leaf.path, "not taken", typeof reason === "string" ? reason : reason(leaf.path));
    }
  }

  /** The fields of an object that are not known, each of their leaves. */
  refuseOthers(object: JsonObject, path: string, known: readonly string[], reason: Reason) {
    for (const [key, value] of Object.entries(object)) {
      if (!known.includes(key)) this.refuse(value, path ? `${path}.${key}` : key, reason);
    }
  }
}

/** All values of a configuration that have none in them; an empty list and an empty object are leaves, too. */
export function leavesOf(value: JsonValue, path: string): Leaf[] {
  const inner: [string, JsonValue | undefined][] = Array.isArray(value)
    ? value.map((each, index) => [`${path}[${index}]`, each])
    : isObject(value)
      ? Object.entries(value).map(([key, each]) => [path ? `${path}.${key}` : key, each])
      : [];
  return inner.length === 0 ? [{ path, value }] : inner.flatMap(([place, each]) => leavesOf(each ?? null, place));
}

/** The leaves of which nothing is said: there are none, or the import keeps silent about something. */
export function silentLeaves(config: JsonValue, findings: readonly Finding[]): string[] {
  const told = findings.map(({ path }) => path);
  const isTold = (leaf: string) =>
    told.some((path) => leaf === path || leaf.startsWith(`${path}.`) || leaf.startsWith(`${path}[`));
  return leavesOf(config, "")
    .map(({ path }) => path)
    .filter((leaf) => !isTold(leaf));
}
