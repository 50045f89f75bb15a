import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { StartError } from "../../base/fault.ts";

/** Who PostgreSQL runs as. */
export interface SystemUser {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

/** Users of this machine that PostgreSQL may run as when we are root, which it refuses to be; the first one wins. */
const CANDIDATES = ["postgres", "nobody"];

/** Undefined: PostgreSQL can run as ourselves. */
export function systemUser(): SystemUser | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  const users = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  for (const candidate of CANDIDATES) {
    const [name, , uid, gid] = users.find(([known]) => known === candidate) ?? [];
    if (name && Number(uid) > 0) return { uid: Number(uid), gid: Number(gid), name };
  }
  throw new StartError(
    `PostgreSQL does not run as root, and this machine has no user named ${CANDIDATES.join(" or ")}. ` +
      "Start Patchbay as an ordinary user, or set DATABASE_URL.",
  );
}

/** Whether a user may walk down to a path: every folder above it must let it pass. */
export function canReach(user: SystemUser, path: string): boolean {
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const { mode, uid, gid } = statSync(folder);
    const execute = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
    if ((mode & execute) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}
