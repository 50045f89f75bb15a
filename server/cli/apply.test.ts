import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { exportManifest } from "../../client/cli/apply/export.ts";
import { readManifests, secretsHere } from "../../client/cli/apply/manifest.ts";
import { plan, readPresent, type Step } from "../../client/cli/apply/plan.ts";
import { carryOut } from "../../client/cli/apply/steps.ts";
import { type Connection, connectTo } from "../../client/cli/calls/connection.ts";
import { readEnvironment } from "../../client/cli/environment.ts";
import { type Patchbay, problemOf } from "../../client/llm.ts";
import { RouteService } from "../../gen/patchbay/v1/route_service_pb.ts";
import { makeTemporaryFolder } from "../test/base/temporary-folder.ts";
import { faultsOfManifest } from "../test/server/manifest-judge.ts";
import { startServer, type TestServer } from "../test/server/test-server.ts";

const SECRET = "sk-canary-0123456789abcdefgh";

let server: TestServer;
let client: Patchbay;
let connection: Connection;
let folder: ReturnType<typeof makeTemporaryFolder>;
beforeAll(async () => {
  server = await startServer({
    EGRESS_ALLOW: "http://localhost:11434",
    SECRET_REFS: "env://TEAM_KEY@https://api.openai.com",
  });
  client = server.client(server.adminKey);
  connection = connectTo(server.url, server.adminKey);
  folder = makeTemporaryFolder("apply");
});
afterAll(async () => {
  await server.stop();
  folder.remove();
});
afterEach(async () => {
  const { routes } = await connection.call(RouteService.method.listRoutes, {});
  for (const { routeId = "" } of routes as { routeId: string }[])
    await connection.call(RouteService.method.deleteRoute, { routeId });
  const { budgets } = await client.budgets.listBudgets({});
  for (const { budgetId } of budgets) await client.budgets.deleteBudget({ budgetId });
  const { llms } = await client.llms.listLlms({ pageSize: 1000 });
  for (const { llmId } of llms) await client.llms.deleteLlm({ llmId });
});

async function steps(
  manifest: string,
  { prune, variables = {} }: { prune?: Record<string, string>; variables?: Record<string, string> } = {},
): Promise<Step[]> {
  const file = join(folder.path, "team.yaml");
  writeFileSync(file, manifest);
  const wanted = await readManifests([file], secretsHere(readEnvironment({ TEAM_SECRET: SECRET, ...variables })));
  return plan(connection, wanted, await readPresent(connection), prune);
}

async function apply(manifest: string, options: Parameters<typeof steps>[1] = {}) {
  const planned = await steps(manifest, options);
  const outcome = await carryOut(connection, planned, () => {});
  expect(outcome.failed.map(({ error }) => String(error))).toEqual([]);
  return planned.map(({ verb, name }) => `${verb} ${name}`);
}

const TEAM = `
providers:
  - name: openai
    displayName: OpenAI, team account
    credentials: {apiKey: {secretFrom: {env: TEAM_SECRET}}}
llms:
  - alias: gpt
    providerId: openai
    modelIdentifier: gpt-4o
    labels: {managed-by: git, tier: 1}
    capabilities: {supportsFunctionCalling: true}
    price: {input: 2.5, output: 10}
    default: true
  - alias: local
    providerType: OLLAMA
    endpointUrl: HTTP://LocalHost:11434/v1/
    modelIdentifier: llama3.2
    defaultSamplingParams: {temperature: 0.5, stopSequences: [END]}
    clientConfig: {seed: 7}
    checkIntervalSeconds: 300
    disabled: true
  - alias: referred
    providerType: OPENAI
    modelIdentifier: gpt-4o-mini
    credentials: {apiKey: {secretRef: {uri: "env://TEAM_KEY"}}}
routes:
  - name: team
    description: what the team calls
    tiers:
      - {targets: [{llmId: gpt, weight: 3}, {llmId: referred}]}
      - {policy: LEAST_BUSY, targets: [{llmId: local}]}
    attemptTimeoutMs: 5000
budgets:
  - {amount: 25000000000000, period: MONTH, mode: WARN}
  - {amount: 1000000000000, period: DAY, llmId: gpt}
`;

