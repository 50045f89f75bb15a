import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { connect, type TLSSocket } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { echo, getHttp2, http2Peer, listenHere, rawPeer, timed } from "../../test/wire/peers.ts";
import { type CertificateFiles, followCertificate, readCertificate } from "./certificate.ts";
import { listen } from "./listen.ts";

const limits = { certificateCheckMs: 20 };

/** The files of a self-signed certificate for localhost, gone after the test. */
async function certificateFiles(commonName: string): Promise<CertificateFiles> {
  const folder = await mkdtemp(join(tmpdir(), "patchbay-tls-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const files = { certFile: join(folder, "cert.pem"), keyFile: join(folder, "key.pem") };
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  const subject = ["-subj", `/CN=${commonName}`, "-addext", "subjectAltName=DNS:localhost", "-days", "1"];
  const out = ["-nodes", "-keyout", files.keyFile, "-out", files.certFile];
  execFileSync("openssl", ["req", "-x509", ...curve, ...subject, ...out], { stdio: "pipe" });
  return files;
}

/** The handshake as a client that offers these protocols sees it. */
async function handshake(port: number, ALPNProtocols?: string[]) {
  const socket: TLSSocket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols });
  onTestFinished(() => void socket.destroy());
  await once(socket, "secureConnect");
  const subject = socket.getPeerX509Certificate()?.subject;
  return { protocol: socket.alpnProtocol, subject, version: socket.getProtocol(), socket };
}

async function copy(from: CertificateFiles, to: CertificateFiles): Promise<void> {
  await writeFile(to.certFile, await readFile(from.certFile));
  await writeFile(to.keyFile, await readFile(from.keyFile));
}

describe("one port with TLS", () => {
  it("answers HTTP/2 and HTTP/1.1 as ALPN says", async () => {
    const tls = await certificateFiles("first");
    const { port } = await listenHere(echo, { tls });
    const options = { ca: await readFile(tls.certFile), servername: "localhost" };

    const call = request({ ...options, port, path: "/one" }).end();
    expect(await text((await once(call, "response"))[0])).toBe("1.1 /one");
    expect(await getHttp2(await http2Peer(`https://localhost:${port}`, options), "/two")).toBe("2.0 /two");
  });

  it.each([
    { name: "prefers HTTP/2", offer: ["http/1.1", "h2"], protocol: "h2" },
    { name: "takes HTTP/1.1", offer: ["http/1.1"], protocol: "http/1.1" },
    { name: "does without ALPN", offer: undefined, protocol: false },
  ])("$name", async ({ offer, protocol }) => {
    const { port, url } = await listenHere(echo, { tls: await certificateFiles("first") });

    expect(url).toBe(`https://127.0.0.1:${port}`);
    expect(await handshake(port, offer)).toMatchObject({ protocol, version: "TLSv1.3" });
  });

  it("closes connections that speak clear text, or nothing at all", async () => {
    const { port } = await listenHere(echo, {
      tls: await certificateFiles("first"),
      limits: { openingTimeoutMs: 100 },
    });
    const clear = await rawPeer(port);
    const silent = await rawPeer(port);

    clear.socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");

    expect(await timed(Promise.all([clear.closed, silent.closed]))).toBeLessThan(1000);
  });

  it("answers 408 to a client that is silent after the handshake", async () => {
    const { port } = await listenHere(echo, {
      tls: await certificateFiles("first"),
      limits: { headersTimeoutMs: 100, requestCheckMs: 50 },
    });
    const { socket } = await handshake(port, ["http/1.1"]);

    expect(await text(socket)).toMatch(/^HTTP\/1\.1 408 /);
  });

  it("drains at once while handshakes are under way", async () => {
    const listener = await listenHere(echo, { tls: await certificateFiles("first") });
    const { closed } = await rawPeer(listener.port);
    const { socket } = await handshake(listener.port, ["h2"]);

    expect(await timed(Promise.all([listener.drain(10_000), closed, once(socket.resume(), "close")]))).toBeLessThan(
      500,
    );
  });
});

