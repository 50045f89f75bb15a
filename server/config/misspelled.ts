import { editDistance } from "../base/names.ts";
import { SETTINGS } from "./settings.ts";

const NAMES = SETTINGS.map(({ name }) => name);
/** Shorter names are near to ordinary ones: HOME to HOST, PATH to PORT. */
const LEAST_LENGTH = 6;
const PREFIX = /^PATCHBAY_/i;

/** A variable of the environment that does nothing, and the setting that it is almost called. */
export interface Misspelled {
  readonly name: string;
  readonly meant: string;
}

/** The variables that are almost settings: by a slip, in small letters, with our name before them, or in another order. */
export function misspelledSettings(environment: Readonly<NodeJS.ProcessEnv>): Misspelled[] {
  return Object.keys(environment).flatMap((name) => {
    if (NAMES.includes(name)) return [];
    const meant = NAMES.find((known) => isAlmost(name, known));
    return meant === undefined ? [] : [{ name, meant }];
  });
}

function isAlmost(name: string, known: string): boolean {
  const plain = name.replace(PREFIX, "").toUpperCase().replaceAll(/[-.]/g, "_");
  // Programs have a `host` or a `port` of their own; who writes our name before it means ours.
  if (plain === known) return PREFIX.test(name) || known.length >= LEAST_LENGTH;
  if (plain.length < LEAST_LENGTH) return false;
  return isReordered(plain, known) || (plain.slice(0, 3) === known.slice(0, 3) && isSlip(plain, known));
}

/** ALLOW_EGRESS for EGRESS_ALLOW. */
function isReordered(name: string, known: string): boolean {
  return known.includes("_") && name.split("_").sort().join() === known.split("_").sort().join();
}

function isSlip(name: string, known: string): boolean {
  const isPart = name.includes(known) || known.includes(name);
  return !isPart && Math.abs(name.length - known.length) <= 2 && editDistance(name, known) <= 2;
}
