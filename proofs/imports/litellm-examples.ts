/**
 * LiteLLM's own example configurations, as its package brings them: each is imported into a server, and each of its fields
 * accounted for. They are read where pip puts them, and are no part of this repository. Needs pip and PyPI.
 */
import { execFileSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parse } from "yaml";
import { wantedOf } from "../../client/cli/apply/manifest.ts";
import { plan, readPresent } from "../../client/cli/apply/plan.ts";
import { carryOut } from "../../client/cli/apply/steps.ts";
import { type Connection, connectTo } from "../../client/cli/calls/connection.ts";
import { leavesOf, silentLeaves } from "../../client/cli/import/findings.ts";
import { importLitellm } from "../../client/cli/import/litellm/litellm.ts";
import { LlmService } from "../../gen/patchbay/v1/llm_service_pb.ts";
import { ProviderService } from "../../gen/patchbay/v1/provider_service_pb.ts";
import { RouteService } from "../../gen/patchbay/v1/route_service_pb.ts";
import { ServerProcess } from "../../server/test/server/server-process.ts";

const WHEEL = "litellm==1.110.2";

const folder = mkdtempSync(join(tmpdir(), "patchbay-litellm-"));
let server: ServerProcess | undefined;
let failed = 0;
try {
  execFileSync("pip", ["download", "--quiet", "--no-deps", "--dest", folder, WHEEL], { stdio: "inherit" });
  const [wheel = ""] = globSync("*.whl", { cwd: folder });
  execFileSync("python3", ["-m", "zipfile", "--extract", join(folder, wheel), join(folder, "litellm")]);
  const examples = globSync("litellm/litellm/proxy/{dev_config,example_config_yaml/*}.yaml", { cwd: folder }).sort();
  if (examples.length === 0) throw new Error(`${wheel} has no examples where they were`);
  const sources = examples.map((example) => readFileSync(join(folder, example), "utf8"));
  server = new ServerProcess({ DATA_DIR: join(folder, "data"), EGRESS_ALLOW: originsIn(sources) });
  const url = await server.url();
  const connection = connectTo(url, server.apiKey);
  for (const [index, example] of examples.entries()) {
    const problems = await problemsOf(connection, sources[index] ?? "");
    console.log(
      `  ${problems.length === 0 ? "✓" : "✗"} ${basename(example)}${problems.map((each) => `\n      ${each}`).join("")}`,
    );
    if (problems.length > 0) failed++;
  }
  console.log(
    `${examples.length - failed} of ${examples.length} examples of ${WHEEL} import, each field accounted for.`,
  );
} finally {
  await server?.end("SIGTERM");
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failed > 0 ? 1 : 0;

/** The endpoints that the examples name, and where Ollama is if nothing is said. */
function originsIn(sources: readonly string[]): string {
  const named = sources
    .flatMap((source) => source.match(/https?:\/\/[\w.:[\]-]+/g) ?? [])
    .filter((url) => URL.canParse(url));
  return [...new Set(["http://localhost:11434", ...named.map((url) => new URL(url).origin)])].join(",");
}

async function problemsOf(connection: Connection, source: string): Promise<string[]> {
  const config = parse(source);
  const variables = leavesOf(config, "").flatMap(({ value }) => /^os\.environ\/(.+)$/.exec(String(value))?.[1] ?? []);
  const isAddress = (name: string) => /BASE|URL|ENDPOINT/.test(name);
  const valueOfVariable = (name: string) =>
    isAddress(name) ? "https://models.example.com/v1" : `sk-example-of-${name}-0123456789`;
  const keys = new Map(variables.map((name) => [name, valueOfVariable(name)]));
  const { llms, providers, routes, findings } = importLitellm(config, keys);
  const problems = silentLeaves(config, findings).map((path) => `nothing is said of ${path}`);
  const wanted = wantedOf({ providers, llms, routes }, "config.yaml");
  const steps = async () => plan(connection, wanted, await readPresent(connection), undefined);
  const { failed } = await carryOut(connection, await steps(), () => {});
  problems.push(...failed.map(({ step, error }) => `${step.kind} ${step.name}: ${(error as Error).message}`));
  problems.push(...(await steps()).map(({ kind, verb, name }) => `done again, it would ${verb} ${kind} ${name}`));
  await removeAll(connection);
  return problems;
}

async function removeAll(connection: Connection): Promise<void> {
  const { llms, providers, routes } = await readPresent(connection);
  for (const { routeId = "" } of routes) await connection.call(RouteService.method.deleteRoute, { routeId });
  for (const { llmId = "" } of llms) await connection.call(LlmService.method.deleteLlm, { llmId });
  for (const { name = "" } of providers) await connection.call(ProviderService.method.deleteProvider, { name });
}
