import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Patchbay } from "../../../client/llm.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { type LlmRequest, llmRequest } from "../../test/service/llm-requests.ts";
import { problemIn } from "../../test/wire/expect-problem.ts";

let server: TestServer;
let patchbay: Patchbay;
beforeAll(async () => {
  server = await startServer();
  patchbay = server.client((await server.addAccount("OWNER")).apiKey);
});
afterAll(() => server.stop());

const create = async (said: LlmRequest) => (await patchbay.llms.createLlm(llmRequest(said))).llm?.llmId ?? "";

describe("an alias", () => {
  it("stands for the llm_id wherever one is taken, also in a path", async () => {
    const llmId = await create({ alias: "team/claude" });
    expect((await patchbay.llms.getLlm({ llmId: "team/claude" })).llm).toMatchObject({ llmId, alias: "team/claude" });
    await patchbay.llms.updateLlm({ llmId: "team/claude", description: "x" });
    await patchbay.llms.setDefaultLlm({ llmId: "team/claude" });
    expect((await patchbay.llms.batchGetLlms({ llmIds: ["team/claude", llmId] })).llms).toHaveLength(2);
    const key = (await server.addAccount("OWNER")).apiKey;
    const headers = { authorization: `Bearer ${key}` };
    expect((await fetch(`${server.url}/v1/llms/team%2Fclaude`, { headers })).status).toBe(404);
    await patchbay.llms.deleteLlm({ llmId: "team/claude" });
    expect(await problemIn(patchbay.llms.getLlm({ llmId: "team/claude" }))).toMatchObject({ reason: "LLM_NOT_FOUND" });
  });

  it("is one's alone among its owner's, and free again when it is given up", async () => {
    const first = await create({ alias: "mine" });
    expect(await problemIn(create({ alias: "mine" }))).toMatchObject({
      code: "AlreadyExists",
      reason: "ALIAS_TAKEN",
      metadata: { alias: "mine", llmId: first },
    });
    const second = await create({});
    expect(await problemIn(patchbay.llms.updateLlm({ llmId: second, alias: "mine" }))).toMatchObject({
      reason: "ALIAS_TAKEN",
    });
    const stranger = server.client((await server.addAccount("OWNER")).apiKey);
    await stranger.llms.createLlm(llmRequest({ alias: "mine" }));
    await patchbay.llms.updateLlm({ llmId: first, alias: "" });
    await patchbay.llms.updateLlm({ llmId: second, alias: "mine" });
    expect((await patchbay.llms.getLlm({ llmId: "mine" })).llm?.llmId).toBe(second);
    await patchbay.llms.deleteLlm({ llmId: second });
    const third = await create({ alias: "mine" });
    expect(await problemIn(patchbay.llms.undeleteLlm({ llmId: second }))).toMatchObject({ reason: "ALIAS_TAKEN" });
    expect((await patchbay.llms.getLlm({ llmId: "mine" })).llm?.llmId).toBe(third);
  });

  it("is kept by whoever has it when two would swap theirs at once", async () => {
    const aliases = Array.from({ length: 6 }, (_, index) => `swapped-${index}`);
    const ids = await Promise.all(aliases.map((alias) => create({ alias })));
    const holder = server.store.fork();
    const waiting = async () => {
      const text = "select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock'";
      return (await server.store.fork().execute<{ n: number }[]>(text))[0]?.n;
    };
    for (let round = 0; round < 3; round++) {
      // All give theirs up at the same moment, and then want another's.
      await holder.begin();
      await holder.execute("select from alias where name like 'swapped-%' for update");
      const swaps = ids.map((llmId, index) => patchbay.llms.updateLlm({ llmId, alias: aliases[index ^ 1] ?? "" }));
      const problems = Promise.all(swaps.map((swap) => problemIn(swap)));
      await expect.poll(waiting, { timeout: 20_000 }).toBe(ids.length);
      await holder.commit();
      expect((await problems).map(({ reason }) => reason)).toEqual(aliases.map(() => "ALIAS_TAKEN"));
    }
  }, 60_000);

  it("is given to one of many who want it at once", async () => {
    const asked = Array.from({ length: 20 }, () => create({ alias: "wanted" }));
    const given = (await Promise.allSettled(asked)).filter(({ status }) => status === "fulfilled");
    expect(given).toHaveLength(1);
  });

  it.each(["default", "Upper", "a//b", "/a", "a/", "a/../b", "6f8b7c1e-3f0a-4b8e-9d65-0c1f5a2b3c4d", "x".repeat(64)])(
    "is not %j",
    async (alias) => {
      expect(await problemIn(create({ alias }))).toMatchObject({
        reason: "INVALID_REQUEST",
        fields: [{ field: "alias" }],
      });
    },
  );
});
