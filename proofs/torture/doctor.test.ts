import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { examineSetup } from "../../server/cli/doctor/doctor.ts";
import { readConfig } from "../../server/config/config.ts";
import { makeTemporaryFolder } from "../../server/test/base/temporary-folder.ts";
import { hasPgBouncer, OwnPgBouncer } from "./own-pgbouncer.ts";
import { OwnPostgres } from "./own-postgres.ts";

const TIMEOUT_MS = 180_000;

let folder: ReturnType<typeof makeTemporaryFolder>;
let postgres: OwnPostgres;
beforeAll(async () => {
  folder = makeTemporaryFolder("doctor");
  postgres = await OwnPostgres.create(join(folder.path, "postgres"));
}, TIMEOUT_MS);
afterAll(async () => {
  await postgres?.stop();
  folder?.remove();
});

const urlOf = (port: number, password = postgres.password) =>
  `postgres://postgres:${password}@127.0.0.1:${port}/patchbay`;

async function look(settings: Record<string, string>): Promise<string> {
  const ring = { KEYRING_FILE: join(folder.path, "none") };
  const findings = await examineSetup({ PORT: "0", ...ring, ...settings }, readConfig);
  return findings.map(({ about, verdict, found, mend }) => `${verdict} ${about}: ${found} | ${mend}`).join("\n");
}

describe("doctor, with databases of its own", { timeout: TIMEOUT_MS }, () => {
  it("finds a password that is not taken, a standby, and a superuser", async () => {
    const told = await look({ DATABASE_URL: urlOf(postgres.port, "canary") });
    expect(told).toContain("wrong DATABASE_URL: The database does not take the user or the password (28P01).");
    expect(told).not.toContain("canary");
    const standby = await OwnPostgres.standbyOf(postgres, join(folder.path, "standby"));
    onTestFinished(() => standby.stop());
    expect(await look({ DATABASE_URL: urlOf(standby.port) })).toContain(
      "wrong DATABASE_URL: it is a standby, which only reads | Name the primary",
    );
    const both = await look({ DATABASE_URL: urlOf(postgres.port), DATABASE_URL_REPLICA: urlOf(standby.port) });
    expect(both).toMatch(/fine DATABASE_URL_REPLICA: PostgreSQL 18/);
    expect(both).toContain("the role postgres is a superuser");
    expect(both).not.toContain("wrong");
  });

  it.skipIf(!hasPgBouncer)("finds poolers, and in which mode they are", async () => {
    const [transaction, session] = await Promise.all(
      (["transaction", "session"] as const).map((mode) => OwnPgBouncer.start(postgres, join(folder.path, mode), mode)),
    );
    onTestFinished(async () => {
      await transaction?.stop();
      await session?.stop();
    });
    const [pooled, ofSessions] = [urlOf(transaction?.port ?? 0), urlOf(session?.port ?? 0)];
    expect(await look({ DATABASE_URL: pooled })).toMatch(
      /doubt DATABASE_URL: behind a pooler in transaction mode: .* \| Set DATABASE_URL_DIRECT/,
    );
    expect(await look({ DATABASE_URL: pooled, DATABASE_URL_DIRECT: urlOf(postgres.port) })).toContain(
      "fine DATABASE_URL: behind a pooler in transaction mode, with DATABASE_URL_DIRECT past it",
    );
    expect(await look({ DATABASE_URL: pooled, DATABASE_URL_DIRECT: pooled })).toContain(
      "wrong DATABASE_URL_DIRECT: it is behind a pooler in transaction mode, too",
    );
    expect(await look({ DATABASE_URL: ofSessions })).toContain("fine DATABASE_URL: behind a pooler in session mode");
  });
});
