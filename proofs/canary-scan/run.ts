/**
 * `npm run scan:canary`: a whole run of a server at its most talkative, with a canary for each secret, and then a search
 * for all forms of all canaries in everything that is left behind: answers, output, metrics, spans, tables and files.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { makeApiKey } from "../../server/domain/access/api-key-format.ts";
import { makeTemporaryFolder } from "../../server/test/base/temporary-folder.ts";
import { ServerProcess } from "../../server/test/server/server-process.ts";
import { startCollector } from "../../server/test/wire/collector.ts";
import { apiKeyCanaries, type Canary, canary, makeSecret } from "./canaries.ts";
import { dumpTables, readFiles } from "./places.ts";
import { type Place, scan } from "./scan.ts";
import { issueKeys, type Secrets, startEndpoint, useAgain, useEverything } from "./usage.ts";

const startedAt = performance.now();
const folder = makeTemporaryFolder("canary");
const dataDir = join(folder.path, "data");
const bootstrapKey = makeApiKey().reveal();
const collectorToken = makeSecret("token-");
const environmentKey = makeSecret("sk-environment-");
const secrets: Secrets = {
  llmKeys: [makeSecret("sk-first-"), makeSecret("sk-second-")],
  refusedKey: makeSecret("sk-refused-"),
  prompt: makeSecret("prompt "),
  reply: makeSecret("reply "),
  upstreamWords: makeSecret("words "),
  planted: makeSecret("planted "),
};

const issuedKeys: string[] = [];
const places: Place[] = [];
const keep = (name: string, text: string) => void places.push({ name, bytes: Buffer.from(text) });

const collector = await startCollector();
const endpoint = await startEndpoint(secrets);
const settings = {
  DATA_DIR: dataDir,
  BOOTSTRAP_API_KEY: bootstrapKey,
  EGRESS_ALLOW: endpoint.url,
  LOG_LEVEL: "trace",
  METRICS: "on",
  TESTS_PER_MINUTE: "0",
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  OTEL_EXPORTER_OTLP_HEADERS: `x-token=${encodeURIComponent(collectorToken)}`,
  OPENAI_API_KEY: environmentKey,
  ANTHROPIC_API_KEY: environmentKey,
};

try {
  await run("first", async (url) => {
    issuedKeys.push(...(await issueKeys(url, bootstrapKey)));
    return useEverything(url, bootstrapKey, endpoint, secrets);
  });
  await run(
    "second",
    (url) => useAgain(url, bootstrapKey, secrets),
    async () => void places.push(...(await dumpTables(dataDir))),
  );
  keep("spans", collector.text());
  places.push(...readFiles(dataDir), { name: "key ring", bytes: readFileSync(`${dataDir}.keyring`) });
} finally {
  await Promise.all([endpoint.close(), collector.close()]);
}
report(canariesOf());
folder.remove();

async function run(name: string, use: (url: string) => Promise<string[]>, meanwhile = async () => {}): Promise<void> {
  const server = new ServerProcess(settings);
  try {
    const url = await server.url();
    keep(`answers of the ${name} server`, (await use(url)).join("\n"));
    keep(`metrics of the ${name} server`, await (await fetch(`${url}/metrics`)).text());
    await meanwhile();
    if ((await server.end("SIGTERM")) !== 0) throw new Error(`the ${name} server ended badly: ${server.stderr}`);
  } finally {
    await server.end("SIGKILL");
    keep(`output of the ${name} server`, server.stdout);
    keep(`log of the ${name} server`, server.stderr);
  }
}

function canariesOf(): Canary[] {
  const [kek] = (JSON.parse(readFileSync(`${dataDir}.keyring`, "utf8")) as { keys: { k: string }[] }).keys;
  // A caller gets what the model says; that is what it called for.
  const inAnswers = [{ place: "answers of", form: /^(raw|JSON|beginning|end)$/ }];
  return [
    canary("the first key of an Llm", secrets.llmKeys[0]),
    canary("the second key of an Llm", secrets.llmKeys[1]),
    canary("a key that was refused", secrets.refusedKey),
    canary("a prompt", secrets.prompt),
    canary("a reply", secrets.reply, inAnswers),
    canary("what an endpoint says in errors", secrets.upstreamWords),
    canary("the collector's token", collectorToken),
    canary("a key of the environment", environmentKey),
    ...apiKeyCanaries("the bootstrap API key", bootstrapKey),
    ...issuedKeys.flatMap((key, index) => apiKeyCanaries(`issued API key ${index + 1}`, key)),
    canary("the key that encrypts keys", Buffer.from(kek?.k ?? "", "base64url"), [
      { place: "key ring", form: /^base64(url)? at 0$/ },
    ]),
  ];
}

function report(canaries: readonly Canary[]): void {
  const { hits, byDesign } = scan(canaries, places);
  const planted = scan([canary("planted", secrets.planted)], places).hits.filter(({ form }) => form === "beginning");
  const kinds = ["answers", "table llm", "file postgres/base", "file postgres/pg_wal"];
  const missed = kinds.filter((kind) => !planted.some(({ place }) => place.startsWith(kind)));
  const forms = canaries.reduce((sum, { forms }) => sum + forms.length, 0);
  const mib = places.reduce((sum, { bytes }) => sum + bytes.length, 0) / 2 ** 20;
  for (const { canary, form, place } of hits) console.error(`found: ${canary}, ${form}, in ${place}`);
  for (const kind of missed) console.error(`the scan is blind: what was planted was not found in ${kind}`);
  console.log(`by design: ${[...new Set(byDesign.map(({ canary, place }) => `${canary} in ${place}`))].join("; ")}`);
  console.log(
    `${canaries.length} canaries, ${forms} forms, ${places.length} places, ${mib.toFixed(0)} MiB, ` +
      `${endpoint.requests.length} calls of endpoints, ${((performance.now() - startedAt) / 1_000).toFixed(0)} s`,
  );
  console.log(`${hits.length} hits`);
  process.exitCode = hits.length + missed.length > 0 ? 1 : 0;
}
