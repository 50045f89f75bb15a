/** Validates what lies in deploy/ by the tools of this machine; one that is missing is told in a line. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";

const deploy = join(import.meta.dirname, "../deploy");
const chart = join(deploy, "helm/patchbay");
const env = { ...process.env, PATH: [process.env.PATH, join(homedir(), "go/bin")].join(delimiter) };
let failed = 0;

function has(tool: string, how: string): boolean {
  const found = spawnSync("sh", ["-c", `command -v ${tool}`], { env }).status === 0;
  if (!found) console.log(`  - ${tool} is not here, and what it would check is not: ${how}`);
  return found;
}

function check(claim: string, command: string, ...args: string[]): string {
  try {
    const output = execFileSync(command, args, { env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
    console.log(`  ✓ ${claim}`);
    return output;
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    console.log(`  ✗ ${claim}\n${stdout}${stderr}`);
    failed++;
    return "";
  }
}

const folder = mkdtempSync(join(tmpdir(), "patchbay-deploy-"));
try {
  if (has("helm", "go install helm.sh/helm/v3/cmd/helm@latest")) {
    check("helm lint", "helm", "lint", "--strict", chart);
    const plain = check("helm template", "helm", "template", "team", chart, "--kube-version", "1.30.0");
    const full = [
      "--set",
      "externalSecret.enabled=true,externalSecret.storeRef.name=vault",
      "--set",
      "networkPolicy.ingressFrom[0].namespaceSelector.matchLabels.team=ai",
    ];
    const all = check(
      "helm template with everything on",
      "helm",
      "template",
      "team",
      chart,
      "--kube-version",
      "1.30.0",
      ...full,
    );
    const manifests = join(folder, "manifests.yaml");
    writeFileSync(manifests, `${plain}\n---\n${all}`);
    // Its schemas come from the network, unless KUBECONFORM_SCHEMAS names a folder of them.
    const schemas = process.env.KUBECONFORM_SCHEMAS;
    if (!schemas) console.log("  - kubeconform: KUBECONFORM_SCHEMAS names no folder of schemas");
    else if (has("kubeconform", "go install github.com/yannh/kubeconform/cmd/kubeconform@latest")) {
      const location = `${schemas}/{{ .ResourceKind }}{{ .KindSuffix }}.json`;
      check(
        "kubeconform",
        "kubeconform",
        "-strict",
        "-skip",
        "ExternalSecret",
        "-schema-location",
        location,
        manifests,
      );
    }
  }
  if (has("promtool", "apt-get install prometheus")) {
    check("promtool check rules", "promtool", "check", "rules", join(deploy, "prometheus/alerts.yaml"));
  }
  if (has("systemd-analyze", "apt-get install systemd")) {
    check("systemd-analyze verify", "systemd-analyze", "verify", "--man=no", join(deploy, "systemd/patchbay.service"));
  }
  if (spawnSync("docker", ["compose", "version"], { env }).status !== 0)
    console.log("  - docker compose is not here, and compose.yaml is not checked");
  else {
    check(
      "docker compose config",
      "docker",
      "compose",
      "-f",
      join(deploy, "compose.yaml"),
      "config",
      "--quiet",
      "--no-env-resolution",
    );
  }
  console.log("  - the image is not built here: that needs the registry of its base images");
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failed > 0 ? 1 : 0;
