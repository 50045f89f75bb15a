import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { expect, it } from "vitest";
import { ApiKey_Role } from "../../../../gen/patchbay/v1/api_key_pb.ts";
import { Budget_Mode, Budget_Period } from "../../../../gen/patchbay/v1/budget_pb.ts";
import { Llm_ProviderType as Type } from "../../../../gen/patchbay/v1/llm_pb.ts";
import { describeUnless } from "../../clients/program.ts";
import { saysSlowly } from "../../upstream/behaviours.ts";
import { type ConsoleRig, goTo, missingBrowser, signIn, startConsole } from "../console-rig.ts";

const FOLDER = join(import.meta.dirname, "../../../../docs/console");
const REPLY = "A patchbay keeps every connection in one place, so that a cable is moved once and not at each desk.";

describeUnless(missingBrowser)("the pictures of the console", () => {
  it("are taken of each page, in light and in dark", { timeout: 300_000 }, async () => {
    const rig = await startConsole({ MODEL_CHECK_HOURS: "0" });
    const { apiKey, llmId, routeId } = await fill(rig);
    mkdirSync(FOLDER, { recursive: true });
    for (const colorScheme of ["light", "dark"] as const) {
      const page = await rig.open({ colorScheme, reducedMotion: "reduce" });
      const take = async (name: string) => {
        await page.waitForLoadState("networkidle");
        await expect.poll(() => page.getByText("Loading…").count(), { timeout: 20_000 }).toBe(0);
        await page.waitForTimeout(300);
        await page.screenshot({ path: join(FOLDER, `${name}-${colorScheme}.png`) });
      };
      await take("sign-in");
      await signIn(page, apiKey);
      await page.getByRole("link", { name: "Support answers" }).waitFor();
      await take("llms");
      await goTo(page, "/connect");
      await page.getByRole("button", { name: "OpenAI" }).first().waitFor();
      await take("connect");
      for (const tab of ["overview", "usage", "keys", "use"]) {
        await goTo(page, `/llms/${llmId}?tab=${tab}`);
        await take(tab === "overview" ? "llm" : `llm-${tab}`);
      }
      await goTo(page, `/llms/${llmId}?tab=tests`);
      await page.getByLabel("How many").selectOption("5");
      await page.getByRole("button", { name: "Measure" }).click();
      await page
        .getByText(/median/)
        .first()
        .waitFor();
      await take("llm-tests");
      await goTo(page, `/llms/${llmId}/edit`);
      await page.getByLabel("Name", { exact: true }).waitFor();
      await take("llm-edit");
      await goTo(page, `/playground?llm=${llmId}&llm2=${llmId}`);
      await page.getByLabel("Message", { exact: true }).fill("What is a patchbay good for?");
      await page.keyboard.press("Enter");
      await expect.poll(() => page.getByText(/first token/).count(), { timeout: 20_000 }).toBe(2);
      await take("playground");
      await goTo(page, "/usage");
      await page.getByText("Refuse chats").first().waitFor();
      await take("usage");
      await page.getByRole("button", { name: "Set a budget" }).click();
      await page.getByRole("dialog").getByLabel("US dollars").fill("25,00");
      await page.getByText("Not like this").waitFor();
      await take("set-budget");
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "hidden" });
      for (const name of ["routes", "providers", "access", "audit", "you"]) {
        await goTo(page, `/${name}`);
        await page.getByRole("heading", { level: 1 }).waitFor();
        await take(name);
      }
      await goTo(page, `/routes/${routeId}`);
      await page.getByText("Would be taken").waitFor();
      await take("route");
      await goTo(page, `/routes/${routeId}/edit`);
      await page.getByLabel("Weight").first().fill("20000");
      await page.getByText("Not like this").waitFor();
      await take("route-edit");
      await goTo(page, "/access");
      await page.getByRole("button", { name: "New key" }).click();
      await page.getByRole("dialog").getByLabel("Name").fill("Support bot");
      await page.getByRole("dialog").getByText("Limits", { exact: true }).click();
      await page.getByRole("dialog").getByLabel("Calls a minute").fill("60");
      await page.getByText("The server would take this.").waitFor();
      await take("new-key");
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "hidden" });
      await goTo(page, "/audit");
      await page.getByRole("heading", { name: "Audit", level: 1 }).waitFor();
      await page.keyboard.press("c");
      await page
        .getByRole("dialog")
        .getByRole("button", { name: /ListAuditEvents/ })
        .first()
        .click();
      await take("calls");
      await page.context().close();
    }
    expect(rig.complaints).toEqual([]);
    await rig.stop();
  });
});

