import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DIALECT_SERVICES } from "../../../service/dialects/dialects.ts";
import { SERVICES } from "../../../service/services.ts";
import { startServer, type TestServer } from "../../../test/server/test-server.ts";
import { llmRequest } from "../../../test/service/llm-requests.ts";

const CHROMIUM = "/usr/bin/chromium";
/** A browser on a machine that has other things to do. */
const PATIENCE_MS = 180_000;
const isThere = existsSync(CHROMIUM);
if (!isThere) console.log(`${CHROMIUM} is not there: the docs page is not tried in a browser`);

describe.runIf(isThere)("the docs page in a browser", { timeout: PATIENCE_MS }, () => {
  let server: TestServer;
  let browser: Browser;
  beforeAll(async () => {
    [server, browser] = await Promise.all([
      startServer(),
      chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] }),
    ]);
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
  });

  /** The page, once it shows the operations, and what went wrong on it so far. */
  async function openPage(): Promise<{ page: Page; complaints: string[]; origins: Set<string> }> {
    const page = await browser.newPage();
    const complaints: string[] = [];
    const origins = new Set<string>();
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("request", (request) => {
      if (!request.url().startsWith("data:")) origins.add(new URL(request.url()).origin);
    });
    expect((await page.goto(`${server.url}/docs`))?.status()).toBe(200);
    await page.locator(".opblock").first().waitFor();
    return { page, complaints, origins };
  }

  it("shows the title, the first call to make, and the operations by service, under what they are for", async () => {
    const { page } = await openPage();
    expect(await page.title()).toBe("Patchbay API");
    expect(await page.locator(".info .title").textContent()).toContain("Patchbay");
    expect(await page.locator(".info").textContent()).toContain(`curl ${server.url}/v1/llms`);
    const tags = await page.locator(".opblock-tag").allTextContents();
    const names = tags.map((tag) => /\w+Service/.exec(tag)?.[0] ?? tag);
    expect(names.slice(0, 4)).toEqual(["LlmService", "ProviderService", "RouteService", "ChatService"]);
    expect(await page.locator(".tag-group").allTextContents()).toEqual([
      "Connect LLMs",
      "Chat",
      "See that they work",
      "See what it costs",
      "Say who may",
      "See who did what",
      "Keep clients of other APIs",
    ]);
    const own = SERVICES.map(({ name }) => name);
    expect(names.slice(0, own.length).sort(), "ours come first").toEqual([...own].sort());
    expect(names.sort()).toEqual([...SERVICES, ...DIALECT_SERVICES].map(({ name }) => name).sort());
    const first = page.locator("#operations-LlmService-LlmService_CreateLlm");
    expect(await first.textContent()).toContain("Register an Llm");
    await page.close();
  });

  it("makes a call with an API key, which no reload survives", async () => {
    const { apiKey } = await server.addAccount("OWNER");
    await server.client(apiKey).llms.createLlm(llmRequest({ displayName: "Made before the page" }));
    const { page, complaints, origins } = await openPage();
    await page.locator(".btn.authorize").first().click();
    await page.locator(".auth-container input").first().fill(apiKey);
    await page.locator(".auth-btn-wrapper .authorize").first().click();
    await page.locator(".auth-btn-wrapper .btn-done").first().click();
    const call = page.locator("#operations-LlmService-LlmService_ListLlms");
    await call.locator(".opblock-summary-control").click();
    await call.locator(".try-out__btn").click();
    await call.locator(".execute").click();
    const answer = call.locator(".live-responses-table .response");
    await answer.waitFor();
    expect(await answer.locator(".response-col_status").textContent()).toContain("200");
    expect(await answer.locator(".microlight").first().textContent()).toContain(
      '"displayName": "Made before the page"',
    );
    expect(complaints).toEqual([]);
    expect([...origins]).toEqual([server.url]);

    const kept = await page.evaluate(() =>
      JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]),
    );
    expect(kept).not.toContain(apiKey);
    await page.close();
  });

  it("registers the demo and chats with it as the examples stand, and shows a stream while it comes", {
    timeout: 120_000,
  }, async () => {
    const { apiKey } = await server.addAccount("OWNER");
    const { page, complaints } = await openPage();
    await page.locator(".btn.authorize").first().click();
    await page.locator(".auth-container input").first().fill(apiKey);
    await page.locator(".auth-btn-wrapper .authorize").first().click();
    await page.locator(".auth-btn-wrapper .btn-done").first().click();
    const execute = async (name: string) => {
      const call = page.locator(`#operations-${name}`);
      await call.locator(".opblock-summary-control").click();
      await call.locator(".try-out__btn").click();
      await call.locator(".execute").click();
      return call;
    };
    for (const name of ["LlmService-LlmService_CreateLlm", "LlmService-LlmService_TestLlm"]) {
      const answer = (await execute(name)).locator(".live-responses-table .response");
      await answer.waitFor();
      expect(await answer.locator(".response-col_status").textContent(), name).toContain("200");
    }
    const stream = await execute("ChatService-ChatService_StreamChat");
    const live = stream.locator(".live-stream");
    await expect.poll(() => live.textContent(), { timeout: 30_000 }).toContain("textDelta");
    expect(await stream.locator(".live-responses-table .response").count(), "it is not over yet").toBe(0);
    const answer = stream.locator(".live-responses-table .response");
    await answer.waitFor();
    expect(await answer.textContent()).not.toContain("can't parse JSON");
    expect(complaints).toEqual([]);
    await page.close();
  });

  it("finds operations by their words", async () => {
    const { page } = await openPage();
    await page.locator(".operation-filter-input").fill("budget delete");
    await expect.poll(() => page.locator(".opblock").count()).toBe(1);
    expect(await page.locator(".opblock").textContent()).toContain("/v1/budgets/{budgetId}");
    await page.close();
  });

  it("can be read in the dark, its examples too", async () => {
    const page = await browser.newPage({ colorScheme: "dark" });
    await page.goto(`${server.url}/docs`);
    const call = page.locator("#operations-LlmService-LlmService_CreateLlm");
    await call.locator(".opblock-summary-control").click();
    const label = call.locator(".examples-select__section-label").first();
    await label.waitFor();
    const light = await label.evaluate((element) => {
      const channels = getComputedStyle(element).color.match(/\d+/g) ?? [];
      return channels.slice(0, 3).map(Number);
    });
    expect(Math.min(...light)).toBeGreaterThan(180);
    await page.close();
  });

  it.each(["LlmService-LlmService_CreateLlm", "LlmService-LlmService_ListLlms", "ChatService-ChatService_StreamChat"])(
    "shows %s in full without a complaint",
    async (name) => {
      const { page, complaints, origins } = await openPage();
      const operation = page.locator(`#operations-${name}`);
      await operation.locator(".opblock-summary-control").click();
      await operation.locator(".responses-table .microlight").first().waitFor();
      expect(complaints).toEqual([]);
      expect([...origins]).toEqual([server.url]);
      await page.close();
    },
  );
});
