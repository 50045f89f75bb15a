/**
 * Builds the packages of clients into dist-client: `npm run client:build`, or only some of them, `-- python go`. Each needs
 * its language, and that language's registry for the generators.
 */
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ROOT, writeContract } from "./client-packages/contract.ts";
import { buildGo } from "./client-packages/go.ts";
import { buildPython } from "./client-packages/python.ts";
import { buildTypescript } from "./client-packages/typescript.ts";

const BUILDERS = { typescript: buildTypescript, python: buildPython, go: buildGo };

const target = join(ROOT, "dist-client");
const names = process.argv.slice(2);
const unknown = names.filter((name) => !Object.hasOwn(BUILDERS, name));
if (unknown.length > 0) throw new Error(`there is no client in ${unknown}; there are ${Object.keys(BUILDERS)}`);

mkdirSync(target, { recursive: true });
const contract = join(target, "contract.binpb");
writeContract(contract);
for (const [name, build] of Object.entries(BUILDERS)) {
  if (names.length > 0 && !names.includes(name)) continue;
  const folder = join(target, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
  build(folder, contract);
  console.log(`built ${name}: ${folder}`);
}
