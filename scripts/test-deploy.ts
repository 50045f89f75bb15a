/** Validates what lies in deploy/ by the tools of this machine; one that is missing is told in a line. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Checks } from "./deploy/checks.ts";
import { buildImage } from "./deploy/image.ts";
import { checkChart } from "./deploy/kubernetes.ts";

const deploy = join(import.meta.dirname, "../deploy");
const checks = new Checks();
const folder = mkdtempSync(join(tmpdir(), "patchbay-deploy-"));
try {
  checkChart(checks, join(deploy, "helm/patchbay"), folder);
  if (checks.has("promtool", "apt-get install prometheus")) {
    checks.run("promtool check rules", "promtool", "check", "rules", join(deploy, "prometheus/alerts.yaml"));
  }
  if (checks.has("systemd-analyze", "apt-get install systemd")) {
    const unit = join(deploy, "systemd/patchbay.service");
    checks.run("systemd-analyze verify", "systemd-analyze", "verify", "--man=no", unit);
  }
  if (spawnSync("docker", ["compose", "version"]).status !== 0)
    checks.skip("compose.yaml", "docker compose is not here");
  else {
    const compose = join(deploy, "compose.yaml");
    const args = ["compose", "-f", compose, "config", "--quiet", "--no-env-resolution"];
    checks.run("docker compose config", "docker", ...args);
  }
  await buildImage(checks, deploy, folder);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = checks.failed > 0 ? 1 : 0;
