import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** What a running PostgreSQL says of itself in its data folder. */
export interface Postmaster {
  readonly pid: number;
  readonly socketFolder: string;
  readonly ready: boolean;
}

/** The PostgreSQL that runs over a data folder; undefined if none does. */
export async function readPostmaster(clusterFolder: string): Promise<Postmaster | undefined> {
  const text = await readFile(join(clusterFolder, "postmaster.pid"), "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
  // https://www.postgresql.org/docs/18/storage-file-layout.html: pid, folder, start time, port, socket folder,
  // listen address, shared memory, status.
  const lines = text.split("\n");
  const pid = Number(lines[0]);
  const socketFolder = lines[4] ?? "";
  if (!pid || !socketFolder || !isAlive(pid)) return undefined;
  return { pid, socketFolder, ready: lines[7]?.trim() === "ready" };
}

/** Whether a process lives, whoever owns it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
