import { randomUUID } from "node:crypto";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { createPatchbay } from "../../../client/llm.ts";
import { ApiKey_Role } from "../../../gen/patchbay/v1/api_key_pb.ts";
import { Budget_Mode, Budget_Period } from "../../../gen/patchbay/v1/budget_pb.ts";
import { Llm_ProviderType } from "../../../gen/patchbay/v1/llm_pb.ts";
import { describeUnless } from "../clients/program.ts";
import { saysSlowly } from "../upstream/behaviours.ts";
import { ScriptedUpstream } from "../upstream/scripted-upstream.ts";
import { type ConsoleRig, goTo, missingBrowser, signIn, startConsole, violationsOf } from "./console-rig.ts";
import { startProxy } from "./proxy.ts";

// A page on a busy machine takes its time.
vi.setConfig({ testTimeout: 90_000 });

/** An endpoint at one of the ports that the console looks at, whichever is free. */
async function startAtUsualPort(): Promise<{ found: ScriptedUpstream; name: string }> {
  const usual = [
    ["LM Studio", 1_234],
    ["Ollama", 11_434],
    ["LiteLLM", 4_000],
    ["vLLM", 8_000],
  ] as const;
  for (const [name, port] of usual) {
    try {
      return { name, found: await ScriptedUpstream.start({ port }) };
    } catch (error) {
      if ((error as { code?: string }).code !== "EADDRINUSE") throw error;
    }
  }
  throw new Error("every port that the console looks at is taken");
}

function isInView(element: Element): boolean {
  const { left, right } = element.getBoundingClientRect();
  return left >= 0 && right <= innerWidth;
}

