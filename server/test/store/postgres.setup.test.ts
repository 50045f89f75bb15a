import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { isAlive, readPostmaster } from "../../store/embedded/postmaster.ts";
import { makeTemporaryFolder } from "../base/temporary-folder.ts";

it("the PostgreSQL of tests that are killed ends, and leaves no folders", async () => {
  const folder = makeTemporaryFolder("killed");
  onTestFinished(folder.remove);
  const setup = JSON.stringify(join(import.meta.dirname, "postgres.setup.ts"));
  const script = `
    const { default: setup } = await import(${setup});
    await setup({ provide: () => console.log("it runs") });
    setInterval(() => {}, 1_000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    env: { ...process.env, TMPDIR: folder.path },
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  const [file = ""] = globSync(join(folder.path, "*/postgres/postmaster.pid"));
  const postmaster = await readPostmaster(dirname(file));
  expect(postmaster).toMatchObject({ ready: true });
  child.kill("SIGKILL");
  await expect.poll(() => isAlive(postmaster?.pid ?? 0), { timeout: 20_000 }).toBe(false);
  await expect.poll(() => readdirSync(folder.path), { timeout: 20_000 }).toEqual([]);
});
