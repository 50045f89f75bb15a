import { editDistance } from "../../base/names.ts";

/** A method, and the template or the path that it is served at, such as `/v1/things/{thing_id}:turn`. */
export interface ServedPath {
  readonly method: string;
  readonly path: string;
}

/** Longer paths are nobody's slip of the finger. */
const MAX_LENGTH = 200;
const MAX_PARTS = 8;
/** How much may be wrong with a path: a part too much or too little, or a prefix and a letter or two. */
const FARTHEST = 3;
const TOO_MUCH_COST = 2;
const TOO_LITTLE_COST = 3;
const PREFIX_COST = 1;
/** What stands where an id belongs may be anything: it shows less than a word does. */
const ID_COST = 0.7;
/** That the method is another one. */
const METHOD_COST = 0.5;
/** Less than that: who makes something by POST is told of the PUT that makes it, by its name. */
const NAME_COST = 0.4;
const MOST_PARTS_BESIDE = 2;
/** What many paths begin with, and what is left out or added most easily. */
const PREFIX = /^(v\d+|api)$/;
/** A verb that is written as a part of its own. */
const SLASH_COST = 1;

/** Knows what somebody may have meant who called a path that is not served, or not by that method. */
export class NearestPaths {
  readonly #served: readonly { readonly one: ServedPath; readonly parts: readonly string[] }[];

  constructor(served: readonly ServedPath[]) {
    this.#served = served.map((one) => ({ one, parts: partsOf(one.path) }));
  }

  /** The likeliest; undefined where nothing is near. */
  find(method: string, path: string): ServedPath | undefined {
    const asked = path.length > MAX_LENGTH ? [] : partsOf(path);
    if (asked.length === 0 || asked.length > MAX_PARTS) return undefined;
    let nearest: ServedPath | undefined;
    let least = FARTHEST + METHOD_COST + 0.01;
    for (const { one, parts } of this.#served) {
      if (Math.abs(parts.length - asked.length) > MOST_PARTS_BESIDE) continue;
      // Of two that are as near, the one with the method that was asked for.
      const distance =
        method === "POST" && one.method === "PUT" && parts.at(-1) === "*"
          ? distanceOf(asked, parts.slice(0, -1)) + NAME_COST
          : distanceOf(asked, parts) + (one.method === method ? 0 : METHOD_COST);
      if (distance >= least) continue;
      least = distance;
      nearest = one;
    }
    return nearest;
  }
}

/** The parts between slashes; a verb with its colon, and a variable as `*`. */
function partsOf(path: string): string[] {
  return path
    .replace(/\{[^}]*\}/g, "*")
    .split("/")
    .flatMap((part) => part.split(/(?=:)/))
    .filter(Boolean);
}

/** The parts to add, to leave out, or to write otherwise. */
function distanceOf(asked: readonly string[], served: readonly string[]): number {
  let row = [0];
  for (const part of served) row.push((row.at(-1) ?? 0) + tooLittle(part));
  for (const part of asked) {
    const next = [(row[0] ?? 0) + tooMuch(part)];
    for (const [index, wanted] of served.entries()) {
      const written = (row[index] ?? 0) + differenceOf(part, wanted);
      const dropped = (row[index + 1] ?? 0) + tooMuch(part);
      next.push(Math.min(written, dropped, (next[index] ?? 0) + tooLittle(wanted)));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

function tooMuch(part: string): number {
  return PREFIX.test(part) ? PREFIX_COST : TOO_MUCH_COST;
}

/** Nobody forgets the id of what they mean. */
function tooLittle(part: string): number {
  if (part === "*") return FARTHEST + 1;
  return PREFIX.test(part) ? PREFIX_COST : TOO_LITTLE_COST;
}

function differenceOf(written: string, wanted: string): number {
  if (wanted === "*") return written.startsWith(":") ? FARTHEST + 1 : ID_COST;
  const [a, b] = [plain(written), plain(wanted)];
  const most = Math.max(1, Math.floor(b.length / 3));
  const distance = Math.abs(a.length - b.length) > most ? FARTHEST + 1 : editDistance(a, b);
  if (distance > most) return FARTHEST + 1;
  return distance + (written.startsWith(":") === wanted.startsWith(":") ? 0 : SLASH_COST);
}

function plain(part: string): string {
  return part.replaceAll(/[:_-]/g, "").toLowerCase();
}
