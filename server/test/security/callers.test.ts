/** Who may call: keys that are none, headers that pretend, origins that nobody listed. C1, C4, C5, C9, C10. */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Health } from "../../../gen/grpc/health/v1/health_pb.ts";
import { build } from "../../compose/server.ts";
import { readConfig } from "../../config/config.ts";
import { makeApiKey } from "../../domain/access/api-key-format.ts";
import { createAdmission } from "../../service/call/admission.ts";
import { SERVICES } from "../../service/services.ts";
import { makeTemporaryFolder } from "../base/temporary-folder.ts";
import { startServer, type TestServer } from "../server/test-server.ts";
import { createDatabase, type TestDatabase } from "../store/databases.ts";
import { recordDatabase } from "./database-recorder.ts";

const ORIGIN = "https://app.example.com";
const FUZZ = 10_000;
const AT_ONCE = 32;

let server: TestServer;
let viewerKey: string;
beforeAll(async () => {
  server = await startServer({ CORS_ORIGINS: ORIGIN });
  viewerKey = (await server.addAccount("VIEWER")).apiKey;
});
afterAll(() => server.stop());

describe(`C1 ${FUZZ} values of Authorization`, () => {
  let database: TestDatabase;
  let recorder: Awaited<ReturnType<typeof recordDatabase>>;
  let watched: TestServer;
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  beforeAll(async () => {
    database = await createDatabase();
    recorder = await recordDatabase(database);
    watched = await startServer({ DATABASE_URL: recorder.url, UNKNOWN_KEYS_PER_MINUTE: "0" });
  });
  afterAll(async () => {
    agent.destroy();
    await watched.stop();
    await recorder.close();
    await database.drop();
  });

  const statusOf = (name: string, value: string) =>
    new Promise<number>((resolve, reject) => {
      const call = request(`${watched.url}/v1/llms`, { agent, headers: { [name]: value } }, (response) => {
        response.resume().once("end", () => resolve(response.statusCode ?? 0));
      });
      call.once("error", reject).end();
    });

  it("C1 are refused, bring nothing down, and nothing of them comes into a statement or beside one", async () => {
    const values = Array.from({ length: FUZZ }, (_, index) => fuzz(index));
    const waiting = [...values];
    const statuses = new Map<number, number>();
    const work = async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        const status = await statusOf(next.header, next.value);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    expect([...statuses]).toEqual([[401, FUZZ]]);
    const sent = recorder.sent();
    expect(values.filter(({ marker }) => sent.includes(marker))).toEqual([]);
    // It is the recorder that would have seen them: the ids of well-formed keys, which are looked up, are there.
    const ids = values.flatMap(({ id }) => id ?? []);
    expect([ids.length > FUZZ / 20, ids.filter((id) => !sent.includes(id))]).toEqual([true, []]);
    expect(watched.log.filter(({ level }) => level === "error")).toEqual([]);
    expect((await fetch(`${watched.url}/readyz`)).status).toBe(200);
  }, 300_000);
});

const SHAPES: readonly ((marker: string) => string)[] = [
  (marker) => `Bearer ${marker}' or '1'='1`,
  (marker) => `Bearer ${marker}"; drop table api_key; --`,
  (marker) => `Bearer pb_live_${marker}' union select digest from api_key --`,
  (marker) => `Bearer pb_live_${marker.padEnd(59, "0")}_000000`,
  (marker) => `Basic ${Buffer.from(`${marker}:x`).toString("base64")} ${marker}`,
  (marker) => `${marker}\t$1 $2 ? :id \\x00 %00 %27`,
  (marker) => `Bearer ${marker} {"__proto__":1} \${jndi:ldap://x} {{7*7}}`,
  (marker) =>
    `Bearer ${marker}${randomBytes(200)
      .toString("latin1")
      .replace(/[^\t\x20-\x7e\x80-\xff]/g, "")}`,
  (marker) => `Bearer ${marker.repeat(300)}`,
  (marker) => `bearer  ${marker},Bearer ${marker}`,
];

/** A value that nobody has sent before, by what of it must not be seen again; every eleventh is a key that could be one. */
function fuzz(index: number): { header: string; value: string; marker: string; id?: string } {
  const header = index % 3 === 0 ? "x-api-key" : "authorization";
  if (index % 11 === 0) {
    const key = makeApiKey().reveal();
    const [id, marker] = [key.slice(8, 24), key.slice(24, 60)];
    return { header, value: header === "authorization" ? `Bearer ${key}` : key, marker, id };
  }
  const marker = `m${randomBytes(8).toString("hex")}`;
  return { header, value: SHAPES[index % SHAPES.length]?.(marker) ?? marker, marker };
}

describe("C4 a service whose rpcs say nothing of permissions", () => {
  const deps = {
    callers: undefined as never,
    limits: undefined as never,
    fork: undefined as never,
    uses: undefined as never,
  };

  it("C4 does not start", () => {
    expect(() => createAdmission([...SERVICES, Health], deps)).toThrow(/Health.Check declares no permission/);
    expect(() => createAdmission(SERVICES, deps)).not.toThrow();
  });
});

