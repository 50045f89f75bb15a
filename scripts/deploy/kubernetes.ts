import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Checks } from "./checks.ts";

/** The package of PyPI that brings the schemas of Kubernetes along, one folder for each version. */
const SCHEMAS = "kubernetes-validate==1.37.0";

/** The oldest version that the chart is for, and the newest that there are schemas of. */
const VERSIONS = ["1.30", "1.37"];

/** Validates the chart: by helm, and what helm makes of it by the schemas of Kubernetes. */
export function checkChart(checks: Checks, chart: string, folder: string): void {
  if (!checks.has("helm", "go install helm.sh/helm/v3/cmd/helm@latest")) return;
  checks.run("helm lint", "helm", "lint", "--strict", chart);
  const hasJudge = checks.has("kubeconform", "go install github.com/yannh/kubeconform/cmd/kubeconform@latest");
  const schemas = hasJudge ? schemasIn(folder) : undefined;
  if (hasJudge && !schemas) checks.skip("kubeconform", `pip brings no ${SCHEMAS}`);
  for (const version of VERSIONS) {
    const manifests = ["", " with everything on"].map((variant) => {
      const more = variant
        ? [
            "externalSecret.enabled=true,externalSecret.storeRef.name=vault",
            "networkPolicy.ingressFrom[0].namespaceSelector.matchLabels.team=ai",
          ]
        : [];
      const options = ["--kube-version", `${version}.0`, ...more.flatMap((each) => ["--set", each])];
      return checks.run(`helm template${variant} for ${version}`, "helm", "template", "team", chart, ...options);
    });
    if (schemas) judge(checks, manifests.join("\n---\n"), folder, join(schemas, version), version);
  }
}

function judge(checks: Checks, manifests: string, folder: string, schemas: string, version: string): void {
  const location = join(schemas, "{{ .ResourceKind }}{{ .KindSuffix }}.json");
  // External Secrets is no part of Kubernetes.
  const args = ["-strict", "-skip", "ExternalSecret", "-schema-location", location];
  const good = join(folder, "manifests.yaml");
  writeFileSync(good, manifests);
  checks.run(`kubeconform, by the schemas of Kubernetes ${version}`, "kubeconform", ...args, good);
  const bad = join(folder, "wrong.yaml");
  writeFileSync(bad, manifests.replace("readinessProbe", "readynessProbe"));
  checks.refuses(`kubeconform refuses a field that there is not in ${version}`, "kubeconform", ...args, bad);
}

/** A folder with schemas by version, as kubeconform names them; undefined where pip does not bring them. */
function schemasIn(folder: string): string | undefined {
  const downloaded = spawnSync("pip", ["download", "--quiet", "--no-deps", "--dest", folder, SCHEMAS]).status === 0;
  const [wheel] = downloaded ? globSync("kubernetes_validate-*.whl", { cwd: folder }) : [];
  if (!wheel) return undefined;
  const unpacked = join(folder, "unpacked");
  spawnSync("python3", ["-m", "zipfile", "--extract", join(folder, wheel), unpacked]);
  for (const version of VERSIONS) {
    const target = join(folder, "schemas", version);
    mkdirSync(target, { recursive: true });
    for (const file of globSync(`kubernetes_validate/kubernetes-json-schema/v${version}.*-local-strict/*.json`, {
      cwd: unpacked,
    })) {
      const { $id: _, $schema: __, ...schema } = JSON.parse(readFileSync(join(unpacked, file), "utf8"));
      // Their ids are addresses at which nothing is: a schema finds its definitions beside itself.
      const text = JSON.stringify(schema).replaceAll("/api/_definitions.json#", "_definitions.json#");
      writeFileSync(join(target, basename(file)), text);
    }
  }
  return join(folder, "schemas");
}
