import { randomUUID } from "node:crypto";
import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { createPatchbay } from "../../../client/llm.ts";
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
    await page.getByRole("link", { name: "New route" }).first().click();
    await page.getByLabel("Name", { exact: true }).fill("eu");
    await choose(page, "Europe", 0);
    await page.getByRole("button", { name: "Add a tier for when these fail" }).click();
    await choose(page, "America", 1);
    expect(await violationsOf(page)).toEqual([]);
    // The server's own refusal, of a name that one of the Llms has: while it is typed, and when it is sent all the same.
    await page.getByText(/Not like this.*eu/).waitFor();
    await page.getByRole("button", { name: "Make the route" }).click();
    await page.getByText("ALIAS_TAKEN").waitFor();
    await page.getByLabel("Name", { exact: true }).fill("No Slug");
    await page.getByLabel("Name", { exact: true }).and(page.locator("[aria-invalid]")).waitFor();
    expect(await page.getByText("ALIAS_TAKEN").count()).toBe(0);
    await page.getByLabel("Weight").first().fill("20000");
    await expect.poll(() => page.locator(".field .error").count(), { timeout: 20_000 }).toBe(2);
    await page.getByLabel("Weight").first().fill("1");
    await page.getByLabel("Name", { exact: true }).fill("support");
    await page.getByText("The server would take this.").waitFor();
    expect(await violationsOf(page)).toEqual([]);
    expect((await patchbay.routes.listRoutes({})).routes).toEqual([]);
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

    // Nobody asks again: what happens to an Llm is followed.
    await patchbay.llms.updateLlm({ llmId: first.llmId, disabled: true });
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

  it("shows the routes that another server makes, those that lead to an Llm, and on the page of that Llm, too", async () => {
    const { apiKey, patchbay, first, second } = await addLlms();
    await patchbay.routes.createRoute({ name: "overseas", tiers: [{ targets: [{ llmId: second.llmId }] }] });
    const page = await rig.openAs(apiKey);
    await goTo(page, "/routes");
    await page.getByRole("link", { name: "overseas" }).waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    const another = await rig.server.startAnother();
    const elsewhere = createPatchbay({ url: another.url, apiKey });
    const tiers = [{ targets: [{ llmId: first.llmId }] }];
    const { route } = await elsewhere.routes.createRoute({ name: "home", tiers });
    await page.getByRole("link", { name: "home" }).waitFor();
    await elsewhere.routes.updateRoute({ routeId: route?.routeId ?? "", displayName: "At home" });
    await page.getByRole("link", { name: "At home" }).waitFor();

    await page.getByRole("combobox", { name: /Choose an Llm/ }).click();
    await page.getByRole("option", { name: "America" }).click();
    await page.getByRole("link", { name: "At home" }).waitFor({ state: "hidden" });
    expect(await page.getByRole("link", { name: "overseas" }).count()).toBe(1);
    expect(page.url()).toContain(second.llmId);
    await elsewhere.routes.deleteRoute({ routeId: "overseas" });
    await page.getByText("No route leads to this Llm.").waitFor();
    expect(await violationsOf(page)).toEqual([]);
    await page.getByRole("button", { name: "Clear filters" }).click();
    await page.getByRole("link", { name: "At home" }).waitFor();
    await goTo(page, `/llms/${first.llmId}`);
    await page.locator("main").getByRole("link", { name: "At home" }).click();
    await page.getByRole("heading", { name: "At home", level: 1 }).waitFor();
    await elsewhere.routes.updateRoute({ routeId: route?.routeId ?? "", displayName: "Nearby" });
    await page.getByRole("heading", { name: "Nearby", level: 1 }).waitFor();
    await another.stop();
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
    // Before anything is sent, and where it is wrong.
    await dialog.getByLabel("Budget in US dollars").and(page.locator("[aria-invalid]")).waitFor();
    expect(await violationsOf(page)).toEqual([]);
    await dialog.getByRole("button", { name: "New key" }).click();
    await dialog
      .getByText("limits.budget.amount_usd")
      .or(dialog.getByText("limits.budget.amountUsd"))
      .first()
      .waitFor();
    await dialog.getByLabel("Budget in US dollars").fill("25");
    await dialog.getByText("The server would take this.").waitFor();
    expect((await patchbay.access.listApiKeys({ accountId })).apiKeys).toHaveLength(1);
    await dialog.getByRole("button", { name: "New key" }).click();
    const secret = (await page.getByRole("region", { name: "The key, this once" }).textContent())?.trim() ?? "";
    await page.getByRole("button", { name: "I have copied it" }).click();
    const row = page.getByRole("row", { name: /Support bot/ });
    await row.getByText("1 model, 1 calls/min, $25.00 each month").waitFor();
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
    await dialog.getByLabel("Calls a minute").fill("2000000");
    await dialog.getByLabel("Calls a minute").and(page.locator("[aria-invalid]")).waitFor();
    await dialog.getByLabel("Calls a minute").fill("60");
    await dialog.getByText("The server would take this.").waitFor();
    await dialog.getByRole("button", { name: "Save" }).click();
    await row.getByText("60 calls/min").waitFor();

    // Its holder sees the same, and whom to ask, without a right to see keys.
    const holder = await rig.openAs(secret);
    await holder.keyboard.press("g");
    await holder.keyboard.press("y");
    await holder.getByRole("heading", { name: "You and your limits" }).waitFor();
    await holder.getByRole("row", { name: /Calls a minute the key's/ }).waitFor();
    await holder.getByRole("row", { name: /Budget the key's .*\$25/ }).waitFor();
    await holder.getByText(/^the owners of the account/).waitFor();
    await holder.getByText("eu", { exact: true }).waitFor();
    expect(await violationsOf(holder)).toEqual([]);
  });

  it("goes on with a secret that programs have already, which only operators may bring along", async () => {
    const { accountId, apiKey } = await addLlms();
    const secret = `sk-${randomUUID()}`;
    const page = await rig.openAs((await rig.server.addAccount("ADMIN")).apiKey);
    await goTo(page, `/access?account=${accountId}`);
    await page.getByRole("button", { name: "New key" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("From the old gateway");
    await dialog.getByText("A secret that programs have already").click();
    await dialog.getByLabel("Secret to go on with").fill("sk-short");
    await dialog.getByLabel("Secret to go on with").and(page.locator("[aria-invalid]")).waitFor();
    await dialog.getByLabel("Secret to go on with").fill(secret);
    await dialog.getByText("The server would take this.").waitFor();
    await dialog.getByRole("button", { name: "As code" }).click();
    const code = await page.getByRole("region", { name: "CreateApiKey: curl" }).textContent();
    expect(code).toContain("$SECRET");
    expect(code).not.toContain(secret);
    await page.keyboard.press("Escape");
    await dialog.getByRole("button", { name: "New key" }).click();
    await page.getByRole("row", { name: /From the old gateway.*brought along/ }).waitFor();
    expect(await rig.server.client(secret).access.getCaller({})).toMatchObject({ caller: { accountId } });

    const owner = await rig.openAs(apiKey);
    await goTo(owner, "/access");
    await owner.getByRole("button", { name: "New key" }).click();
    await owner.getByRole("dialog").getByLabel("Name").waitFor();
    expect(await owner.getByText("A secret that programs have already").count()).toBe(0);
  });

  it("sets the limits of an account, and whom to ask for more", async () => {
    const { accountId } = await addLlms();
    const admin = (await rig.server.addAccount("ADMIN")).apiKey;
    const page = await rig.openAs(admin);
    await goTo(page, `/access?account=${accountId}`);
    await page.getByRole("button", { name: "Account", exact: true }).click();
    await page.getByRole("menuitem", { name: "Limits" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("No limit that is counted is set.").waitFor();
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
