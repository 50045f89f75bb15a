/** Each fault is a real one: a port that is taken, a role that may not, a certificate of yesterday. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from "vitest";
import { readConfig } from "../../config/config.ts";
import { formatKeyRing, generateKey } from "../../store/vault/key-ring.ts";
import { makeTemporaryFolder } from "../../test/base/temporary-folder.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { createDatabase } from "../../test/store/databases.ts";
import { LocalIssuer } from "../../test/upstream/local-issuer.ts";
import { makeCertificate } from "../../test/wire/certificate.ts";
import { startCollector } from "../../test/wire/collector.ts";
import { examineSetup } from "./doctor.ts";

const MAIN = join(import.meta.dirname, "../patchbay.ts");
const DAY_MS = 86_400_000;
const isRoot = process.getuid?.() === 0;

let server: TestServer;
let folder: ReturnType<typeof makeTemporaryFolder>;
beforeAll(async () => {
  server = await startServer();
  folder = makeTemporaryFolder("doctor");
});
afterAll(async () => {
  await server.stop();
  folder.remove();
});
afterEach(() => vi.useRealTimers());

/** What is not fine about a setup that is fine but for these settings, line by line. */
async function look(settings: Record<string, string>, now?: Date): Promise<string[]> {
  const environment = { ...server.settings, PORT: "0", DEMO_ENDPOINT: "off", ...settings };
  const findings = await examineSetup(environment, readConfig, now);
  expect(findings.length).toBeGreaterThan(0);
  const bad = findings.filter(({ verdict }) => verdict === "wrong" || verdict === "doubt");
  return bad
    .map(({ about, verdict, found, mend = "" }) => `${verdict} ${about}: ${found} | ${mend}`)
    .filter((line) => !line.includes("is a superuser")); // The tests' own role is.
}

const fileOf = (name: string, content: string, mode = 0o600) => {
  const file = join(folder.path, name);
  writeFileSync(file, content, { mode });
  chmodSync(file, mode);
  return file;
};

