import { createHash, randomUUID } from "node:crypto";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { describeUnless } from "../clients/program.ts";
import { type IssuerKey, LocalIssuer } from "../upstream/local-issuer.ts";
import { type ConsoleRig, missingBrowser, startConsole } from "./console-rig.ts";

// A page on a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 });

const CLIENT = "patchbay-console";
const AUDIENCE = "patchbay";

describeUnless(missingBrowser)("the console, where there is an issuer", () => {
  let issuer: LocalIssuer;
  let key: IssuerKey;
  let rig: ConsoleRig;
  beforeAll(async () => {
    issuer = await LocalIssuer.start();
    key = await issuer.addKey("first");
    rig = await startConsole({
      OIDC_ISSUER: issuer.url,
      OIDC_AUDIENCE: AUDIENCE,
      OIDC_CONSOLE_CLIENT_ID: CLIENT,
    });
  });
  afterAll(async () => {
    await rig?.stop();
    await issuer.close();
  });

  /** What a person was sent to the issuer with, by the code that they came back with. */
  const asked = new Map<string, URLSearchParams>();

  /** An issuer that knows one person, and asks them nothing: it gives a code, and tokens for it to who has the verifier. */
  function script(accountId: string, { state }: { state?: string } = {}) {
    issuer.onSignIn = async (request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? "", issuer.url);
      if (pathname.endsWith("/authorize")) {
        const code = randomUUID();
        asked.set(code, searchParams);
        const back = new URL(searchParams.get("redirect_uri") ?? "");
        back.searchParams.set("code", code);
        back.searchParams.set("state", state ?? searchParams.get("state") ?? "");
        return void response.writeHead(302, { location: back.href }).end();
      }
      const said = new URLSearchParams(await text(request));
      const begun = asked.get(said.get("code") ?? "");
      asked.delete(said.get("code") ?? "");
      const challenge = createHash("sha256")
        .update(said.get("code_verifier") ?? "")
        .digest("base64url");
      const isTheirs = begun?.get("code_challenge") === challenge && begun.get("code_challenge_method") === "S256";
      const headers = { "content-type": "application/json", "access-control-allow-origin": "*" };
      if (!isTheirs) return void response.writeHead(400, headers).end('{"error": "invalid_grant"}');
      const now = Math.floor(Date.now() / 1_000);
      const claims = { iss: issuer.url, sub: "ada", iat: now, exp: now + 600 };
      const access = { ...claims, aud: AUDIENCE, patchbay_account: accountId, patchbay_role: "MEMBER" };
      const answer = {
        token_type: "Bearer",
        access_token: await issuer.sign(key, access),
        id_token: await issuer.sign(key, { ...claims, aud: CLIENT, nonce: begun.get("nonce") ?? "" }),
      };
      response.writeHead(200, headers).end(JSON.stringify(answer));
    };
  }

  it("signs a person in there, with PKCE, and shows what their role may do", async () => {
    const { accountId } = await rig.server.addAccount("OWNER");
    script(accountId);
    const page = await rig.open();
    await page.getByRole("button", { name: new URL(issuer.url).host }).click();
    await page.getByRole("heading", { name: "Llms", level: 1 }).waitFor();
    expect(page.url(), "the code is gone from the address").not.toContain("code=");
    await page.getByRole("link", { name: "Connect an Llm" }).first().waitFor();
    expect(await page.evaluate(() => JSON.stringify({ ...localStorage }) + document.cookie)).not.toContain("eyJ");
    expect(rig.complaints.splice(0)).toEqual([]);
    await page.context().close();
  });

  it("takes no answer to a question that it did not ask", async () => {
    const { accountId } = await rig.server.addAccount("OWNER");
    script(accountId, { state: "of-somebody-else" });
    const page = await rig.open();
    await page.getByRole("button", { name: new URL(issuer.url).host }).click();
    await page.getByText(/state/).waitFor();
    await page.getByLabel("API key").waitFor();
    expect(asked.size, "the code was not spent").toBe(1);
    await page.context().close();
  });
});
