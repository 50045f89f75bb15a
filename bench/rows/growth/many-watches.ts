import { setTimeout as sleep } from "node:timers/promises";
import { HttpClient } from "../../load/http1.ts";
import { FamilyCpu, ProcessCpu } from "../../measure/cpu.ts";
import { figureOf } from "../../measure/stats.ts";
import type { PatchbayServer } from "../../stage/patchbay.ts";
import type { Row } from "../row.ts";

const WATCHES = 1_000;
const GROUP = 50;
const SETTLE_MS = 3_000;
/** However busy the machine is, everybody was told by then. */
const TOLD_MS = 60_000;

/** One change of an Llm, which a thousand watches are told of. */
export const manyWatches: Row = {
  name: "watches",
  what: "1,000 watches, one change",
  isGrowth: true,
  async run(stage, plan) {
    const patchbay = await stage.patchbay();
    const ofServer = new ProcessCpu(patchbay.pid);
    const database = new FamilyCpu((await stage.databasePid()) ?? 0);
    const watches = Math.round(WATCHES * plan.scale);
    const client = new HttpClient(patchbay.url, watches);
    const heard = new Heard();
    try {
      for (let begun = 0; begun < watches; begun += GROUP) {
        await Promise.all(
          Array.from({ length: Math.min(GROUP, watches - begun) }, () => watch(client, patchbay, heard)),
        );
      }
      await sleep(SETTLE_MS);
      const rounds: { server: number; database: number; last: number }[] = [];
      for (let round = 0; round < plan.rounds; round++) {
        heard.forget();
        const before = [ofServer.read().runNs, database.read().runNs] as const;
        const startedAt = performance.now();
        await patchbay.client.llms.updateLlm({ llmId: patchbay.llmIds.idle, description: `round ${round}` });
        await heard.by(watches, TOLD_MS);
        const last = performance.now() - startedAt;
        const server = (ofServer.read().runNs - before[0]) / 1e9;
        rounds.push({ server, database: (database.read().runNs - before[1]) / 1e9, last: last / 1_000 });
        await sleep(SETTLE_MS);
      }
      const finding = (what: string, target: number, of: "server" | "database" | "last") => {
        const figure = figureOf(rounds.map((round) => round[of]));
        return { what: `${watches} watches, one change: ${what}`, against: "", target, figure, unit: " s" as const };
      };
      return [
        finding("CPU of the server", 0.02, "server"),
        finding("CPU of PostgreSQL", 0.02, "database"),
        finding("until the last is told", 0.1, "last"),
      ];
    } finally {
      await client.close();
    }
  },
};

/** How many were told of a change. */
class Heard {
  #count = 0;
  #wanted: { count: number; resolve: () => void } | undefined;

  forget(): void {
    this.#count = 0;
  }

  note(): void {
    this.#count++;
    if (this.#wanted && this.#count >= this.#wanted.count) this.#wanted.resolve();
  }

  async by(count: number, ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wanted = { count, resolve };
    if (this.#count >= count) resolve();
    await Promise.race([promise, sleep(ms, undefined, { ref: false })]);
    if (this.#count < count) throw new Error(`${this.#count} of ${count} watches were told`);
  }
}

function watch(client: HttpClient, { authorization }: PatchbayServer, heard: Heard): Promise<void> {
  const headers = { authorization, accept: "text/event-stream" };
  const expects = { contains: [], first: "CAUGHT_UP" };
  const request = { name: "a watch", method: "GET" as const, path: "/v1/llms:watch", headers, expects };
  return client.open(request, (piece) => {
    if (piece.includes('"UPDATED"')) heard.note();
  });
}
