import { once } from "node:events";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Probed, ProberOrder } from "./prober.ts";
import type { Victim } from "./victim.ts";

/** Correct calls to a victim, one after the other, while others treat it badly. */
export class Probe {
  readonly #worker: Worker;

  constructor({ url, apiKey }: Victim, llmId: string) {
    const order: ProberOrder = { url: `${url}/v1/llms/${llmId}`, apiKey };
    this.#worker = new Worker(join(import.meta.dirname, "prober.ts"), { workerData: order, execArgv: [] });
  }

  /** What it has seen since the last report. */
  async report(): Promise<Probed> {
    return this.#ask("report");
  }

  /** The last report; no calls come after it. */
  async end(): Promise<Probed> {
    return this.#ask("end");
  }

  async #ask(message: "report" | "end"): Promise<Probed> {
    const answer = once(this.#worker, "message");
    this.#worker.postMessage(message);
    return (await answer)[0];
  }
}
