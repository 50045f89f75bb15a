/**
 * Rolls an installation forward from an older commit, under load: the old server on its own schema, the new one started
 * beside it, which migrates, both at work, the old one stopped as a balancer would have it. Then an old one once more, on
 * the new schema: the way back. Nothing that was acknowledged may be missing. It needs git's history and npm.
 *
 *   npm run test:upgrade                                 # from b67f224
 *   npm run test:upgrade -- --from COMMIT --seconds 20
 */
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { makeApiKey } from "../../server/domain/access/api-key-format.ts";
import { makeTemporaryFolder } from "../../server/test/base/temporary-folder.ts";
import { ServerProcess } from "../../server/test/server/server-process.ts";
import { says } from "../../server/test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../../server/test/upstream/scripted-upstream.ts";
import { OwnPostgres } from "../torture/own-postgres.ts";
import { call, Tally, type Target, underLoad } from "./load.ts";
import { checkOut } from "./old-server.ts";

const { values } = parseArgs({
  options: { from: { type: "string", default: "b67f224" }, seconds: { type: "string", default: "10" } },
});
const seconds = Number(values.seconds);
const old = checkOut(values.from, join(tmpdir(), `patchbay-upgrade-${values.from}`));
if ("missing" in old) {
  console.log(`skipped: the upgrade from ${values.from}, because ${old.missing}`);
  process.exit(0);
}

const folder = makeTemporaryFolder("upgrade");
const cleanups: (() => unknown)[] = [() => folder.remove()];
let failed = 0;
function check(claim: string, isTrue: boolean, seen: unknown = ""): void {
  console.log(`  ${isTrue ? "✓" : "✗"} ${claim}${isTrue || seen === "" ? "" : `\n${seen}`}`);
  if (!isTrue) failed++;
}

try {
  const upstream = await ScriptedUpstream.start({ otherwise: says("Hello.") });
  cleanups.push(() => upstream.close());
  const postgres = await OwnPostgres.create(join(folder.path, "postgres"));
  cleanups.push(() => postgres.stop());
  const key = makeApiKey().reveal();
  const settings = {
    DATABASE_URL: `postgres://postgres:${postgres.password}@127.0.0.1:${postgres.port}/patchbay`,
    KEYRING_FILE: join(folder.path, "keyring"),
    BOOTSTRAP_API_KEY: key,
    EGRESS_ALLOW: upstream.url,
    SHUTDOWN_GRACE_SECONDS: "3",
    LOG_LEVEL: "warn",
  };
  const start = async (name: string, main?: string): Promise<Target & { server: ServerProcess }> => {
    const server = main ? new ServerProcess(settings, [], main) : new ServerProcess(settings);
    cleanups.push(() => server.end("SIGKILL"));
    return { name, url: await server.url(), key, server };
  };

  const before = await start("old", old.main);
  console.log(`${values.from} runs, on a schema of its own`);
  const tally = new Tally();
  let targets: Target[] = [before];
  const ending = new AbortController();
  const load = underLoad(() => targets, upstream.url, tally, ending.signal);
  await pause((seconds * 1_000) / 2);
  const phase = (name: string) => {
    const failures = [...tally.failures].map(([failure, count]) => `${failure}, ${count} times`);
    check(
      `${name}: no call fails (${tally.calls} calls, ${tally.chats} chats)`,
      failures.length === 0,
      failures.join("\n"),
    );
    tally.failures.clear();
  };
  phase("before");

  const after = await start("new");
  phase("while the new one migrates beside it");
  targets = [before, after];
  await pause(seconds * 1_000);
  phase("side by side");

  const made = await call(after, tally, "POST", "/v1/apiKeys", { displayName: "revoked", role: "MEMBER" });
  const { apiKeyId = "" } = (made?.apiKey ?? {}) as { apiKeyId?: string };
  const withKey = { ...before, key: String(made?.key) };
  check(
    "a key that the new one made is taken by the old one",
    (await call(withKey, tally, "GET", "/v1/llms")) !== undefined,
  );
  await call(after, tally, "POST", `/v1/apiKeys/${apiKeyId}:revoke`, {});
  await pause(500);
  const refused = new Tally();
  await call(withKey, refused, "GET", "/v1/llms");
  check("and refused, once the new one has revoked it", [...refused.failures.keys()][0]?.includes("401") ?? false);

  // One that warns takes chats of Llms without a price.
  const budget = { period: "DAY", amount: "25000000000000", mode: "WARN" };
  await call(after, tally, "POST", "/v1/apiKeys", {
    displayName: "limited",
    role: "MEMBER",
    limits: { budget: { period: "DAY", amountUsd: "25" } },
  });
  check(
    "an account's budget is set by the old one beside the budget of a key that the new one made",
    (await call(before, tally, "POST", "/v1/budgets", budget)) !== undefined,
  );

  before.server.child.kill("SIGTERM");
  // A balancer sees /readyz, and sends calls elsewhere before the grace is over.
  targets = [after];
  check("the old one stops in order", (await before.server.exit()) === 0);
  await pause((seconds * 1_000) / 2);
  phase("after it is gone");

  const again = await start("old", old.main);
  targets = [after, again];
  await pause((seconds * 1_000) / 2);
  phase("an old one started on the new schema");
  again.server.child.kill("SIGTERM");
  targets = [after];
  check("it stops in order, too", (await again.server.exit()) === 0);
  ending.abort();
  await load;
  phase("in the end");

  const lost: string[] = [];
  for (const id of tally.llmIds) if (!(await call(after, tally, "GET", `/v1/llms/${id}`))) lost.push(id);
  check(`all ${tally.llmIds.size} Llms that were acknowledged are there`, lost.length === 0, lost);
  const [{ count }] = (await postgres.administer("select count(*)::int as count from reply_usage", "patchbay")) as [
    { count: number },
  ];
  check(`each of ${tally.chats} chats has its usage row`, count >= tally.chats, count);
  for (const words of [
    ["keys", "verify"],
    ["audit", "verify"],
  ]) {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(import.meta.dirname, "../../server/cli/patchbay.ts"), ...words],
      { env: { PATH: process.env.PATH ?? "", ...settings }, encoding: "utf8" },
    );
    check(`patchbay ${words.join(" ")}`, status === 0, stdout + stderr);
  }
  const told = [before, after, again].map(({ name, server }) => `${name}: ${server.stderr}`).join("\n");
  check("no log has a key", !told.includes("canary"));
  if (failed > 0) console.log(told.slice(0, 8_000));
} finally {
  for (const cleanup of cleanups.reverse()) await cleanup();
}
process.exitCode = failed > 0 ? 1 : 0;
console.log(
  failed > 0
    ? `${failed} claims do not hold`
    : `It rolls forward from ${values.from}, and an old server runs on the new schema.`,
);
