import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { Llm_ProviderType } from "../../../gen/patchbay/v1/llm_pb.ts";
import { describeUnless } from "../clients/program.ts";
import { type ConsoleRig, goTo, missingBrowser, signIn, startConsole } from "./console-rig.ts";
import { startProxy } from "./proxy.ts";

// A page on a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 });

describeUnless(missingBrowser)("the console, while it is open", () => {
  let rig: ConsoleRig;
  beforeAll(async () => {
    rig = await startConsole();
  });
  afterAll(() => rig?.stop());
  afterEach(() => expect(rig.complaints.splice(0)).toEqual([]));

  async function addLlm() {
    const { accountId, apiKey } = await rig.server.addAccount("OWNER");
    const patchbay = rig.server.client(apiKey);
    const { llm } = await patchbay.llms.createLlm({
      displayName: "Support",
      providerType: Llm_ProviderType.CUSTOM_OPENAI_COMPATIBLE,
      endpointUrl: rig.endpointUrl,
      modelIdentifier: "some-model",
    });
    if (!llm) throw new Error("no Llm came");
    return { accountId, apiKey, patchbay, llm };
  }

  const isLive = (page: Page) => page.getByText("Live", { exact: true }).waitFor();

  it("keeps a form over a restart of the server, says what it waits for, and goes on by itself", async () => {
    const { apiKey, patchbay, llm } = await addLlm();
    const before = await rig.server.startAnother();
    const proxy = await startProxy({ target: before.url });
    const page = await rig.open({}, `${proxy.url}/`);
    await signIn(page, apiKey);
    await goTo(page, `/llms/${llm.llmId}/edit`);
    await page.getByLabel("Name", { exact: true }).fill("Support, written during a restart");
    await page.getByText("The server would take this.").waitFor();
    await isLive(page);

    proxy.target = "";
    await before.stop();
    await page.getByText("Connecting…").waitFor();
    await page.getByLabel("What it is for").fill("what was typed meanwhile");
    await page.getByText("The server does not answer.").waitFor();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("alert").getByText("The server does not answer.").waitFor();

    const after = await rig.server.startAnother();
    proxy.target = after.url;
    await isLive(page);
    await page.getByText("The server would take this.").waitFor();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: "Support, written during a restart", level: 1 }).waitFor();
    expect((await patchbay.llms.getLlm({ llmId: llm.llmId })).llm?.description).toBe("what was typed meanwhile");
    await page.context().close();
    await proxy.stop();
    await after.stop();
  });

  it("shows in one tab what is done in another, and signs out of both, and not of another key's", async () => {
    const { accountId, apiKey, llm } = await addLlm();
    const one = await rig.openAs(apiKey);
    const openTab = async (key: string) => {
      const page = await one.context().newPage();
      await page.goto(rig.server.url);
      await signIn(page, key);
      return page;
    };
    const other = await openTab(apiKey);
    const viewer = await openTab(await rig.server.addKey(accountId, "VIEWER"));
    await goTo(other, "/usage");
    await other.getByText("No budget is set.").waitFor();

    await goTo(one, "/usage");
    await one.getByRole("button", { name: "Set a budget" }).click();
    const dialog = one.getByRole("dialog");
    await dialog.getByLabel("US dollars").fill("25");
    await dialog.getByText("The server would take this.").waitFor();
    await dialog.getByRole("button", { name: "Save" }).click();
    await other.getByRole("row", { name: /\$25\.00/ }).waitFor();

    await goTo(other, "/llms");
    await goTo(one, `/llms/${llm.llmId}/edit`);
    await one.getByLabel("Name", { exact: true }).fill("Renamed");
    await one.getByRole("button", { name: "Save" }).click();
    await other.getByRole("link", { name: "Renamed" }).waitFor();

    await one.getByRole("button", { name: "Sign out" }).click();
    await one.getByRole("heading", { name: "Sign in" }).waitFor();
    await other.getByText("You have signed out in another tab.").waitFor();
    await viewer.getByRole("heading", { name: "Llms", level: 1 }).waitFor();
    expect(await viewer.getByText("You have signed out").count()).toBe(0);
  });

  it("leaves when the key is revoked, with the server's word for it, though nobody presses anything", async () => {
    const { accountId, patchbay } = await addLlm();
    const secret = await rig.server.addKey(accountId, "MEMBER");
    const page = await rig.openAs(secret);
    await isLive(page);
    const { apiKeys } = await patchbay.access.listApiKeys({ accountId });
    const { apiKeyId = "" } = apiKeys.find(({ displayName }) => displayName === "MEMBER") ?? {};
    await patchbay.access.revokeApiKey({ apiKeyId });
    await page.getByRole("heading", { name: "Sign in" }).waitFor({ timeout: 60_000 });
    expect(await page.getByRole("alert").textContent()).toMatch(/key/);
    expect(await page.evaluate(() => JSON.stringify({ ...sessionStorage }))).not.toContain("pb_");
  });

  it("says that it waits for a slow server, and asks it once", async () => {
    const { apiKey, patchbay, llm } = await addLlm();
    const proxy = await startProxy({ target: rig.server.url });
    const page = await rig.open({}, `${proxy.url}/`);
    await signIn(page, apiKey);
    await goTo(page, `/llms/${llm.llmId}/edit`);
    await page.getByLabel("Name", { exact: true }).fill("Slowly");
    await page.getByText("The server would take this.").waitFor();
    proxy.delayMs = 2_000;
    proxy.requests.length = 0;
    const save = page.getByRole("button", { name: "Save" });
    await save.click();
    await expect.poll(() => save.isDisabled(), { timeout: 20_000 }).toBe(true);
    await page.getByLabel("Name", { exact: true }).press("Enter");
    await page.getByRole("heading", { name: "Slowly", level: 1 }).waitFor();
    expect(proxy.requests.filter((request) => request.endsWith("/UpdateLlm"))).toHaveLength(1);
    await goTo(page, "/access");
    await page.getByText("Loading…").first().waitFor();
    await page.getByRole("heading", { name: "Access", level: 1 }).waitFor();
    expect((await patchbay.llms.getLlm({ llmId: llm.llmId })).llm?.displayName).toBe("Slowly");
    await page.context().close();
    await proxy.stop();
  });
});
