import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createConsole } from "./console.ts";

const SIGN_IN = {
  issuer: "https://login.example.com/realms/a",
  clientId: `"><script>&`,
  audience: "a",
  scope: "openid",
};
const BROWSER = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };

const errors: unknown[] = [];
const onError = (error: unknown) => errors.push(error);
const handlers = {
  plain: createConsole({ signIn: undefined, onError }),
  oidc: createConsole({ signIn: SIGN_IN, onError }),
};
let handler = handlers.plain;
const server = createServer((request, response) => {
  if (!handler(request.url ?? "", request, response)) response.writeHead(418).end();
});
let origin: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

const get = (path: string, headers: Record<string, string> = BROWSER) => fetch(`${origin}${path}`, { headers });

describe("the console", () => {
  it("is a page at / for browsers, that is asked for again each time", async () => {
    const page = await get("/");
    expect(page.status).toBe(200);
    expect(Object.fromEntries(page.headers)).toMatchObject({
      "content-type": "text/html; charset=utf-8",
      "cache-control": "no-cache",
      vary: "Accept, Accept-Encoding",
      "referrer-policy": "no-referrer",
    });
  });

  it.each([{ accept: "*/*" }, { accept: "application/json" }])(
    "leaves / to others for programs: %j",
    async (headers) => {
      expect((await get("/", headers)).status).toBe(418);
    },
  );

  it("has every file that the page asks for, by relative links, to be kept for ever", async () => {
    const page = await (await get("/")).text();
    const links = [...page.matchAll(/(?:href|src)="(?!data:)([^"]+)"/g)].map(([, link = ""]) => link);
    expect(links.length).toBeGreaterThan(2);
    for (const link of links) {
      expect(link).toMatch(/^\.\/console\/[\w~-]+\.(js|css)$/);
      const file = await get(link.slice(1));
      expect(file.status).toBe(200);
      expect(file.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    }
  });

  it.each(["/console", "/console/", "/console/index.html", "/console/../package.json", "/consoles/app.js"])(
    "leaves %s to others",
    async (path) => expect((await get(path)).status).toBe(418),
  );

  it("lets the page run nothing but its own files, and talk to nobody but its server", async () => {
    const policy = (await get("/")).headers.get("content-security-policy");
    expect(policy).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
  });

  it("tells the page of the issuer, as a text that cannot become anything else", async () => {
    handler = handlers.oidc;
    const page = await get("/");
    handler = handlers.plain;
    expect(page.headers.get("content-security-policy")).toContain("connect-src 'self' https://login.example.com;");
    const [, content = ""] = /name="patchbay-settings" content="([^"]*)"/.exec(await page.text()) ?? [];
    expect(content).not.toContain("<");
    const plain = content.replaceAll("&quot;", '"').replaceAll("&lt;", "<").replaceAll("&amp;", "&");
    expect(JSON.parse(plain)).toEqual({ oidc: SIGN_IN });
  });
});
