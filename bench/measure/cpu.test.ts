import { spawn } from "node:child_process";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { canMeasureCpu, FamilyCpu, ProcessCpu } from "./cpu.ts";

const BUSY = "const until = process.cpuUsage().user + 100_000; while (process.cpuUsage().user < until);";
/** It says when it was busy, and ends when it is told to. */
const BUSY_WORKER = `${BUSY} require("node:worker_threads").parentPort.on("message", () => process.exit()).postMessage(0);`;
const BUSY_CHILD = `${BUSY} process.stdout.write("busy"); process.stdin.resume();`;

describe.runIf(canMeasureCpu)("CPU time", () => {
  it("of a process keeps what a thread has used that has ended", async () => {
    const cpu = new ProcessCpu(process.pid);
    cpu.read();
    const worker = new Worker(BUSY_WORKER, { eval: true });
    await once(worker, "message");
    const busy = cpu.read();
    await worker.terminate();
    expect(cpu.read().runNs).toBeGreaterThanOrEqual(busy.runNs);
  });

  it("of a family keeps what a child has used that has ended", async () => {
    const cpu = new FamilyCpu(process.pid);
    const before = cpu.read();
    const child = spawn(process.execPath, ["-e", BUSY_CHILD], { stdio: ["pipe", "pipe", "ignore"] });
    await once(child.stdout, "data");
    const busy = cpu.read();
    expect(busy.runNs - before.runNs).toBeGreaterThan(90e6);
    child.kill();
    await once(child, "exit");
    expect(cpu.read().runNs).toBeGreaterThanOrEqual(busy.runNs);
  });
});