describeUnless(missingBrowser)("the console", () => {
  let rig: ConsoleRig;
  beforeAll(async () => {
    rig = await startConsole();
  });
  afterAll(() => rig?.stop());
  afterEach(() => expect(rig.complaints.splice(0)).toEqual([]));

  const keyOf = (key: string) => ({ apiKey: { source: { case: "inlineSecret" as const, value: key } } });

  /** An account with an Llm, and what calls for it. */
  async function addLlm({ key = rig.upstreamKey, name = "Support", price = { input: "2.5", output: "10" } } = {}) {
    const { accountId, apiKey } = await rig.server.addAccount("OWNER");
    const patchbay = rig.server.client(apiKey);
    const { llm } = await patchbay.llms.createLlm({
      displayName: name,
      providerType: Llm_ProviderType.CUSTOM_OPENAI_COMPATIBLE,
      endpointUrl: rig.endpointUrl,
      modelIdentifier: `model-${randomUUID()}`,
      credentials: keyOf(key),
      price,
    });
    if (!llm) throw new Error("no Llm came");
    return { accountId, apiKey, patchbay, llm };
  }

  const say = async (page: Page, words: string) => {
    await page.getByLabel("Message", { exact: true }).fill(words);
    await page.keyboard.press("Enter");
  };

  it("leads from the first visit to a chat, past a key that is refused", async () => {
    const { apiKey } = await rig.server.addAccount("OWNER");
    const page = await rig.open();
    await page.getByLabel("API key").fill("pb_live_nobody_has_this_key");
    await page.keyboard.press("Enter");
    await page.getByText("API_KEY_REFUSED").waitFor();
    await signIn(page, apiKey);

    await page.getByRole("link", { name: "Connect an Llm" }).first().click();
    await page.getByRole("button", { name: "My own endpoint" }).click();
    await page.getByLabel("Endpoint URL").fill(rig.endpointUrl);
    await page.getByLabel("API key").fill("sk-mistyped");
    await page.getByRole("button", { name: "Check" }).click();
    await page.getByText("Key refused").waitFor();
    await page.getByLabel("API key").fill(rig.upstreamKey);
    await page.getByRole("button", { name: "Check" }).click();
    await page.getByRole("button", { name: "some-model" }).click();
    await page.getByText("It works.").waitFor();
    expect(await page.locator(".stages li").allTextContents()).toEqual(
      expect.arrayContaining([expect.stringMatching(/Reply.*\n*passed/s), expect.stringMatching(/Stream.*\n*passed/s)]),
    );

    await page.getByRole("link", { name: "Chat with it" }).click();
    await say(page, "Hi");
    await page.getByText("Hello, world").waitFor();
    await page.getByText(/first token/).waitFor();
    // The key of the tab is nowhere that outlives it.
    expect(await page.evaluate(() => JSON.stringify({ ...localStorage }) + document.cookie)).not.toContain("pb_");
  });

  it("stops a reply, and the endpoint with it", async () => {
    const { apiKey, llm } = await addLlm();
    rig.upstream.setModel(llm.modelIdentifier, saysSlowly(200, ...Array.from({ length: 100 }, (_, at) => `w${at} `)));
    const page = await rig.openAs(apiKey);
    await goTo(page, `/playground?llm=${llm.llmId}`);
    const index = rig.upstream.requests.length;
    await say(page, "Count");
    await page.getByText("w2").waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText(/Stopped/).waitFor();
    const call = await rig.upstream.whenClosed(index);
    expect(call.wasCompleted).toBe(false);
  });

  it("shows two replies side by side", async () => {
    const { apiKey, llm } = await addLlm();
    const page = await rig.openAs(apiKey);
    await goTo(page, `/playground?llm=${llm.llmId}&llm2=${llm.llmId}`);
    await say(page, "Hi");
    await expect.poll(() => page.getByText("Hello, world").count(), { timeout: 20_000 }).toBe(2);
  });

  it("finds a broken key and mends it by a rotation, with a way back", async () => {
    const { apiKey, patchbay, llm } = await addLlm({ key: "sk-was-revoked-at-the-vendor" });
    await patchbay.llms.testLlm({ llmId: llm.llmId });
    const page = await rig.openAs(apiKey);
    await page.getByRole("row", { name: /Failing.*Support/ }).waitFor();
    await page.getByRole("link", { name: "Support" }).click();
    await page.getByRole("tab", { name: "Keys" }).click();
    await page.getByLabel("New key").fill(rig.upstreamKey);
    await page.getByRole("button", { name: "Add the next key" }).click();
    const promote = page.getByRole("button", { name: "Promote", exact: true });
    await expect.poll(() => promote.isEnabled(), { timeout: 20_000 }).toBe(true);
    await promote.click();
    await page.getByRole("button", { name: "Go back to it" }).waitFor();
    await page.getByRole("button", { name: "Test", exact: true }).first().click();
    await page.getByText("the model replied").first().waitFor();
    await page.getByRole("tab", { name: "Keys" }).click();
    await page.getByRole("button", { name: "Erase" }).click();
    await page.getByText("None is kept.").waitFor();
  });

  it("tells usage apart by the key that called, under the name that it has", async () => {
    const { accountId, apiKey, patchbay, llm } = await addLlm();
    const { key } = await patchbay.access.createApiKey({
      accountId,
      displayName: "Nightly job",
      role: ApiKey_Role.MEMBER,
    });
    await rig.server.client(key).chat.chat({ llmId: llm.llmId, message: "Hi" });
    const page = await rig.openAs(apiKey);
    await goTo(page, "/usage");
    await page.getByLabel("By", { exact: true }).selectOption("key");
    await page.getByRole("row", { name: /Nightly job/ }).waitFor();
    await page.getByLabel("By", { exact: true }).selectOption("model");
    await page.getByRole("row", { name: llm.modelIdentifier }).waitFor();
  });

  it("says what a budget has left, and what the server says when nothing is", async () => {
    const { apiKey, patchbay, llm } = await addLlm();
    await patchbay.budgets.setBudget({ amount: 1_000_000n, period: Budget_Period.MONTH, mode: Budget_Mode.REFUSE });
    const page = await rig.openAs(apiKey);
    await goTo(page, `/playground?llm=${llm.llmId}`);
    await say(page, "Hi");
    await page.getByText("BUDGET_EXHAUSTED").waitFor();
    await goTo(page, "/usage");
    await page.getByRole("row", { name: /All Llms of the owner.*Refuse chats/ }).waitFor();
  });

  it("shows what another server does, without being asked", async () => {
    const { apiKey, llm } = await addLlm();
    const page = await rig.openAs(apiKey);
    await page.getByText("Live", { exact: true }).waitFor();
    const another = await rig.server.startAnother();
    const patchbay = createPatchbay({ url: another.url, apiKey });
    await patchbay.llms.updateLlm({ llmId: llm.llmId, displayName: "Renamed elsewhere" });
    await page.getByRole("link", { name: "Renamed elsewhere" }).waitFor();
    await patchbay.llms.createLlm({
      displayName: "Made elsewhere",
      providerType: Llm_ProviderType.OPENAI,
      modelIdentifier: "gpt-4o",
    });
    await page.getByRole("link", { name: "Made elsewhere" }).waitFor();
    await another.stop();
  });

  it("shows a viewer what a viewer may do, and a stranger nothing", async () => {
    const { accountId, llm } = await addLlm();
    const viewer = await rig.openAs(await rig.server.addKey(accountId, "VIEWER"));
    await viewer.getByRole("link", { name: "Support" }).waitFor();
    const pages = viewer.getByRole("navigation").getByRole("link");
    await expect
      .poll(() => pages.allTextContents())
      .toEqual(expect.arrayContaining([expect.stringContaining("Usage")]));
    const shown = (await pages.allTextContents()).join(" ");
    expect(shown).not.toMatch(/Access|Audit|Playground/);
    expect(await viewer.getByRole("link", { name: "Connect an Llm" }).count()).toBe(0);
    await viewer.getByRole("link", { name: "Support" }).click();
    await viewer.getByRole("heading", { name: "Connection" }).waitFor();
    expect(await viewer.getByRole("button", { name: /Test|Actions/ }).count()).toBe(0);
    for (const path of ["/connect", "/llms/new", `/llms/${llm.llmId}/edit`, "/playground", "/access", "/audit"]) {
      await goTo(viewer, path);
      await viewer.getByText("Your key may not do this.").waitFor();
    }

    const stranger = await rig.openAs((await rig.server.addAccount("OWNER")).apiKey);
    await stranger.getByText("No Llm is connected yet.").waitFor();
    await goTo(stranger, `/llms/${llm.llmId}`);
    await stranger.getByText("LLM_NOT_FOUND").waitFor();
  });

  it("edits an Llm, with the server's word on what is being typed, and takes it back after a deletion", async () => {
    const { apiKey, llm } = await addLlm();
    const page = await rig.openAs(apiKey);
    await goTo(page, `/llms/${llm.llmId}/edit`);
    await page.getByLabel("API path").fill("no slash");
    await page.locator(".field .error").first().waitFor();
    await page.getByLabel("API path").fill("/chat/completions");
    await page.getByLabel("Name", { exact: true }).fill("Better name");
    await page.getByText("The server would take this.").waitFor();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: "Better name" }).waitFor();

    await page.getByRole("button", { name: "Actions" }).click();
    await page.getByRole("menuitem", { name: "Delete…" }).click();
    await page.getByRole("button", { name: "Delete", exact: true }).click();
    await page.getByText("No Llm is connected yet.").waitFor();
    await page.getByLabel("Deleted, too").check();
    await page.getByRole("link", { name: "Better name" }).click();
    await page.getByRole("button", { name: "Bring back" }).click();
    await page.getByRole("button", { name: "Actions" }).waitFor();
  });

  it("makes a key that is shown once and works, and revokes it", async () => {
    const { apiKey } = await addLlm();
    const page = await rig.openAs(apiKey);
    await goTo(page, "/access");
    await page.getByRole("button", { name: "New key" }).click();
    await page.getByLabel("Name").fill("Alice");
    await page.getByRole("dialog").getByRole("button", { name: "New key" }).click();
    const shown = page.getByRole("region", { name: "The key, this once" });
    const secret = (await shown.textContent())?.trim() ?? "";
    expect(await rig.server.client(secret).access.getCaller({})).toMatchObject({ caller: { role: 3 } });
    await page.getByRole("button", { name: "I have copied it" }).click();
    expect(await page.content()).not.toContain(secret);
    await page.getByRole("row", { name: /Alice/ }).getByRole("button", { name: "Revoke…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page
      .getByText("No API key works")
      .or(page.getByRole("row", { name: /OWNER/ }))
      .first()
      .waitFor();
    await expect.poll(() => page.getByRole("row", { name: /Alice/ }).count(), { timeout: 20_000 }).toBe(0);
    await expect(rig.server.client(secret).access.getCaller({})).rejects.toThrow();
  });

  it("verifies the audit log in the page", async () => {
    const { apiKey } = await addLlm();
    const page = await rig.openAs(apiKey);
    await goTo(page, "/audit");
    await page.getByText("llm.create").waitFor();
    await page.getByRole("button", { name: "Verify" }).click();
    await page.getByText(/^All \d+ events? (is|are) there/).waitFor();
  });

  it("is used by keyboard alone", async () => {
    const { apiKey } = await addLlm();
    const page = await rig.open();
    await page.locator("input:focus").waitFor();
    await page.keyboard.type(apiKey);
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "Support" }).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("nothing is called so");
    await page.getByText("No Llm is like that.").waitFor();
    for (let letter = 0; letter < 20; letter += 1) await page.keyboard.press("Backspace");
    await page.getByRole("link", { name: "Support" }).waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Support" }).waitFor();
    await page.keyboard.press("c");
    await page.getByRole("dialog", { name: "Calls as code" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    await page.keyboard.press("g");
    await page.keyboard.press("u");
    await page.getByRole("heading", { name: "Usage", level: 1 }).waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("l");
    await page.getByRole("heading", { name: "Llms", level: 1 }).waitFor();
  });

  it("gives the call of an action as code that works, without the secret in it", async () => {
    const { apiKey, llm } = await addLlm();
    const page = await rig.openAs(apiKey);
    await goTo(page, `/llms/${llm.llmId}?tab=keys`);
    await page.getByLabel("New key").fill("sk-must-not-be-shown");
    await page.getByRole("button", { name: "As code" }).last().click();
    const code = await page.getByRole("dialog").textContent();
    expect(code).toContain(`/v1/llms/${llm.llmId}:addPendingCredentials`);
    expect(code).toContain("$SECRET");
    expect(code).not.toContain("sk-must-not-be-shown");
  });

  it.each(["light", "dark"] as const)(
    "has nothing on its pages that axe finds wrong, in %s",
    async (colorScheme) => {
      const { apiKey, patchbay, llm } = await addLlm();
      await patchbay.llms.testLlm({ llmId: llm.llmId });
      await patchbay.chat.chat({ llmId: llm.llmId, message: "Hi" });
      const tiers = [{ targets: [{ llmId: llm.llmId }] }];
      const { route } = await patchbay.routes.createRoute({ name: "support", tiers });
      const page = await rig.open({ colorScheme, reducedMotion: "reduce" });
      const found = { "sign-in": await violationsOf(page) } as Record<string, string[]>;
      await signIn(page, apiKey);
      const tabs = ["overview", "tests", "usage", "keys", "sessions", "audit", "use"].map(
        (tab) => `/llms/${llm.llmId}?tab=${tab}`,
      );
      const paths = [
        "/llms",
        "/connect",
        "/llms/new",
        ...tabs,
        "/playground",
        "/routes",
        "/routes/new",
        `/routes/${route?.routeId}`,
        `/routes/${route?.routeId}/edit`,
        "/usage",
        "/providers",
        "/access",
        "/audit",
      ];
      for (const path of paths) {
        await goTo(page, path);
        await page.locator("h1").first().waitFor();
        await expect.poll(() => page.getByText("Loading…").count(), { timeout: 20_000 }).toBe(0);
        found[path] = await violationsOf(page);
      }
      await page.keyboard.press("?");
      await page.getByRole("dialog").waitFor();
      found.dialog = await violationsOf(page);
      expect(Object.entries(found).filter(([, violations]) => violations.length > 0)).toEqual([]);
    },
    120_000,
  );

  it("finds what answers on the machine, and says how to open what the server may not reach", async () => {
    const { found, name } = await startAtUsualPort();
    const port = new URL(found.url).port;
    // By the address as it is tried; what else listens on the machine stays closed.
    const own = await startConsole({ EGRESS_ALLOW: found.url });
    try {
      const page = await own.openAs((await own.server.addAccount("OWNER")).apiKey);
      await goTo(page, "/connect");
      await page.getByRole("button", { name: "Look", exact: true }).click();
      await page.getByText(/The server may not reach/).waitFor();
      await page.getByRole("region", { name: "EGRESS_ALLOW" }).waitFor();
      expect(await violationsOf(page)).toEqual([]);
      await page.getByRole("button", { name: new RegExp(`${name} answers`) }).click();
      await expect(page.getByLabel("Endpoint URL").inputValue()).resolves.toBe(`http://127.0.0.1:${port}/v1`);
      await page.getByRole("button", { name: "Check" }).click();
      await page.getByRole("button", { name: "some-model" }).click();
      await page.getByText("It works.").waitFor();
      await page.getByRole("link", { name: "Chat with it" }).click();
      await say(page, "Hi");
      await page.getByText("Hello, world").waitFor();
      expect(own.complaints).toEqual([]);
    } finally {
      await own.stop();
      await found.close();
    }
  });

  it("says that the server does not answer, and shows the page once it does again", async () => {
    const { apiKey } = await addLlm();
    const page = await rig.openAs(apiKey);
    await page.getByText("Live", { exact: true }).waitFor();
    await page.context().setOffline(true);
    await goTo(page, "/usage");
    await page.getByText("The server does not answer.").first().waitFor();
    await page.context().setOffline(false);
    await page.getByRole("button", { name: "Try again" }).first().click();
    await page.getByText("Nothing was used in this time.").waitFor();
    rig.complaints.length = 0;
  });

  it("fits into a window that is 375 pixels wide", async () => {
    const { apiKey, llm } = await addLlm();
    const page = await rig.openAs(apiKey, { viewport: { width: 375, height: 720 } });
    for (const path of ["/llms", `/llms/${llm.llmId}`, "/playground", "/usage", "/access", "/audit", "/you"]) {
      await goTo(page, path);
      await page.locator("h1").first().waitFor();
      await expect.poll(() => page.getByText("Loading…").count(), { timeout: 20_000 }).toBe(0);
      expect(await page.evaluate(() => document.documentElement.scrollWidth), path).toBeLessThanOrEqual(375);
      await expect
        .poll(() => page.locator("nav [aria-current=page]").evaluate(isInView), { timeout: 20_000 })
        .toBe(true);
    }
  });

  it("works behind a path of a proxy", async () => {
    const { apiKey } = await addLlm();
    const proxy = await startProxy({ prefix: "/team/patchbay", target: rig.server.url });
    const page = await rig.open({}, `${proxy.url}/`);
    await signIn(page, apiKey);
    await page.getByRole("link", { name: "Support" }).click();
    await page.getByRole("heading", { name: "Connection" }).waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    await page.context().close();
    await proxy.stop();
  });
});
