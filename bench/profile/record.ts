/** Goes into a server by `--import`: records a CPU profile between two SIGUSR2, so without its start and its warm-up. */
import { writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";

const INTERVAL_US = 200;

let session: Session | undefined;

process.on("SIGUSR2", async () => {
  if (session) {
    const { profile } = await session.post("Profiler.stop");
    writeFileSync(process.env.BENCH_PROFILE ?? "bench.cpuprofile", JSON.stringify(profile));
    process.stdout.write("profile written\n");
    return;
  }
  session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: INTERVAL_US });
  await session.post("Profiler.start");
});