describe("C5 a header that pretends", () => {
  const pretences = [
    { "x-request-from": "internal" },
    { "x-forwarded-for": "127.0.0.1", forwarded: "for=127.0.0.1" },
    { "x-forwarded-user": "admin", "x-remote-user": "admin", "remote-user": "admin" },
    { "x-user-id": "00000000-0000-4000-8000-000000000000", "x-account-id": "1", "x-role": "ADMIN" },
    { "x-patchbay-role": "ADMIN", "x-internal": "true", "x-admin": "true" },
    { cookie: "session=admin; role=ADMIN" },
    { authorization: "Bearer null" },
    { authorization: `Basic ${Buffer.from("admin:admin").toString("base64")}` },
    { "x-http-method-override": "GET", "x-original-url": "/healthz" },
  ] as unknown as Record<string, string>[];

  it.each(pretences)("C5 opens nothing: %o", async (headers) => {
    expect((await fetch(`${server.url}/v1/llms`, { headers })).status).toBe(401);
    const asViewer = { "content-type": "application/json", ...headers, "x-api-key": viewerKey };
    const { authorization: _, ...withKey } = asViewer as Record<string, string>;
    const body =
      '{"displayName":"x","providerType":"VLLM","endpointUrl":"https://a.example.com","modelIdentifier":"m"}';
    expect((await fetch(`${server.url}/v1/llms`, { method: "POST", headers: withKey, body })).status).toBe(403);
  });
});

describe("C9 a page of an origin", () => {
  const paths = ["/v1/llms", "/patchbay.v1.LlmService/ListLlms", "/llm-providers", "/nowhere", "/healthz"];
  const foreign = [
    ...[
      "https://evil.example",
      "null",
      `${ORIGIN}.evil.example`,
      "https://evil-app.example.com",
      "http://app.example.com",
    ],
    ...["https://app.example.com:444", "https://sub.app.example.com", "https://app.example.com@evil.example", "*"],
  ];
  const askFrom = async (origin: string, path: string, method: string) => {
    const asks = { "access-control-request-method": "POST", "access-control-request-headers": "authorization" };
    const headers = { origin, "x-api-key": viewerKey, ...(method === "OPTIONS" ? asks : {}) };
    return (await fetch(`${server.url}${path}`, { method, headers })).headers;
  };

  it.each(foreign)("C9 that nobody listed may read nothing: %s", async (origin) => {
    for (const path of paths) {
      for (const method of ["GET", "POST", "OPTIONS"]) {
        const headers = await askFrom(origin, path, method);
        expect([path, method, headers.get("access-control-allow-origin")]).toEqual([path, method, null]);
      }
    }
  });

  it("C9 that is listed may, by its own name and without cookies", async () => {
    for (const path of paths.slice(0, 2)) {
      for (const method of ["POST", "OPTIONS"]) {
        const headers = await askFrom(ORIGIN, path, method);
        expect(headers.get("access-control-allow-origin")).toBe(ORIGIN);
        expect(headers.get("access-control-allow-credentials")).toBeNull();
        expect(headers.get("vary")?.toLowerCase()).toContain("origin");
      }
    }
  });
});

describe("C10 a secret of the server's own that is none", () => {
  const log = { debug() {}, info() {}, warn() {}, error() {} };

  it.each(["sk-1234", "admin", "changeme", "pb_live_", `pb_live_${"0".repeat(59)}_000000`, "x".repeat(73)])(
    "C10 is refused at the start as BOOTSTRAP_API_KEY, and not repeated: %s",
    async (key) => {
      const config = readConfig({ PORT: "0", BOOTSTRAP_API_KEY: key, DATABASE_URL: server.database.url });
      const refusal = await build(config, log).catch((error: Error) => error.message);
      expect(refusal).toMatch(/^BOOTSTRAP_API_KEY is not a Patchbay API key/);
      expect(refusal).not.toContain(key);
    },
  );

  const ring = (k: string) => JSON.stringify({ keys: [{ kty: "oct", kid: "a", k }] });
  it.each([
    { name: "an empty file", text: "" },
    { name: "a word", text: "sk-1234" },
    { name: "no keys", text: '{"keys":[]}' },
    { name: "an empty key", text: ring("") },
    { name: "a short key", text: ring(randomBytes(16).toString("base64url")) },
    { name: "zeros", text: ring(Buffer.alloc(32).toString("base64url")) },
    { name: "one word again and again", text: ring(Buffer.from("password".repeat(4)).toString("base64url")) },
  ])("C10 is refused at the start as the key ring, and not repeated: $name", async ({ text }) => {
    const folder = makeTemporaryFolder("weak");
    const database = await createDatabase();
    const file = join(folder.path, "keyring");
    writeFileSync(file, text, { mode: 0o600 });
    const config = readConfig({ PORT: "0", DATABASE_URL: database.url, KEYRING_FILE: file });
    const refusal = await build(config, log).catch((error: Error) => `${error.name}: ${error.message}`);
    expect(refusal).toMatch(/^KeyRingError: /);
    await database.drop();
    folder.remove();
  });
});
