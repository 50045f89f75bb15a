import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ApiKey_Role as Role } from "../../../gen/patchbay/v1/api_key_pb.ts";
import { QueryUsageRequest_GroupBy as By } from "../../../gen/patchbay/v1/usage_service_pb.ts";
import { startServer, type TestServer } from "../../test/server/test-server.ts";
import { llmRequest } from "../../test/service/llm-requests.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { LabelCap, MAX_SETS_A_DAY } from "./label-cap.ts";

let upstream: ScriptedUpstream;
let server: TestServer;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  server = await startServer({ EGRESS_ALLOW: upstream.url });
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
});

/** An account with two Llms and two keys, each of which has chatted with both; one more often. */
async function chatted() {
  const { apiKey } = await server.addAccount("OWNER");
  const owner = server.client(apiKey);
  const create = async (said: object) => {
    const request = llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier: randomUUID(), ...said });
    return (await owner.llms.createLlm(request)).llm?.llmId ?? "";
  };
  const llms = [await create({ alias: "one" }), await create({ alias: "two" })];
  const keys = [];
  for (const displayName of ["a", "b"]) {
    const { key, apiKey } = await owner.access.createApiKey({ displayName, role: Role.MEMBER });
    keys.push({ key, apiKeyId: apiKey?.apiKeyId ?? "" });
    for (const llmId of llms) await server.client(key).chat.chat({ llmId, message: "Hi" });
  }
  await server.client(keys[0]?.key ?? "").chat.chat({ llmId: "one", message: "Hi" });
  return { owner, keys, llms };
}

describe("usage", () => {
  it("is summed up by key, with each of the other dimensions", async () => {
    const { owner, keys } = await chatted();
    const counts = async (groupBy: By[], said: object = {}) =>
      (await owner.usage.queryUsage({ groupBy, ...said })).rows.map((row) => [row.apiKeyId, row.replies]);
    const expected = keys.map(({ apiKeyId }, index) => [apiKeyId, index === 0 ? 3n : 2n]).sort();
    expect((await counts([By.API_KEY])).sort()).toEqual(expected);
    expect(await counts([By.API_KEY, By.LLM])).toHaveLength(4);
    expect(
      await counts([By.DAY, By.API_KEY, By.SUBJECT, By.MODEL, By.LLM, By.OWNER, By.LABEL], { labelKey: "x" }),
    ).toHaveLength(4);
    expect(await counts([By.API_KEY], { apiKeyId: keys[1]?.apiKeyId })).toEqual([[keys[1]?.apiKeyId, 2n]]);
  });

  it("goes on behind a page of them", async () => {
    const { owner, keys } = await chatted();
    const seen: string[] = [];
    let pageToken = "";
    do {
      const page = await owner.usage.queryUsage({ groupBy: [By.API_KEY], pageSize: 1, pageToken });
      expect(page.rows).toHaveLength(1);
      seen.push(...page.rows.map(({ apiKeyId }) => apiKeyId));
      pageToken = page.nextPageToken;
    } while (pageToken);
    expect(seen).toEqual(keys.map(({ apiKeyId }) => apiKeyId).sort());
  });

  it("is summed up by model and shown to a limited key for its names only", async () => {
    const { owner, llms } = await chatted();
    const models = await Promise.all(
      llms.map(async (llmId) => (await owner.llms.getLlm({ llmId })).llm?.modelIdentifier),
    );
    const { rows } = await owner.usage.queryUsage({ groupBy: [By.MODEL] });
    expect(rows.map(({ model, replies }) => [model, replies])).toEqual(
      [
        [models[0], 3n],
        [models[1], 2n],
      ].sort(),
    );
    const limits = { allowedModels: ["two"] };
    const { key } = await owner.access.createApiKey({ displayName: "two", role: Role.MEMBER, limits });
    const own = await server.client(key).usage.queryUsage({ groupBy: [By.LLM] });
    expect(own.rows.map(({ llmId, replies }) => [llmId, replies])).toEqual([[llms[1], 2n]]);
    expect((await server.client(key).usage.queryUsage({})).rows).toMatchObject([{ replies: 2n }]);
  });
});

describe("what sums are told apart by", () => {
  it("is capped for an Llm on a day, and what is known goes on", () => {
    const cap = new LabelCap();
    const owned = { labels: { team: "ai" }, model: "m" };
    const [TODAY, TOMORROW] = [new Date("2026-11-30T23:59:59.999Z"), new Date("2026-12-01T00:00:00Z")];
    const said = (user: number) => ({ labels: { team: "ai", user: `${user}` }, model: "m" });
    for (let user = 0; user < MAX_SETS_A_DAY; user++)
      expect(cap.keep("llm", TODAY, said(user), owned)).toEqual(said(user));
    expect(cap.keep("llm", TODAY, said(-1), owned)).toBe(owned);
    expect(cap.keep("llm", TODAY, said(7), owned)).toEqual(said(7));
    expect(cap.keep("other", TODAY, said(-1), owned)).toEqual(said(-1));
    expect(cap.keep("llm", TOMORROW, said(-1), owned)).toEqual(said(-1));
  });
});
