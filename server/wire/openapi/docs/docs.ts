import { existsSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { ContractArchive } from "../../contract/archive.ts";
import { Asset } from "../../http/asset.ts";
import type { NodeRequest, NodeResponse } from "../../http/exchange.ts";

/** Answers a request if its path is one of the docs', and says whether it is. */
export type DocsHandler = (path: string, request: NodeRequest, response: NodeResponse) => boolean;

/** No origin but our own; no inline script, so that text of the document can never become one. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const HTML = "text/html; charset=utf-8";
const SCRIPT = "text/javascript; charset=utf-8";
const STYLE = "text/css; charset=utf-8";
const SCHEMA = "application/schema+json";

/** What the docs show beside what lies on disk. */
export interface DocsOptions {
  /** The contract, to be given away at `/protos.zip` and `/protos.binpb`. */
  readonly contract: ContractArchive;
  readonly onError: (error: unknown) => void;
}

/**
 * Serves the OpenAPI document at `/openapi.json` and a page that shows it at `/docs`, on which calls can be made; the
 * schema of the manifests that `patchbay apply` reads, for editors; and the protos, as they are and as a descriptor set.
 *
 * A file is read when it is first asked for, so that a server that starts does not pay for its docs. The page's links
 * are relative: it works behind a proxy that adds a prefix.
 */
export function createDocs({ contract, onError }: DocsOptions): DocsHandler {
  const assets = new Map([
    ["/openapi.json", new Asset({ file: () => generated("openapi.json"), contentType: "application/json" })],
    ["/manifest.schema.json", new Asset({ file: () => generated("manifest.schema.json"), contentType: SCHEMA })],
    ["/protos.zip", new Asset({ file: () => contract.zip(), contentType: "application/zip" })],
    ["/protos.binpb", new Asset({ file: () => contract.descriptorSet(), contentType: "application/x-protobuf" })],
    ["/docs", new Asset({ file: () => own("page.html"), contentType: HTML, headers: PAGE_HEADERS })],
    ["/docs/page.js", new Asset({ file: () => own("page.js"), contentType: SCRIPT })],
    ["/docs/page.css", new Asset({ file: () => own("page.css"), contentType: STYLE })],
    ["/docs/swagger-ui.js", new Asset({ file: () => viewer("swagger-ui-bundle.js"), contentType: SCRIPT })],
    ["/docs/swagger-ui.css", new Asset({ file: () => viewer("swagger-ui.css"), contentType: STYLE })],
  ]);
  return (path, request, response) => {
    const asset = assets.get(path);
    if (asset) asset.serve(request, response).catch(onError);
    else if (path === "/docs/") redirect(response, "../docs");
    else return false;
    return true;
  };
}

const PAGE_HEADERS = { "content-security-policy": CONTENT_SECURITY_POLICY, "referrer-policy": "no-referrer" };

function own(name: string): string {
  return join(import.meta.dirname, name);
}

function generated(name: string): string {
  return join(import.meta.dirname, "../../../../gen", name);
}

/** The package that is built has the viewer's two files, in place of the viewer's package. */
function viewer(name: string): string {
  const packed = join(import.meta.dirname, "swagger-ui", name);
  if (existsSync(packed)) return packed;
  return createRequire(import.meta.url).resolve(`swagger-ui-dist/${name}`);
}

function redirect(response: NodeResponse, location: string): void {
  (response as ServerResponse).writeHead(308, { location }).end();
}
