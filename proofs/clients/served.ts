import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { unzipSync } from "fflate";
import { isOffline } from "../../server/test/clients/generated-client.ts";
import { findProgram, type Ran } from "../../server/test/clients/program.ts";
import { startServer } from "../../server/test/server/test-server.ts";

/** What a server gives away of its contract, laid out in a folder: protos/, protos.binpb and openapi.json. */
export async function fetchContract(language: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), `patchbay-${language}-`));
  const server = await startServer();
  const fetched = async (path: string) => new Uint8Array(await (await fetch(`${server.url}${path}`)).arrayBuffer());
  for (const [name, bytes] of Object.entries(unzipSync(await fetched("/protos.zip")))) {
    mkdirSync(dirname(join(folder, "protos", name)), { recursive: true });
    writeFileSync(join(folder, "protos", name), bytes);
  }
  for (const name of ["protos.binpb", "openapi.json"]) writeFileSync(join(folder, name), await fetched(`/${name}`));
  await server.stop();
  return folder;
}

/** Says what takes minutes, as it begins. */
export function tell(step: string): void {
  process.stdout.write(`… ${step}\n`);
}

/** The first of some programs that is not there, in words; undefined if all are. */
export function missingOf(...programs: string[]): string | undefined {
  const missing = programs.find((name) => findProgram(name) === undefined);
  return missing && `no ${missing} on PATH`;
}

/** Whether a package manager was answered by nobody. Any other failure of it is one of ours, and thrown. */
export function offlineOf(ran: Ran): string | undefined {
  if (ran.exitCode === 0) return undefined;
  if (isOffline(ran) || NOT_REACHED.test(`${ran.stdout}${ran.stderr}`)) return "no registry is reached";
  throw new Error(`${ran.stderr}${ran.stdout}`);
}

/** What Maven, cargo and npm say then. */
const NOT_REACHED =
  /Unknown host|Connection (refused|timed out)|Could not (resolve host|transfer artifact)|failed to download|ENOTFOUND|EAI_AGAIN|ETIMEDOUT/;