describe("apply", { timeout: 300_000 }, () => {
  it("makes what manifests say, and changes nothing the second time", async () => {
    expect(await apply(TEAM)).toHaveLength(7);
    const { llms } = await client.llms.listLlms({});
    expect(llms.find(({ isDefault }) => isDefault)?.displayName).toBe("gpt");
    expect(llms.find(({ displayName }) => displayName === "local")).toMatchObject({
      endpointUrl: "http://localhost:11434/v1",
    });
    expect((await client.providers.getProvider({ name: "openai" })).provider?.credentialsHint).toBe("…efgh");
    expect(await steps(TEAM)).toEqual([]);
  });

  it("tells and mends drift, and leaves alone what manifests do not name", async () => {
    await apply(TEAM);
    const { llms } = await client.llms.listLlms({ search: "gpt" });
    const { llmId = "" } = llms.find(({ displayName }) => displayName === "gpt") ?? {};
    await client.llms.updateLlm({ llmId, description: "by hand", price: { input: "3", output: "10" } });
    const [drift, ...more] = await steps(TEAM);
    expect(more).toEqual([]);
    expect(drift?.changes).toEqual([
      { field: "price", from: { input: "3", output: "10" }, to: { input: "2.5", output: "10" } },
    ]);
    expect(await apply(TEAM)).toEqual(["update gpt"]);
    expect((await client.llms.getLlm({ llmId })).llm).toMatchObject({
      description: "by hand",
      price: { input: "2.5" },
    });
  });

  it("mends a route, and says which of its Llms there is not", async () => {
    await apply(TEAM);
    const changed = TEAM.replace("weight: 3", "weight: 5");
    expect(await apply(changed)).toEqual(["update team"]);
    expect(await steps(changed)).toEqual([]);
    await expect(steps("routes: [{name: x, tiers: [{targets: [{llmId: nope}]}]}]")).rejects.toThrow(
      'there is no Llm "nope"',
    );
    await apply(TEAM);
  });

  it("sends another secret, and says of it no more than its end", async () => {
    await apply(TEAM);
    const variables = { TEAM_SECRET: "sk-canary-0123456789-another-wxyz" };
    const [step, ...more] = await steps(TEAM, { variables });
    expect(more).toEqual([]);
    expect(step?.changes).toEqual([{ field: "credentials", from: "…efgh", to: "…wxyz" }]);
    expect(JSON.stringify(step?.changes)).not.toContain("canary");
    await apply(TEAM, { variables });
    expect(await steps(TEAM, { variables })).toEqual([]);
    await apply(TEAM);
  });

  it("deletes what has the label and is in no manifest, and nothing else; and brings it back", async () => {
    await apply(TEAM);
    const without = TEAM.replace(/ {2}- alias: gpt\n( {4}.*\n)+/, "").replace(/ {2}- \{amount: 1000.*\n/, "");
    expect(without).not.toContain("gpt-4o\n");
    expect(await apply(without, { prune: { "managed-by": "git" } })).toEqual(["delete gpt"]);
    const { llms } = await client.llms.listLlms({});
    expect(llms.map(({ displayName }) => displayName).sort()).toEqual(["local", "referred"]);
    await apply(TEAM);
    expect(await steps(TEAM)).toEqual([]);
  });

  it("refuses another type for what is there, and makes another where what was deleted had one", async () => {
    const openAi = "llms: [{alias: a, providerType: OPENAI, modelIdentifier: x, default: true}]";
    const anthropic = openAi.replace("OPENAI", "ANTHROPIC");
    await apply(openAi);
    await expect(steps(anthropic)).rejects.toThrow("llms[0]: a is OPENAI and never becomes ANTHROPIC");
    const [{ llmId = "" } = {}] = (await client.llms.listLlms({})).llms;
    await client.llms.deleteLlm({ llmId });
    expect(await apply(anthropic)).toEqual(["create a"]);
    expect(await steps(anthropic)).toEqual([]);
    expect((await client.llms.listLlms({})).llms).toMatchObject([{ alias: "a", isDefault: true }]);
  });

  it("goes on where it was stopped, and two at once make everything once", async () => {
    const many = `llms:\n${Array.from({ length: 120 }, (_, n) => `  - {alias: m${n}, providerType: OLLAMA, modelIdentifier: m${n}, endpointUrl: "http://localhost:11434/v1"}`).join("\n")}\n`;
    const planned = await steps(many);
    await carryOut(connection, planned.slice(0, 50), () => {});
    expect(await steps(many)).toHaveLength(70);
    const rest = await steps(many);
    const outcomes = await Promise.all([carryOut(connection, rest, () => {}), carryOut(connection, rest, () => {})]);
    expect(outcomes.flatMap(({ failed }) => failed.map(({ error }) => String(error)))).toEqual([]);
    expect(await steps(many)).toEqual([]);
    expect((await client.llms.listLlms({ pageSize: 1000 })).llms).toHaveLength(120);
  });

  it("tells what a server refuses by the line of the manifest, and a secret by where it came from", async () => {
    const manifest = [
      "llms:",
      "  - alias: a",
      "    providerType: OPENAI",
      "    modelIdentifier: x",
      "    price: {input: 2.5,",
      "      output: -1}",
      "  - alias: b",
      "    providerType: OPENAI",
      "    credentials: {apiKey: {secretFrom: {env: TEAM_SECRET}}}",
      "    modelIdentifier: x",
      "routes:",
      "  - name: Team",
      "    tiers: [{targets: [{llmId: a}]}]",
    ].join("\n");
    const planned = await steps(manifest, { variables: { TEAM_SECRET: "sk canary" } });
    const { failed } = await carryOut(connection, planned, () => {});
    const told = failed.map(({ error }) => problemOf(error).message).sort();
    expect(told).toEqual([
      expect.stringMatching(/team\.yaml:12: routes\[0\]\.name: must be lower-case/),
      expect.stringMatching(/team\.yaml:6: llms\[0\]\.price\.output: must be dollars/),
      expect.stringMatching(/team\.yaml:9: llms\[1\]\.credentials\.apiKey\.secretFrom: has white space/),
    ]);
  });

  it("exports what it would apply, without a secret", async () => {
    await apply(TEAM);
    const exported = exportManifest(await readPresent(connection), server.url);
    expect(exported).not.toContain("canary");
    expect(exported.split("\n")[0]).toBe(`# yaml-language-server: $schema=${server.url}/manifest.schema.json`);
    expect([faultsOfManifest(parse(exported)), faultsOfManifest(parse(TEAM))]).toEqual([[], []]);
    expect(exported).toContain("secretFrom: {env: OPENAI_KEY}");
    expect(await steps(exported)).toEqual([]);
    expect(parse(exported).providers).toMatchObject([{ name: "openai", endpointUrl: "https://api.openai.com/v1" }]);
  });

  it.each([
    ["llms: [{alias: a, modle: x}]", "team.yaml:1: llms[0].modle: there is no such field. Did you mean"],
    ["lmls: []", "Did you mean llms?"],
    ["llms: [{modelIdentifier: x}]", "llms[0] must have an alias"],
    ["llms: [{alias: a}, {alias: a}]", 'llms[1]: "a" is in'],
    ["llms: [{alias: a, credentials: {apiKey: {inlineSecret: sk-1}}}]", "a secret is not written into a manifest"],
    ["llms: [{alias: a, credentials: {apiKey: {secretFrom: {env: NOPE}}}}]", "leads to no secret"],
    ["budgets: [{amount: 1, period: DAY, llmId: nope}]", 'there is no Llm "nope"'],
    ["llms: [", "is not valid YAML"],
    ["llms:\n  - alias: a\n    maxContextLength: long", "team.yaml:3: llms[0].maxContextLength: must be a number"],
    ["llms: {}", "llms must be a list"],
  ])("refuses %s before anything is done", async (manifest, told) => {
    await expect(steps(manifest)).rejects.toThrow(told);
    await expect(steps(manifest)).rejects.not.toThrow("sk-1");
  });

  it("reads folders, and says where nothing is", async () => {
    mkdirSync(join(folder.path, "config/more"), { recursive: true });
    writeFileSync(join(folder.path, "config/a.yaml"), "llms: [{alias: a, modelIdentifier: x}]");
    writeFileSync(join(folder.path, "config/more/b.yml"), "llms: [{alias: b, modelIdentifier: x}]");
    const wanted = await readManifests([join(folder.path, "config")], secretsHere(readEnvironment({})));
    expect(wanted.map(({ name }) => name)).toEqual(["a", "b"]);
    await expect(readManifests([join(folder.path, "nowhere")], secretsHere(readEnvironment({})))).rejects.toThrow(
      "is not there",
    );
  });
});
