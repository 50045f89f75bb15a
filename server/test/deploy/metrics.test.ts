import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { makeTemporaryFolder } from "../base/temporary-folder.ts";
import { startServer, type TestServer } from "../server/test-server.ts";

const DEPLOY = join(import.meta.dirname, "../../../deploy");

let server: TestServer;
let folder: ReturnType<typeof makeTemporaryFolder>;
let known: Map<string, string>;
beforeAll(async () => {
  // With a folder of manifests, which has metrics of its own.
  folder = makeTemporaryFolder("manifests");
  server = await startServer({ APPLY_DIR: folder.path });
  const text = await (await fetch(`${server.url}/metrics`)).text();
  known = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", type = ""]) => [name, type]));
});
afterAll(async () => {
  await server.stop();
  folder.remove();
});

interface Dashboard {
  readonly panels: readonly { readonly targets: readonly { readonly expr: string }[] }[];
}
interface Rules {
  readonly groups: readonly { readonly rules: readonly { readonly expr: string }[] }[];
}

function queries(): string[] {
  const dashboard: Dashboard = JSON.parse(readFileSync(join(DEPLOY, "grafana/patchbay.json"), "utf8"));
  const alerts: Rules = parse(readFileSync(join(DEPLOY, "prometheus/alerts.yaml"), "utf8"));
  return [
    ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ...alerts.groups.flatMap(({ rules }) => rules.map(({ expr }) => expr)),
  ];
}

describe("the dashboard and the alert rules", () => {
  it("ask for metrics that a server has, histograms by their buckets", () => {
    const names = queries().flatMap((query) => query.match(/\bpatchbay_\w+/g) ?? []);
    expect(names.length).toBeGreaterThan(12);
    const missing = names.filter((name) => {
      const bucket = name.replace(/_bucket$/, "");
      return bucket === name ? !known.has(name) : known.get(bucket) !== "histogram";
    });
    expect(missing, "the server has no such metric: mend deploy/, or the metric's name").toEqual([]);
  });

  it("tell calls apart by labels that they have", async () => {
    const { llms } = server.client(server.adminKey);
    await llms.listLlms({});
    const text = await (await fetch(`${server.url}/metrics`)).text();
    const [, labels = ""] = /^patchbay_rpc_calls_total\{(.*)\} /m.exec(text) ?? [];
    expect(labels).toMatch(/rpc="[^"]+",protocol="[^"]+",code="Ok"/);
  });
});
