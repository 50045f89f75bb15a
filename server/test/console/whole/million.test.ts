import { randomUUID } from "node:crypto";
import { Client } from "pg";
import { expect, it } from "vitest";
import { seedMillion } from "../../../../bench/rows/growth/seed-million.ts";
import { Llm_ProviderType } from "../../../../gen/patchbay/v1/llm_pb.ts";
import { describeUnless } from "../../clients/program.ts";
import { missingBrowser, signIn, startConsole } from "../console-rig.ts";

const THROTTLE = 4;

describeUnless(missingBrowser)("the console with a million Llms", () => {
  it("draws its first table soon, finds while one types, and scrolls on", { timeout: 900_000 }, async () => {
    const rig = await startConsole();
    const { accountId, apiKey } = await rig.server.addAccount("ADMIN");
    const { llm } = await rig.server.client(apiKey).llms.createLlm({
      displayName: "The first",
      providerType: Llm_ProviderType.OPENAI,
      modelIdentifier: `model-${randomUUID()}`,
      ownerId: accountId,
    });
    const database = new Client({ connectionString: rig.server.database.url });
    await database.connect();
    await seedMillion(database, llm?.llmId ?? "", 1_000_000);
    await database.end();

    const page = await rig.open();
    await signIn(page, apiKey);
    await page.getByRole("row").nth(20).waitFor();
    await page.getByText("10,000 or more").waitFor();

    // Again on a cold cache and a slow processor, with the session that the tab has.
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Network.clearBrowserCache");
    await devtools.send("Emulation.setCPUThrottlingRate", { rate: THROTTLE });
    await page.reload({ waitUntil: "commit" });
    await page.getByRole("row").nth(20).waitFor();
    const drawnMs = await page.evaluate(() => performance.now());

    await page.evaluate(() => {
      const keys: number[] = [];
      Object.assign(globalThis, { keys });
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (entry.name === "keydown") keys.push(entry.duration);
      }).observe({ type: "event", durationThreshold: 16 } as PerformanceObserverInit);
    });
    await page.getByRole("searchbox").pressSequentially("llm 700001 qzx", { delay: 60 });
    await page.getByRole("link", { name: "Llm 700001 qzx" }).waitFor();
    const keyMs = await page.evaluate(() => (globalThis as unknown as { keys: number[] }).keys);
    await page.getByRole("searchbox").fill("");
    await page.getByRole("row").nth(20).waitFor();

    await devtools.send("Emulation.setCPUThrottlingRate", { rate: 1 });
    const table = page.getByRole("region", { name: /^Llms/ });
    for (let pages = 0; pages < 12; pages += 1) {
      await table.evaluate((box) => box.scrollTo(0, box.scrollHeight));
      await page.waitForTimeout(250);
    }
    await expect.poll(() => table.evaluate((box) => box.scrollHeight), { timeout: 20_000 }).toBeGreaterThan(500 * 34);
    expect(await page.getByRole("row").count()).toBeLessThan(120);
    expect(rig.complaints).toEqual([]);
    const slowest = Math.max(0, ...keyMs);
    console.log(
      `first table after ${Math.round(drawnMs)} ms, slowest key ${slowest} ms, at a ${THROTTLE}th of the CPU`,
    );
    await rig.stop();
  });
});
