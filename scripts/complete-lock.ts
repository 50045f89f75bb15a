/**
 * Adds to package-lock.json what npm leaves out of it: platform packages that the registry at hand does not carry, such
 * as a linter's for another operating system. `npm ci` insists on an entry for each, and then skips those that are for
 * other platforms. And what a package must be to the byte, which npm forgets of those that are installed already: it is
 * taken from a lock file that npm makes from nothing. `npm run lock` runs this after npm has written the file.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

interface Entry {
  version?: string | undefined;
  integrity?: string;
  os?: string[];
  cpu?: string[];
  dev?: boolean;
  optional?: boolean;
  optionalDependencies?: Record<string, string>;
}

interface Lock {
  packages: Record<string, Entry>;
}

const folder = join(import.meta.dirname, "..");
const file = join(folder, "package-lock.json");
const lock: Lock = JSON.parse(readFileSync(file, "utf8"));
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

const unsure = Object.entries(lock.packages).filter(([path, { integrity }]) => path !== "" && integrity === undefined);
const fresh = unsure.length > 0 ? lockFromNothing() : { packages: {} };
for (const [path, entry] of unsure) {
  const found = fresh.packages[path];
  // A newer one may have come out since. It is within what package.json asks for, and what is known to the byte is better.
  const known = found?.version === entry.version ? entry : found;
  if (found?.integrity !== undefined) {
    lock.packages[path] = { version: found.version, integrity: found.integrity, ...known };
  } else {
    console.error(`package-lock.json: ${path} has no integrity`);
  }
}

const [root, ...packages] = Object.entries(lock.packages);
packages.sort(([a], [b]) => (a < b ? -1 : 1));
lock.packages = Object.fromEntries([...(root ? [root] : []), ...packages]);
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(
  `package-lock.json: ${added.length} platform packages added${added.length > 0 ? `: ${added.join(", ")}` : ""}`,
);

function lockFromNothing(): Lock {
  const scratch = mkdtempSync(join(tmpdir(), "patchbay-lock-"));
  try {
    for (const name of ["package.json", ".npmrc"]) copyFileSync(join(folder, name), join(scratch, name));
    const options = ["--package-lock-only", "--prefer-offline", "--omit-lockfile-registry-resolved"];
    execFileSync("npm", ["install", ...options], { cwd: scratch, stdio: "inherit" });
    return JSON.parse(readFileSync(join(scratch, "package-lock.json"), "utf8"));
  } finally {
    rmSync(scratch, { recursive: true });
  }
}
