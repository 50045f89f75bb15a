import { randomUUID } from "node:crypto";
import { Client } from "pg";
import { expect, it } from "vitest";
import { seedMillion } from "../../../../bench/rows/growth/seed-million.ts";
import { Llm_ProviderType } from "../../../../gen/patchbay/v1/llm_pb.ts";
import { describeUnless } from "../../clients/program.ts";
import { missingBrowser, signIn, startConsole } from "../console-rig.ts";
import { measureFirstTable, measureKeys, median, THROTTLE } from "../goals.ts";

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

    const { drawnMs, computedMs } = await measureFirstTable(page);
    const keys = await measureKeys(page, "llm 700001 qzx");
    await page.getByRole("link", { name: "Llm 700001 qzx" }).waitFor();
    await page.getByRole("searchbox").fill("");
    await page.getByRole("row").nth(20).waitFor();

    const table = page.getByRole("region", { name: /^Llms/ });
    for (let pages = 0; pages < 12; pages += 1) {
      await table.evaluate((box) => box.scrollTo(0, box.scrollHeight));
      await page.waitForTimeout(250);
    }
    await expect.poll(() => table.evaluate((box) => box.scrollHeight), { timeout: 20_000 }).toBeGreaterThan(500 * 34);
    expect(await page.getByRole("row").count()).toBeLessThan(120);
    expect(rig.complaints).toEqual([]);
    console.log(
      `with a million Llms, at 1/${THROTTLE} of the CPU: first table after ${Math.round(drawnMs)} ms ` +
        `(${Math.round(computedMs)} computed), a key ${median(keys)} ms, the slowest ${keys.at(-1)}`,
    );
    await rig.stop();
  });
});
