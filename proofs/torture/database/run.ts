/**
 * `npm run torture:database -- --rounds 300 --seed 1`: treats a PostgreSQL badly, at random, under writers, chats,
 * streams and watches, and kills the server itself now and then; checks after every round that it serves again within
 * 5 s of the database, that its pool is at rest within 10 s, and in the end that every write that was promised is there
 * and that usage is what the provider's ledger says.
 */
import { copyFileSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { makeTemporaryFolder } from "../../../server/test/base/temporary-folder.ts";
import { saysSlowly } from "../../../server/test/upstream/behaviours.ts";
import { ScriptedUpstream } from "../../../server/test/upstream/scripted-upstream.ts";
import { OwnPostgres } from "../own-postgres.ts";
import { TcpProxy } from "../tcp-proxy.ts";
import { type Options, Torture, type Verdict } from "./torture.ts";

export async function tortureDatabase(options: Options): Promise<Verdict> {
  const upstream = await ScriptedUpstream.start({ otherwise: saysSlowly(10, "some ", "words") });
  const folder = makeTemporaryFolder("torture-database");
  const postgres = await OwnPostgres.create(join(folder.path, "postgres"));
  const proxy = await TcpProxy.start(postgres.port);
  const torture = new Torture(postgres, proxy, upstream, folder.path, options);
  try {
    const verdict = await torture.run();
    if (verdict.violations.length > 0) options.say?.(torture.serverLog.slice(-8_000));
    return verdict;
  } catch (error) {
    options.say?.(torture.serverLog.slice(-8_000));
    throw error;
  } finally {
    await torture.close();
    await proxy.close();
    await postgres.stop();
    if (options.logFolder) copyFileSync(postgres.logFile, join(options.logFolder, "postgres.log"));
    await upstream.close();
    folder.remove();
  }
}

if (process.argv[1] === import.meta.filename) {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "300" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      fault: { type: "string", multiple: true },
      patience: { type: "string", default: "1" },
    },
  });
  const logFolder = mkdtempSync(join(tmpdir(), `patchbay-torture-${values.seed}-`));
  console.log(`seed ${values.seed}; logs are in ${logFolder}`);
  const startedAt = Date.now();
  const { violations, ...figures } = await tortureDatabase({
    rounds: Number(values.rounds),
    seed: Number(values.seed),
    ...(values.fault ? { faults: values.fault } : {}),
    patience: Number(values.patience),
    logFolder,
    say: console.log,
  });
  for (const wrong of violations) console.error(`VIOLATION: ${wrong}`);
  console.log(`${JSON.stringify(figures)}, ${Math.round((Date.now() - startedAt) / 1_000)} s, seed ${values.seed}`);
  process.exit(violations.length === 0 ? 0 : 1);
}
