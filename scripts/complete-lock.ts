/**
 * Adds to package-lock.json what npm leaves out of it: platform packages that the registry at hand does not carry, such
 * as a linter's for another operating system. `npm ci` insists on an entry for each, and then skips those that are for
 * other platforms. `npm run lock` runs this after npm has written the file.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface Entry {
  version?: string;
  os?: string[];
  cpu?: string[];
  dev?: boolean;
  optional?: boolean;
  optionalDependencies?: Record<string, string>;
}

const file = join(import.meta.dirname, "../package-lock.json");
const lock: { packages: Record<string, Entry> } = JSON.parse(readFileSync(file, "utf8"));
const added: string[] = [];

for (const [path, { dev, optionalDependencies = {} }] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const isThere = `${path}/node_modules/${name}` in lock.packages || `node_modules/${name}` in lock.packages;
    const [, os, cpu] = /(android|darwin|freebsd|linux|openharmony|win32)-([a-z0-9]+)/.exec(name) ?? [];
    if (isThere || !os || !cpu || !/^\d/.test(version)) continue;
    lock.packages[`node_modules/${name}`] = {
      version,
      ...(dev ? { dev } : {}),
      optional: true,
      os: [os],
      cpu: [cpu.replace("armv7", "arm")],
    };
    added.push(name);
  }
}

const [root, ...packages] = Object.entries(lock.packages);
packages.sort(([a], [b]) => (a < b ? -1 : 1));
lock.packages = Object.fromEntries([...(root ? [root] : []), ...packages]);
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(
  `package-lock.json: ${added.length} platform packages added${added.length > 0 ? `: ${added.join(", ")}` : ""}`,
);
