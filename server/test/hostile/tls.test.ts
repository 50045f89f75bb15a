/** TLS as an operator sets it up: two files in the environment of a process, replaced while it runs. */
import { execFile, execFileSync } from "node:child_process";
import { copyFileSync, readFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { get } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { connect } from "node:tls";
import { promisify } from "node:util";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPatchbay } from "../../../client/llm.ts";
import { makeTemporaryFolder } from "../base/temporary-folder.ts";
import { ServerProcess } from "../server/server-process.ts";
import { llmRequest } from "../service/llm-requests.ts";
import { startVictim, type Victim } from "./victim.ts";

const run = promisify(execFile);
const hasOpenssl = has("openssl", "version");
const hasCurl = has("curl", "--version");
if (!hasOpenssl) console.warn("There is no openssl here, which makes the certificates: TLS is not tested.");

function has(program: string, argument: string): boolean {
  try {
    execFileSync(program, [argument], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

let folder: ReturnType<typeof makeTemporaryFolder>;
let victim: Victim;
let ca: Buffer;
const file = (name: string) => join(folder.path, name);

/** Makes `<name>.cert` and `<name>.key`, self-signed for the loopback address. */
async function makeCertificate(name: string): Promise<void> {
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  const subject = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1", "-days", "1"];
  await run("openssl", [
    "req",
    "-x509",
    "-nodes",
    ...curve,
    ...subject,
    "-keyout",
    file(`${name}.key`),
    "-out",
    file(`${name}.cert`),
  ]);
}

function use(name: string): void {
  copyFileSync(file(`${name}.key`), file("key"));
  copyFileSync(file(`${name}.cert`), file("cert"));
}

function subjectNow(): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: victim.host, port: victim.port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.subject);
      socket.destroy();
    }).on("error", reject);
  });
}

describe.skipIf(!hasOpenssl)("a server with TLS_CERT_FILE and TLS_KEY_FILE", () => {
  beforeAll(async () => {
    folder = makeTemporaryFolder("tls");
    await Promise.all(["first", "second"].map(makeCertificate));
    use("first");
    ca = readFileSync(file("first.cert"));
    victim = await startVictim({ TLS_CERT_FILE: file("cert"), TLS_KEY_FILE: file("key"), LOG_LEVEL: "warn" });
  });
  afterAll(async () => {
    await victim.stop();
    folder.remove();
  });

  it("says https where it listens", () => {
    expect(victim.url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  });

  it.skipIf(!hasCurl).each(["--http1.1", "--http2"])("answers curl %s", async (version) => {
    const { stdout } = await run("curl", [
      "-sS",
      version,
      "--cacert",
      file("first.cert"),
      `${victim.url}/healthz`,
      "-w",
      "%{http_version}",
    ]);
    expect(stdout).toBe(`ok\n${version === "--http2" ? "2" : "1.1"}`);
  });

  it("answers HTTP/1.1", async () => {
    const headers = { authorization: `Bearer ${victim.apiKey}` };
    const body = await new Promise<string>((resolve, reject) => {
      get(`${victim.url}/v1/llms`, { ca, headers }, (response) => text(response).then(resolve)).on("error", reject);
    });
    expect(JSON.parse(body)).toHaveProperty("llms");
  });

  it("answers HTTP/2, which ALPN chooses", async () => {
    const session = connectHttp2(victim.url, { ca });
    const stream = session.request({ ":path": "/v1/llms", authorization: `Bearer ${victim.apiKey}` });
    expect(JSON.parse(await text(stream))).toHaveProperty("llms");
    expect(session.alpnProtocol).toBe("h2");
    session.destroy();
  });

  it("answers gRPC", async () => {
    const { url: baseUrl, apiKey } = victim;
    const transport = (options: object) => createGrpcTransport({ ...options, baseUrl, nodeOptions: { ca } });
    const { llms } = createPatchbay({ url: baseUrl, apiKey, transport });
    const { llm } = await llms.createLlm(llmRequest({ displayName: "over TLS" }));
    expect((await llms.getLlm({ llmId: llm?.llmId ?? "" })).llm?.displayName).toBe("over TLS");
  });

  it("answers nothing that is not TLS", async () => {
    await expect(fetch(victim.url.replace("https", "http"))).rejects.toThrow();
  });

  // It looks every 10 s; that a broken one is not taken is a test of the listener, which need not wait so long.
  it("serves a certificate that is replaced while it runs", async () => {
    expect(await subjectNow()).toBe("CN=first");
    use("second");
    await expect.poll(subjectNow, { timeout: 15_000, interval: 250 }).toBe("CN=second");
  });

  it.each([
    {
      name: "a certificate that is not there",
      settings: () => ({ TLS_CERT_FILE: file("nowhere"), TLS_KEY_FILE: file("key") }),
      told: "TLS_CERT_FILE is ",
    },
    {
      name: "a key that is not there",
      settings: () => ({ TLS_CERT_FILE: file("cert"), TLS_KEY_FILE: file("nowhere") }),
      told: "TLS_KEY_FILE is ",
    },
    {
      name: "a key of another certificate",
      settings: () => ({ TLS_CERT_FILE: file("first.cert"), TLS_KEY_FILE: file("second.key") }),
      told: "they must hold a certificate and its key",
    },
    {
      name: "a file that is no PEM",
      settings: () => ({ TLS_CERT_FILE: import.meta.filename, TLS_KEY_FILE: file("key") }),
      told: "TLS_CERT_FILE is ",
    },
    {
      name: "a certificate without a key",
      settings: () => ({ TLS_CERT_FILE: file("cert") }),
      told: "TLS_KEY_FILE is missing",
    },
  ])("does not start with $name, and names the setting", async ({ settings, told }) => {
    const { DATABASE_URL, KEYRING_FILE } = victim.settings;
    const server = new ServerProcess({ DATABASE_URL, KEYRING_FILE, ...settings() });
    expect(await server.exit()).toBe(1);
    expect(server.stderr).toContain(told);
    expect(server.stderr).not.toMatch(/\n {4}at /);
  });
});