/** A small team's month: some Llms that work and some that do not, and what they cost. */
async function fill(rig: ConsoleRig): Promise<{ apiKey: string; llmId: string; routeId: string }> {
  const { accountId, apiKey: first } = await rig.server.addAccount("ADMIN");
  const limits = {
    requestsPerMinute: 600,
    tokensPerMinute: 2_000_000n,
    budget: { amountUsd: "50", period: Budget_Period.MONTH },
  };
  const { key: apiKey } = await rig.server
    .client(first)
    .access.createApiKey({ displayName: "Grace, platform team", role: ApiKey_Role.ADMIN, limits });
  const patchbay = rig.server.client(apiKey);
  // A key with a budget calls no Llm whose price is not known, and this one has none.
  const boundless = rig.server.client(first);
  await boundless.access.updateAccount({ accountId, displayName: "Platform", contact: "#ai-platform" });
  const key = (value: string) => ({ apiKey: { source: { case: "inlineSecret" as const, value } } });
  const own = { providerType: Type.CUSTOM_OPENAI_COMPATIBLE, endpointUrl: rig.endpointUrl };
  const { provider } = await patchbay.providers.upsertProvider({
    name: "gateway",
    displayName: "Team gateway",
    ...own,
    credentials: key(rig.upstreamKey),
  });
  await patchbay.providers.testProvider({ name: "gateway" });
  const llms = [
    { displayName: "Support answers", modelIdentifier: "gpt-4o", labels: { team: "support" } },
    { displayName: "Search", modelIdentifier: "gpt-4o-mini", labels: { team: "search" } },
    { displayName: "Summaries", modelIdentifier: "claude-sonnet-4-5", labels: { team: "docs" } },
    { displayName: "Drafts", modelIdentifier: "llama-3.3-70b", labels: { team: "docs" } },
  ];
  const price = [
    { input: "2.5", output: "10" },
    { input: "0.15", output: "0.6" },
    { input: "3", output: "15" },
  ];
  const ids: string[] = [];
  for (const [index, draft] of llms.entries()) {
    rig.upstream.setModel(draft.modelIdentifier, saysSlowly(12, ...(REPLY.match(/\S+\s*/g) ?? [])));
    const connection =
      index === 0 ? { ...own, credentials: key(rig.upstreamKey) } : { providerId: provider?.providerId ?? "" };
    const { llm } = await patchbay.llms.createLlm({
      ...draft,
      ...connection,
      ...(price[index] && { price: price[index] }),
    });
    const llmId = llm?.llmId ?? "";
    ids.push(llmId);
    await patchbay.llms.testLlm({ llmId });
    await boundless.chat.chat({ llmId, message: "What is a patchbay good for? ".repeat(40 * (4 - index)) });
  }
  const broken = await patchbay.llms.createLlm({
    displayName: "Old translations",
    ...own,
    modelIdentifier: "gpt-3.5-turbo",
    credentials: key("sk-was-revoked-some-time-ago"),
  });
  await patchbay.llms.testLlm({ llmId: broken.llm?.llmId ?? "" });
  await patchbay.llms.createLlm({ displayName: "New idea", providerType: Type.OPENAI, modelIdentifier: "gpt-5" });
  const llmId = ids[0] ?? "";
  await patchbay.llms.setDefaultLlm({ llmId });
  await patchbay.llms.addPendingCredentials({ llmId, credentials: key("sk-the-next-key-of-the-upstream") });
  await patchbay.access.createApiKey({ displayName: "Support bot", role: ApiKey_Role.MEMBER, limits });
  await patchbay.access.createApiKey({ displayName: "Dashboard", role: ApiKey_Role.VIEWER, limits });
  const target = (index: number, weight = 1) => ({ llmId: ids[index] ?? "", weight });
  const { route } = await patchbay.routes.createRoute({
    name: "support",
    displayName: "Support, whatever happens",
    description: "The support bot's chats",
    tiers: [{ targets: [target(0, 70), target(2, 30)] }, { targets: [target(1)] }],
    attemptTimeoutMs: 20_000,
  });
  await patchbay.routes.createRoute({
    name: "docs/drafts",
    tiers: [{ targets: [target(3)] }, { targets: [target(1)] }],
  });
  await addDays(rig);
  await patchbay.budgets.setBudget({
    amount: 25_000_000_000_000n,
    period: Budget_Period.MONTH,
    mode: Budget_Mode.REFUSE,
  });
  await patchbay.budgets.setBudget({
    llmId,
    ownerId: accountId,
    amount: 10_000_000_000n,
    period: Budget_Period.DAY,
    mode: Budget_Mode.WARN,
  });
  await patchbay.chat.chat({ llmId, message: "And now? ".repeat(40) });
  return { apiKey, llmId, routeId: route?.routeId ?? "" };
}

/** What was used today, more or less of it, on the days before. */
async function addDays(rig: ConsoleRig): Promise<void> {
  const database = new Client({ connectionString: rig.server.database.url });
  await database.connect();
  await database.query(`
    insert into daily_usage
    select (jsonb_populate_record(null::daily_usage, to_jsonb(d) || jsonb_build_object(
      'day', d.day - n, 'cost', d.cost * f, 'replies', d.replies * f, 'input_tokens', d.input_tokens * f,
      'output_tokens', d.output_tokens * f))).*
    from daily_usage d, generate_series(1, 27) n, lateral (select (40 + n * 37 % 90 + ascii(d.llm_id::text) * n % 40) f) factor`);
  await database.query(`
    update llm_total set cost = total.cost
    from (select llm_id, sum(cost) as cost from daily_usage group by llm_id) total
    where total.llm_id = llm_total.llm_id`);
  await database.end();
}
