import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { Asset } from "../http/asset.ts";
import type { NodeRequest, NodeResponse } from "../http/exchange.ts";

export interface ConsoleOptions {
  /** Where people can sign in without an API key, for the page to know; its issuer is told to the browser. */
  readonly signIn: { readonly issuer: string } | undefined;
  readonly onError: (error: unknown) => void;
}

/** Answers a request if it is for the console, and says whether it is. */
export type ConsoleHandler = (path: string, request: NodeRequest, response: NodeResponse) => boolean;

const FOLDER = join(import.meta.dirname, "../../../gen/console");

const TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".txt": "text/plain; charset=utf-8",
};

/** Their names change with their bytes, so that a browser need never ask again. */
const FOR_EVER = { "cache-control": "public, max-age=31536000, immutable" };

/**
 * Serves the console: its page at `/`, to browsers only, as programs that ask for `/` want no page, and its files at
 * `/console/…`. The page's links are relative: it works behind a proxy that adds a prefix.
 */
export function createConsole({ signIn, onError }: ConsoleOptions): ConsoleHandler {
  const page = new Asset({
    file: async () => withSettings(await readFile(join(FOLDER, "index.html")), signIn),
    contentType: "text/html; charset=utf-8",
    headers: {
      vary: "Accept, Accept-Encoding",
      "content-security-policy": policyFor(signIn?.issuer),
      "referrer-policy": "no-referrer",
      "cross-origin-opener-policy": "same-origin",
    },
  });
  const files = new Map(
    readdirSync(FOLDER)
      .filter((name) => extname(name) in TYPES)
      .map((name) => [
        `/console/${name}`,
        new Asset({ file: () => join(FOLDER, name), contentType: TYPES[extname(name)] as string, headers: FOR_EVER }),
      ]),
  );
  return (path, request, response) => {
    const asset = path === "/" && wantsPage(request) ? page : files.get(path);
    asset?.serve(request, response).catch(onError);
    return asset !== undefined;
  };
}

/** A browser says that it reads HTML; `*` alone is what programs send who have not thought of it. */
function wantsPage({ method, headers }: NodeRequest): boolean {
  return (method === "GET" || method === "HEAD") && /\btext\/html\b/i.test(headers.accept ?? "");
}

/** Writes what only this server knows into the page. */
function withSettings(file: Uint8Array, signIn: ConsoleOptions["signIn"]): Uint8Array {
  if (!signIn) return file;
  const content = JSON.stringify({ oidc: signIn })
    .replaceAll("&", "&amp;")
    .replaceAll('"', "&quot;")
    .replaceAll("<", "&lt;");
  const page = Buffer.from(file).toString();
  return Buffer.from(
    page.replace('name="patchbay-settings" content=""', () => `name="patchbay-settings" content="${content}"`),
  );
}

/** No origin but our own, and the issuer's for signing in; no inline script or style, so that no text can become one. */
function policyFor(issuer: string | undefined): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    `connect-src 'self'${issuer ? ` ${new URL(issuer).origin}` : ""}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}
