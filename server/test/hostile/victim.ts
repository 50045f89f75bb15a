import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createPatchbay } from "../../../client/llm.ts";
import { makeApiKey } from "../../domain/access/api-key-format.ts";
import { makeTemporaryFolder } from "../base/temporary-folder.ts";
import { ServerProcess } from "../server/server-process.ts";
import { llmRequest } from "../service/llm-requests.ts";
import { createDatabase } from "../store/databases.ts";
import { ScriptedUpstream } from "../upstream/scripted-upstream.ts";
import { INSPECTION_MARK, type Inspection } from "./inspection.ts";

/** A server in a process of its own that is about to be treated badly, and what can be seen of it from outside. */
export interface Victim {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** An ADMIN's. */
  readonly apiKey: string;
  readonly upstream: ScriptedUpstream;
  readonly process: ServerProcess;
  /** Where its data and its keys are, for another server. */
  readonly settings: { readonly DATABASE_URL: string; readonly KEYRING_FILE: string };
  /** Registers an Llm at the scripted upstream and answers with its id. */
  addLlm(model: string): Promise<string>;
  removeLlm(llmId: string): Promise<void>;
  isAlive(): boolean;
  /** What it has computed so far, on all its threads. */
  cpuMs(): number;
  /** What it holds in memory now. */
  rssMib(): number;
  /** The most it has held since the last call of `forgetPeak`. */
  peakMib(): number;
  forgetPeak(): void;
  /** Its state after a garbage collection. */
  inspect(): Promise<Inspection>;
  /** What its log has at the level of errors. */
  complaints(): string[];
  stop(): Promise<void>;
}

/** Linux counts CPU time in hundredths of a second, for programs on every machine. */
const MS_A_TICK = 10;

/** Starts a victim; the settings come on top of those of every test. */
export async function startVictim(settings: Record<string, string> = {}): Promise<Victim> {
  const [upstream, database] = await Promise.all([ScriptedUpstream.start(), createDatabase()]);
  const folder = makeTemporaryFolder("hostile");
  const apiKey = makeApiKey().reveal();
  const place = { DATABASE_URL: database.url, KEYRING_FILE: join(folder.path, "keyring") };
  const server = new ServerProcess({
    ...place,
    BOOTSTRAP_API_KEY: apiKey,
    EGRESS_ALLOW: upstream.url,
    LOG_LEVEL: "error",
    NODE_OPTIONS: `--import=${pathToFileURL(join(import.meta.dirname, "inspection.ts"))}`,
    ...settings,
  });
  const url = await server.url();
  const { hostname: host, port } = new URL(url);
  const pid = server.child.pid ?? 0;
  const statusMib = (name: string) => {
    const [, kib] = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return Math.round(Number(kib) / 1024);
  };
  return {
    url,
    host,
    port: Number(port),
    apiKey,
    upstream,
    process: server,
    settings: place,
    async addLlm(model) {
      const { llms } = createPatchbay({ url, apiKey });
      const { llm } = await llms.createLlm(llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier: model }));
      return llm?.llmId ?? "";
    },
    async removeLlm(llmId) {
      await createPatchbay({ url, apiKey }).llms.deleteLlm({ llmId });
    },
    isAlive: () => server.child.exitCode === null && server.child.signalCode === null,
    cpuMs: () => {
      // The name of the program, in parentheses, may have blanks.
      const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
      return (Number(fields[11]) + Number(fields[12])) * MS_A_TICK;
    },
    rssMib: () => statusMib("VmRSS"),
    peakMib: () => statusMib("VmHWM"),
    forgetPeak: () => writeFileSync(`/proc/${pid}/clear_refs`, "5"),
    async inspect() {
      const seen = inspections(server.stdout).length;
      server.child.kill("SIGUSR2");
      for (;;) {
        const inspection = inspections(server.stdout)[seen];
        if (inspection) return inspection;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    complaints: () =>
      `${server.stdout}\n${server.stderr}`.split("\n").filter((line) => /"level":"?(error|50)\b/.test(line)),
    async stop() {
      await server.end("SIGTERM");
      await upstream.close();
      await database.drop();
      folder.remove();
    },
  };
}

function inspections(stdout: string): Inspection[] {
  const lines = stdout.split("\n").slice(0, -1);
  return lines
    .filter((line) => line.startsWith(INSPECTION_MARK))
    .map((line) => JSON.parse(line.slice(INSPECTION_MARK.length)));
}