describe("doctor", { timeout: 60_000 }, () => {
  it("finds nothing wrong with a server that works, and says what it looked at", async () => {
    expect(await look({})).toEqual([]);
    const findings = await examineSetup({ ...server.settings, PORT: "0" }, readConfig);
    expect(findings.map(({ about }) => about)).toEqual(
      expect.arrayContaining(["settings", "DATABASE_URL", "key ring", "port", "TLS_CERT_FILE", "clock"]),
    );
    expect(findings.find(({ about }) => about === "key ring")?.found).toContain("opens the database's data keys");
  });

  it("tells all settings that cannot be used, and words that are almost settings", async () => {
    const told = await look({ PORT: "http", LOG_LEVEL: "loud", EGRESS_ALOW: "x" });
    expect(told).toEqual([
      "doubt EGRESS_ALOW: there is no such setting, and there is EGRESS_ALLOW | Did you mean EGRESS_ALLOW?",
      expect.stringMatching(/^wrong PORT: .*must be a number from 0 to 65535/),
      expect.stringMatching(/^wrong LOG_LEVEL: .*must be one of trace/),
    ]);
  });

  it("finds a database that is not there, and repeats no password", async () => {
    const [told, ...more] = await look({ DATABASE_URL: "postgres://me:canary-password@127.0.0.1:1/patchbay" });
    expect(more).toEqual([]);
    expect(told).toMatch(/^wrong DATABASE_URL: The database cannot be reached \(ECONNREFUSED\). \|/);
    expect(told).not.toContain("canary");
  });

  it("finds a database that is not there by its name, and a replica and a direct way likewise", async () => {
    const nowhere = server.database.url.replace(/\/test_\w+/, "/nowhere");
    const told = await look({ DATABASE_URL_DIRECT: nowhere, DATABASE_URL_REPLICA: nowhere });
    expect(told.map((line) => line.slice(0, 60))).toEqual([
      expect.stringContaining("wrong DATABASE_URL_DIRECT: The server has no such database"),
      expect.stringContaining("wrong DATABASE_URL_REPLICA: The server has no such database"),
    ]);
  });

  it("finds a role that may not migrate, one that only reads, and too few connections", async () => {
    const em = server.store.fork();
    const role = `doctor_${crypto.randomUUID().slice(0, 8)}`;
    await em.execute(`create role ${role} login`);
    onTestFinished(async () => {
      await em.execute(`drop owned by ${role}; drop role ${role}`);
    });
    const url = server.database.url.replace("patchbay@", `${role}@`);
    const told = await look({ DATABASE_URL: url });
    expect(told).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^wrong DATABASE_URL: the role \w+ may not make tables in its schema/),
      ]),
    );
    expect(told.join("\n")).toMatch(/tables are another role's .* \| alter table … owner to/);
    await em.execute(`alter role ${role} set default_transaction_read_only = on`);
    expect((await look({ DATABASE_URL: url })).join("\n")).toContain("default_transaction_read_only is on");
    expect((await look({ DATABASE_POOL_SIZE: "500" })).join("\n")).toMatch(
      /a server wants 503 \| Raise max_connections/,
    );
  });

  it("finds keys that everybody can read, that are another database's, and that are gone", async () => {
    const open = fileOf("open", formatKeyRing([generateKey()], 0), 0o644);
    expect((await look({ KEYRING_FILE: open })).join("\n")).toMatch(/^wrong key ring: .*(chmod|mode)/);
    const other = fileOf("other", formatKeyRing([generateKey()], 0));
    expect((await look({ KEYRING_FILE: other })).join("\n")).toMatch(
      /^wrong key ring: .*lacks the key .* use the key ring that it was started with/,
    );
    const gone = join(folder.path, "gone");
    expect((await look({ KEYRING_FILE: gone })).join("\n")).toMatch(/^wrong key ring: .*is missing/);
    expect((await look({ KEYRING_FILE: "", KEYRING: "nonsense" })).join("\n")).toMatch(/^wrong key ring: .*KEYRING/);
  });

  it("makes neither keys nor tables of a database that is empty", async () => {
    const database = await createDatabase();
    onTestFinished(() => database.drop());
    const keyring = join(folder.path, "none-yet");
    expect(await look({ DATABASE_URL: database.url, KEYRING_FILE: keyring })).toEqual([]);
    expect(() => execFileSync("test", ["-e", keyring])).toThrow();
  });

  it("finds a port that another program has, and knows one that a server of ours has", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => other.once("listening", resolve));
    onTestFinished(() => void other.close());
    const { port } = other.address() as { port: number };
    expect(await look({ PORT: String(port) })).toEqual([
      expect.stringMatching(/^wrong port: PORT is \d+, which another program on 127.0.0.1 uses/),
    ]);
    expect(await look({ PORT: String(server.port) })).toEqual([]);
    expect((await look({ HOST: "192.0.2.1" })).join("\n")).toMatch(/wrong port: HOST is 192.0.2.1/);
  });

  it("finds certificates that are over, to come, another key's, or trusted by nobody", async () => {
    const [one, two] = [makeCertificate(), makeCertificate()];
    const tls = { TLS_CERT_FILE: fileOf("cert.pem", one.cert), TLS_KEY_FILE: fileOf("key.pem", one.key) };
    expect((await look(tls)).join("\n")).toMatch(/expires in 0 days[\s\S]*signed itself/);
    expect((await look(tls, new Date(Date.now() + 3 * DAY_MS))).join("\n")).toMatch(
      /wrong TLS_CERT_FILE: .*has expired/,
    );
    expect((await look(tls, new Date(Date.now() - DAY_MS))).join("\n")).toMatch(/is not valid before/);
    chmodSync(tls.TLS_KEY_FILE, 0o644);
    expect((await look(tls)).join("\n")).toContain("doubt TLS_KEY_FILE: everybody on this machine can read");
    const mixed = { ...tls, TLS_KEY_FILE: fileOf("other-key.pem", two.key) };
    expect((await look(mixed)).join("\n")).toMatch(/wrong TLS_CERT_FILE: .*must hold a certificate and its key/);
    const wrongOrder = { ...tls, TLS_CERT_FILE: fileOf("chain.pem", one.cert + two.cert) };
    expect((await look(wrongOrder)).join("\n")).toContain("second certificate did not sign the first");
    expect((await look({ NODE_EXTRA_CA_CERTS: "/nowhere.pem" })).join("\n")).toMatch(
      /wrong NODE_EXTRA_CA_CERTS: .*ENOENT/,
    );
    expect((await look({ HOST: "0.0.0.0" })).join("\n")).toContain("doubt TLS_CERT_FILE: the port speaks clear text");
  });

  it("finds a clock that is off, by the database's", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    vi.setSystemTime(Date.now() + 60_000);
    expect((await look({})).join("\n")).toMatch(/wrong clock: this machine's clock is (59|60|61) s ahead of/);
    vi.setSystemTime(Date.now() - 65_000);
    expect((await look({})).join("\n")).toMatch(/doubt clock: this machine's clock is \d s behind/);
    vi.setSystemTime(new Date("2020-01-01"));
    expect((await look({})).join("\n")).toContain("before this Patchbay was made");
  });

  it("finds systems that do not answer", async () => {
    const [collector, issuer] = [await startCollector(), await LocalIssuer.start()];
    onTestFinished(async () => {
      await collector.close();
      await issuer.close();
    });
    await issuer.addKey("one");
    const oidc = { OIDC_ISSUER: issuer.url, OIDC_AUDIENCE: "patchbay" };
    const systems = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, EGRESS_ALLOW: server.url, ...oidc };
    expect(await look(systems)).toEqual([]);
    collector.answerWith(401);
    issuer.fault = "other-issuer";
    const told = await look({ ...systems, EGRESS_ALLOW: "http://127.0.0.1:1,https://*.llm.corp:443" });
    expect(told.map((line) => line.slice(0, 66))).toEqual([
      expect.stringContaining("doubt EGRESS_ALLOW: http://127.0.0.1:1 is open, and does not answ"),
      expect.stringContaining("doubt OTEL_EXPORTER_OTLP_ENDPOINT: the collector answers 401"),
      expect.stringContaining("wrong OIDC_ISSUER: its keys cannot be had (the discovery document"),
    ]);
  });

  it("finds references that lead nowhere, proxies that nobody heeds, and a demo in earnest", async () => {
    const refs = `env://DOCTOR_KEY@https://api.openai.com,file://${folder.path}/no-key@https://api.openai.com`;
    const told = await look({ SECRET_REFS: refs, HTTPS_PROXY: "http://127.0.0.1:1", DEMO_ENDPOINT: "on" });
    expect(told.join("\n")).toMatch(/DEMO_ENDPOINT[\s\S]*env:\/\/DOCTOR_KEY[\s\S]*no-key[\s\S]*HTTPS_PROXY is set/);
    expect(await look({ SECRET_REFS: refs.split(",")[0] ?? "", DOCTOR_KEY: "sk-1" })).toEqual([]);
  });

  it("finds a data folder that is no folder, or of another PostgreSQL", async () => {
    const embedded = { DATABASE_URL: "", KEYRING_FILE: join(folder.path, "new-ring") };
    const file = fileOf("file", "");
    expect((await look({ ...embedded, DATA_DIR: join(file, "data") })).join("\n")).toMatch(
      /wrong data folder: .*is a file/,
    );
    const old = join(folder.path, "old");
    mkdirSync(join(old, "postgres"), { recursive: true });
    writeFileSync(join(old, "postgres/PG_VERSION"), "17\n");
    expect((await look({ ...embedded, DATA_DIR: old })).join("\n")).toMatch(
      /wrong data folder: its files are PostgreSQL 17's/,
    );
  });

  it.skipIf(!isRoot)("finds a data folder that its user may not write to", async () => {
    const data = join(folder.path, "closed");
    mkdirSync(data);
    chownSync(data, 0, 0);
    chmodSync(data, 0o755);
    const env = { PATH: process.env.PATH ?? "", DATA_DIR: join(data, "data"), PORT: "0" };
    const child = spawn(process.execPath, [MAIN, "doctor"], { env, uid: 65_534, gid: 65_534, cwd: "/" });
    const [told, code] = await Promise.all([
      text(child.stdout),
      new Promise((resolve) => child.once("close", (exitCode) => resolve(exitCode))),
    ]);
    expect(told).toMatch(/✗ data folder: .*closed belongs to user 0, with mode 755; this user may not write there/);
    expect(told).toContain("1 to mend before a server works");
    expect(code).toBe(7);
  });

  it.skipIf(!canMount())("finds a disk without room", async () => {
    const small = join(folder.path, "small");
    mkdirSync(small);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", small]);
    onTestFinished(() => void execFileSync("umount", [small]));
    const told = await look({
      DATABASE_URL: "",
      KEYRING_FILE: join(folder.path, "ring-2"),
      DATA_DIR: join(small, "data"),
    });
    expect(told.join("\n")).toMatch(/wrong disk of .*small: \d MB are free/);
  });

  it("speaks JSON, and ends with 0 where nothing is wrong", async () => {
    const env = { PATH: process.env.PATH ?? "", ...server.settings, PORT: "0" };
    const { stdout, status } = spawnSync(process.execPath, [MAIN, "doctor", "-o", "json"], { env, encoding: "utf8" });
    expect(status).toBe(0);
    expect(JSON.parse(stdout)[0]).toMatchObject({ about: "settings", verdict: "fine" });
  });
});

function canMount(): boolean {
  const probe = makeTemporaryFolder("mount");
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", probe.path]);
  if (status === 0) spawnSync("umount", [probe.path]);
  else console.log("skipped: a disk without room, because nothing can be mounted here");
  probe.remove();
  return status === 0;
}
