import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { file_google_rpc_status } from "../../../../gen/google/rpc/status_pb.ts";
import { ContractArchive } from "../../contract/archive.ts";
import { Asset } from "../../http/asset.ts";
import { createDocs } from "./docs.ts";

const errors: unknown[] = [];
const contract = new ContractArchive([file_google_rpc_status]);
const docs = createDocs({ contract, onError: (error) => errors.push(error) });
const broken = new Asset({ file: () => join(import.meta.dirname, "no-such-file"), contentType: "text/plain" });
const server = createServer((incoming, response) => {
  const path = incoming.url ?? "";
  if (path === "/broken") broken.serve(incoming, response).catch((error) => errors.push(error));
  else if (!docs(path, incoming, response)) response.writeHead(418).end();
});
let port: number;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});
afterAll(() => server.close());

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

function call(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: "127.0.0.1", port, path, method, headers }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) });
    });
    outgoing.on("error", reject).end();
  });
}

const generated = readFileSync(join(import.meta.dirname, "../../../../gen/openapi.json"));

describe("the docs", () => {
  it.each([
    ["/openapi.json", "application/json"],
    ["/manifest.schema.json", "application/schema+json"],
    ["/docs", "text/html; charset=utf-8"],
    ["/docs/page.js", "text/javascript; charset=utf-8"],
    ["/docs/page.css", "text/css; charset=utf-8"],
    ["/docs/swagger-ui.js", "text/javascript; charset=utf-8"],
    ["/docs/swagger-ui.css", "text/css; charset=utf-8"],
  ])("have %s as %s, to be checked at each use", async (path, type) => {
    const { status, headers, body } = await call(path);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      "content-type": type,
      "content-length": String(body.length),
      "x-content-type-options": "nosniff",
      "cache-control": "no-cache",
      vary: "Accept-Encoding",
      etag: expect.stringMatching(/^"[\w-]{22}"$/),
    });
    const again = await call(path, { "if-none-match": `"other", W/${headers.etag}` });
    expect(again).toMatchObject({ status: 304, body: Buffer.alloc(0), headers: { etag: headers.etag } });
  });

  it("have every file that the page asks for", async () => {
    const page = (await call("/docs")).body.toString();
    const links = [...page.matchAll(/(?:href|src)="(?!data:)([^"]+)"/g)].map(([, link]) => link);
    expect(links.length).toBeGreaterThan(3);
    for (const link of links) expect(await call(`/${link}`)).toMatchObject({ status: 200 });
  });

  it("have the committed document, byte by byte", async () => {
    expect((await call("/openapi.json")).body.equals(generated)).toBe(true);
  });

  it.each([
    ["gzip", gunzipSync],
    ["br", brotliDecompressSync],
  ])("come compressed by %s, each coding with a validator of its own", async (coding, decompress) => {
    const plain = await call("/openapi.json");
    const { headers, body } = await call("/openapi.json", { "accept-encoding": coding });
    expect(headers["content-encoding"]).toBe(coding);
    expect(decompress(body).equals(generated)).toBe(true);
    expect(headers.etag).not.toBe(plain.headers.etag);
    const stale = await call("/openapi.json", { "accept-encoding": coding, "if-none-match": plain.headers.etag ?? "" });
    expect(stale.status).toBe(200);
  });

  it("let the page load from no origin but its own, and run no inline script", async () => {
    const { headers } = await call("/docs");
    const policy = String(headers["content-security-policy"]);
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self';");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
  });

  it("answer HEAD without a body", async () => {
    const { status, headers, body } = await call("/openapi.json", {}, "HEAD");
    expect([status, headers["content-length"], body.length]).toEqual([200, String(generated.length), 0]);
  });

  it("are read only", async () => {
    expect(await call("/docs", {}, "POST")).toMatchObject({ status: 405, headers: { allow: "GET, HEAD" } });
  });

  it("are not sent to who sends much that nobody reads: the end of it would be lost with the connection", async () => {
    const outgoing = request({
      host: "127.0.0.1",
      port,
      path: "/openapi.json",
      headers: { "content-length": 300_000 },
    });
    outgoing.on("error", () => {}).flushHeaders();
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    expect([response.statusCode, response.headers.connection]).toEqual([413, "close"]);
    outgoing.destroy();
  });

  it("lead from /docs/ to /docs, from where the links of the page are right", async () => {
    expect(await call("/docs/")).toMatchObject({ status: 308, headers: { location: "../docs" } });
  });

  it.each(["/", "/docs/other", "/docs/../package.json", "/openapi", "/v1/llms", "/docs/page.html"])(
    "leave %s to others",
    async (path) => expect((await call(path)).status).toBe(418),
  );

  it("tell of a file that cannot be read, and the caller that something is wrong", async () => {
    errors.length = 0;
    expect((await call("/broken")).status).toBe(500);
    expect((await call("/broken")).status).toBe(500);
    expect(errors).toEqual([expect.objectContaining({ code: "ENOENT" }), expect.objectContaining({ code: "ENOENT" })]);
  });
});
