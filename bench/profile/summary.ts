import { relative } from "node:path";
import { fileURLToPath } from "node:url";

interface Node {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

/** A profile as V8 writes it. */
export interface CpuProfile {
  readonly nodes: readonly Node[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Shares of the time that the process was not idle, from 0 to 1. */
export interface Summary {
  /** Spent in code of a package, of a folder of ours, or of Node and V8. */
  readonly places: readonly Share[];
  /** Spent in a function itself. */
  readonly self: readonly Share[];
  /** Spent in a function and in all that it calls before it first gives the thread back. */
  readonly inclusive: readonly Share[];
}

interface Share {
  readonly name: string;
  readonly share: number;
}

const IDLE = new Set(["(idle)", "(program)", "(root)"]);
const root = new URL("../../", import.meta.url).pathname;

/** Adds the samples of a profile up. */
export function summarise({ nodes, samples, timeDeltas }: CpuProfile): Summary {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id] as const)));
  const selfUs = new Map<number, number>();
  for (const [index, id] of samples.entries()) selfUs.set(id, (selfUs.get(id) ?? 0) + (timeDeltas[index] ?? 0));

  const totals = { places: new Map<string, number>(), self: new Map<string, number>(), all: new Map<string, number>() };
  let busyUs = 0;
  for (const [id, us] of selfUs) {
    const node = byId.get(id) as Node;
    // The inspector is this profile's own cost.
    if (IDLE.has(node.callFrame.functionName) || node.callFrame.url === "node:inspector") continue;
    busyUs += us;
    add(totals.places, placeOf(node), us);
    add(totals.self, nameOf(node), us);
    const above = new Set<string>();
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at))
      above.add(nameOf(byId.get(at) as Node));
    for (const name of above) add(totals.all, name, us);
  }
  const shares = (total: Map<string, number>) =>
    [...total].map(([name, us]) => ({ name, share: us / busyUs })).sort((a, b) => b.share - a.share);
  return { places: shares(totals.places), self: shares(totals.self), inclusive: shares(totals.all) };
}

function add(total: Map<string, number>, name: string, us: number): void {
  total.set(name, (total.get(name) ?? 0) + us);
}

function pathOf({ callFrame: { url } }: Node): string {
  return url.startsWith("file:") ? relative(root, fileURLToPath(url)) : url;
}

function nameOf(node: Node): string {
  const { functionName, lineNumber } = node.callFrame;
  const path = pathOf(node).replace(/^.*node_modules\//, "");
  return `${functionName || "(anonymous)"}${path ? ` ${path}:${lineNumber + 1}` : ""}`;
}

/** `pg`, `@mikro-orm/core`, `server/wire/rest`, `node:internal`, or V8's own word for what is not JavaScript. */
function placeOf(node: Node): string {
  const path = pathOf(node);
  const [, packageName] = /^.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path) ?? [];
  if (packageName) return packageName;
  if (path.startsWith("node:")) return path.split("/").slice(0, 2).join("/");
  return path.split("/").slice(0, -1).join("/") || node.callFrame.functionName || "native code";
}