describe("a certificate that is renewed", () => {
  it("serves new connections, and leaves old ones as they are", async () => {
    const tls = await certificateFiles("first");
    const { port } = await listenHere(echo, { tls, limits, onError: () => {} });
    const options = { ca: await readFile(tls.certFile), servername: "localhost" };
    const session = await http2Peer(`https://localhost:${port}`, options);

    await copy(await certificateFiles("second"), tls);

    await expect.poll(async () => (await handshake(port)).subject).toBe("CN=second");
    expect(await getHttp2(session, "/old")).toBe("2.0 /old");
  });

  it.each([
    {
      name: "is broken",
      spoil: (files: CertificateFiles) => writeFile(files.certFile, "-----BEGIN CERTIFICATE-----\nno"),
      reason: (files: CertificateFiles) =>
        `TLS_CERT_FILE is ${files.certFile} and TLS_KEY_FILE is ${files.keyFile}; they must hold a certificate and its key, in PEM.`,
    },
    {
      name: "does not fit its key",
      spoil: async (files: CertificateFiles) =>
        writeFile(files.certFile, await readFile((await certificateFiles("other")).certFile)),
      reason: (files: CertificateFiles) =>
        `TLS_CERT_FILE is ${files.certFile} and TLS_KEY_FILE is ${files.keyFile}; they must hold a certificate and its key, in PEM.`,
    },
    {
      name: "is gone",
      spoil: (files: CertificateFiles) => rm(files.certFile),
      reason: (files: CertificateFiles) => `TLS_CERT_FILE is ${files.certFile}, which cannot be read.`,
    },
  ])("is not taken while it $name; that is told once, and the next good one is", async ({ spoil, reason }) => {
    const tls = await certificateFiles("first");
    const errors: string[] = [];
    const { port } = await listenHere(echo, { tls, limits, onError: ({ message }) => errors.push(message) });

    await spoil(tls);
    await expect.poll(() => errors).toEqual([reason(tls)]);
    await delay(10 * limits.certificateCheckMs);
    expect(errors).toHaveLength(1);
    expect((await handshake(port)).subject).toBe("CN=first");

    await copy(await certificateFiles("second"), tls);
    await expect.poll(async () => (await handshake(port)).subject).toBe("CN=second");

    // Between the writes of two files they may have been seen not to fit.
    errors.splice(0);
    await spoil(tls);
    await expect.poll(() => errors).toEqual([reason(tls)]);
  });

  it("is not looked for after the end", async () => {
    const tls = await certificateFiles("first");
    const listener = await listenHere(echo, { tls, limits });

    await listener.drain(0);
    await rm(tls.certFile);

    // An error would be thrown where nobody catches it, and fail the run.
    await delay(5 * limits.certificateCheckMs);
  });

  it("is taken once", async () => {
    const files = await certificateFiles("first");
    const taken: string[] = [];
    const following = followCertificate(files, await readCertificate(files), {
      everyMs: 10,
      onChange: ({ cert }) => taken.push(new X509Certificate(cert).subject),
      // The moment between the two files may be seen.
      onError: () => {},
    });
    onTestFinished(following.stop);

    await delay(50);
    expect(taken).toEqual([]);

    await copy(await certificateFiles("second"), files);
    await expect.poll(() => taken).toContain("CN=second");
    await delay(50);
    expect(taken).toEqual(["CN=second"]);
  });
});

describe("a certificate that is wrong from the beginning", () => {
  const options = { host: "127.0.0.1", port: 0, onError: () => {} };

  it("refuses to listen when a file cannot be read", async () => {
    const tls = { ...(await certificateFiles("first")), keyFile: "/nowhere/key.pem" };

    await expect(listen(echo, { ...options, tls })).rejects.toThrow(
      "TLS_KEY_FILE is /nowhere/key.pem, which cannot be read.",
    );
  });

  it("refuses to listen when certificate and key do not fit", async () => {
    const [first, other] = [await certificateFiles("first"), await certificateFiles("other")];
    const tls = { certFile: first.certFile, keyFile: other.keyFile };

    await expect(listen(echo, { ...options, tls })).rejects.toThrow(
      "they must hold a certificate and its key, in PEM.",
    );
  });
});
