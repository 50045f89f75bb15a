import { randomUUID } from "node:crypto";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { Llm_ProviderType } from "../../../gen/patchbay/v1/llm_pb.ts";
import { describeUnless } from "../clients/program.ts";
import { type ConsoleRig, goTo, missingBrowser, startConsole, violationsOf } from "./console-rig.ts";

// A page on a busy machine takes its time.
vi.setConfig({ testTimeout: 90_000 });

describeUnless(missingBrowser)("the console's pages of routes and limits", () => {
  let rig: ConsoleRig;
  beforeAll(async () => {
    rig = await startConsole();
  });
  afterAll(() => rig?.stop());
  afterEach(() => expect(rig.complaints.splice(0)).toEqual([]));

  /** An account with two Llms, and what calls for it. */
  async function addLlms() {
    const { accountId, apiKey } = await rig.server.addAccount("OWNER");
    const patchbay = rig.server.client(apiKey);
    const add = async (displayName: string, alias: string) => {
      const { llm } = await patchbay.llms.createLlm({
        displayName,
        alias,
        providerType: Llm_ProviderType.CUSTOM_OPENAI_COMPATIBLE,
        endpointUrl: rig.endpointUrl,
        modelIdentifier: `model-${randomUUID()}`,
        credentials: { apiKey: { source: { case: "inlineSecret", value: rig.upstreamKey } } },
      });
      if (!llm) throw new Error("no Llm came");
      return llm;
    };
    return { accountId, apiKey, patchbay, first: await add("Europe", "eu"), second: await add("America", "us") };
  }

  async function choose(page: Page, name: string, at: number) {
    await page
      .locator("form")
      .getByRole("combobox", { name: /Choose an Llm/ })
      .nth(at)
      .click();
    await page.getByRole("option", { name }).click();
    await page.getByRole("option", { name }).waitFor({ state: "hidden" });
  }

  it("makes a route, says which Llm it would take and why not the other, changes it and deletes it", async () => {
    const { apiKey, patchbay, first, second } = await addLlms();
    const page = await rig.openAs(apiKey);
    await page.getByRole("link", { name: "Europe" }).waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("r");
    await page.getByText("There is no route yet.").waitFor();
    await page.getByRole("link", { name: "New route" }).click();
    await page.getByLabel("Name", { exact: true }).fill("eu");
    await choose(page, "Europe", 0);
    await page.getByRole("button", { name: "Add a tier for when these fail" }).click();
    await choose(page, "America", 1);
    expect(await violationsOf(page)).toEqual([]);
    // The server's own refusal, of a name that one of the Llms has.
    await page.getByRole("button", { name: "Make the route" }).click();
    await page.getByText("ALIAS_TAKEN").waitFor();
    await page.getByLabel("Name", { exact: true }).fill("support");
    await page.getByRole("button", { name: "Make the route" }).click();
    await page.getByRole("heading", { name: "support", level: 1 }).waitFor();
    const explained = page.getByRole("table", { name: "Where would a chat go now?" });
    await explained.getByRole("row", { name: /Would be taken Europe/ }).waitFor();
    const { routes } = await patchbay.routes.listRoutes({});
    expect(routes).toMatchObject([
      { name: "support", tiers: [{ targets: [{ llmId: first.llmId }] }, { targets: [{ llmId: second.llmId }] }] },
    ]);
    const routeId = routes[0]?.routeId ?? "";
    expect(await violationsOf(page)).toEqual([]);

    await patchbay.llms.updateLlm({ llmId: first.llmId, disabled: true });
    await page.getByRole("button", { name: "Ask again" }).click();
    await explained.getByRole("row", { name: /Would be taken America/ }).waitFor();
    const { targets } = await patchbay.routes.explainRoute({ routeId });
    await explained
      .getByRole("row", { name: /Disabled Europe/ })
      .getByText(targets[0]?.why ?? "")
      .waitFor();

    await page.getByRole("link", { name: "Edit" }).click();
    await page.getByLabel("What people call it").fill("Support, both sides");
    await page.getByLabel("Weight").first().fill("70");
    await page.getByLabel("Which of them").first().selectOption("2");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("heading", { name: "Support, both sides", level: 1 }).waitFor();
    expect((await patchbay.routes.getRoute({ routeId })).route?.tiers[0]).toMatchObject({
      policy: 2,
      targets: [{ weight: 70 }],
    });
    await page.locator("main").getByRole("button", { name: "As code" }).first().click();
    await expect.poll(() => page.getByRole("dialog").textContent()).toContain(`/v1/routes/${routeId}`);
    await page.keyboard.press("Escape");

    await goTo(page, "/routes");
    await page.getByRole("row", { name: /Support, both sides support 1, then 1/ }).waitFor();
    expect(await violationsOf(page)).toEqual([]);
    await page.getByRole("link", { name: "Support, both sides" }).click();
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByText("There is no route yet.").waitFor();
    expect((await patchbay.routes.listRoutes({})).routes).toEqual([]);
  });

  it("makes a key with limits, shows what is used of them, and changes them", async () => {
    const { accountId, apiKey, patchbay, first } = await addLlms();
    const page = await rig.openAs(apiKey);
    await goTo(page, "/access");
    await page.getByRole("button", { name: "New key" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("Support bot");
    await dialog.getByText("Limits", { exact: true }).click();
    await dialog.getByLabel("Only these Llms and routes").fill("eu");
    await dialog.getByLabel("Calls a minute").fill("1");
    await dialog.getByLabel("Budget in US dollars").fill("much");
    expect(await violationsOf(page)).toEqual([]);
    await dialog.getByRole("button", { name: "New key" }).click();
    await dialog
      .getByText("limits.budget.amount_usd")
      .or(dialog.getByText("limits.budget.amountUsd"))
      .first()
      .waitFor();
    await dialog.getByLabel("Budget in US dollars").fill("25");
    await dialog.getByRole("button", { name: "New key" }).click();
    const secret = (await page.getByRole("region", { name: "The key, this once" }).textContent())?.trim() ?? "";
    await page.getByRole("button", { name: "I have copied it" }).click();
    const row = page.getByRole("row", { name: /Support bot/ });
    await row.getByText("1 model, 1 calls/min, $25.00, each month").waitFor();
    const { apiKeys } = await patchbay.access.listApiKeys({ accountId });
    expect(apiKeys.find(({ displayName }) => displayName === "Support bot")?.limits).toMatchObject({
      allowedModels: ["eu"],
      requestsPerMinute: 1,
      budget: { amountUsd: "25" },
    });

    await patchbay.llms.updateLlm({ llmId: first.llmId, price: { input: "2.5", output: "10" } });
    await rig.server.client(secret).chat.chat({ llmId: "eu", message: "Hi" });
    await row.getByRole("button", { name: "Limits" }).click();
    await dialog.getByRole("row", { name: /Calls a minute the key's .*0 1 1 in/ }).waitFor();
    expect(await violationsOf(page)).toEqual([]);
    await dialog.getByLabel("Calls a minute").fill("60");
    await dialog.getByRole("button", { name: "Save" }).click();
    await row.getByText("60 calls/min").waitFor();
  });

  it("sets the limits of an account, and whom to ask for more", async () => {
    const { accountId } = await addLlms();
    const admin = (await rig.server.addAccount("ADMIN")).apiKey;
    const page = await rig.openAs(admin);
    await goTo(page, `/access?account=${accountId}`);
    await page.getByRole("button", { name: "Account", exact: true }).click();
    await page.getByRole("menuitem", { name: "Limits" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("Nothing that is counted limits it.").waitFor();
    await dialog.getByLabel("Calls at the same time").fill("3");
    await dialog.getByLabel("Whom to ask for more").fill("#ai-platform");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "hidden" });
    const { account } = await rig.server.client(admin).access.getAccount({ accountId });
    expect(account).toMatchObject({ contact: "#ai-platform", limits: { parallelCalls: 3 } });
  });

  it("shows the routes to a viewer, and nothing to change them by", async () => {
    const { accountId, patchbay, first } = await addLlms();
    await patchbay.routes.createRoute({ name: "support", tiers: [{ targets: [{ llmId: first.llmId }] }] });
    const page = await rig.openAs(await rig.server.addKey(accountId, "VIEWER"));
    await goTo(page, "/routes");
    await page.getByRole("link", { name: "support" }).click();
    await page.getByRole("row", { name: /Would be taken Europe/ }).waitFor();
    expect(await page.getByRole("link", { name: /Edit|New route/ }).count()).toBe(0);
    expect(await page.getByRole("button", { name: "Delete" }).count()).toBe(0);
  });
});
