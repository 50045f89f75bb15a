/** A thread that makes one correct call after the other, so that the test's own work does not count as the server's. */
import { Agent, request } from "node:http";
import { parentPort, workerData } from "node:worker_threads";

/** What a prober has seen. */
export interface Probed {
  readonly calls: number;
  readonly worstMs: number;
  /** The 99th percentile. */
  readonly p99Ms: number;
  /** What came instead of 200, the first few. */
  readonly failures: readonly string[];
}

/** What a prober is told. */
export interface ProberOrder {
  readonly url: string;
  readonly apiKey: string;
}

const PAUSE_MS = 5;
const PATIENCE_MS = 20_000;

const { url, apiKey } = workerData as ProberOrder;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
let times: number[] = [];
let failures: string[] = [];
let isOver = false;

parentPort?.on("message", (message: "report" | "end") => {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.floor((sorted.length - 1) * share)] ?? 0);
  const probed: Probed = { calls: times.length, worstMs: at(1), p99Ms: at(0.99), failures: failures.slice(0, 5) };
  parentPort?.postMessage(probed);
  times = [];
  failures = [];
  isOver = message === "end";
  if (isOver) parentPort?.close();
});

while (!isOver) {
  const startedAt = performance.now();
  const outcome = await call();
  times.push(performance.now() - startedAt);
  if (outcome !== "200") failures.push(outcome);
  await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
agent.destroy();

function call(): Promise<string> {
  return new Promise((resolve) => {
    const headers = { authorization: `Bearer ${apiKey}` };
    request(url, { agent, headers, timeout: PATIENCE_MS }, (response) => {
      response.resume().once("end", () => resolve(String(response.statusCode)));
    })
      .on("timeout", () => resolve("timeout"))
      .on("error", (error) => resolve(error.message))
      .end();
  });
}
