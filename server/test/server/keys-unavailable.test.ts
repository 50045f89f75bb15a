import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { apiKey, llmRequest } from "../service/llm-requests.ts";
import { SURFACES } from "../surfaces.ts";
import { FakeTransit } from "../upstream/fake-transit.ts";
import { ScriptedUpstream } from "../upstream/scripted-upstream.ts";
import { problemIn } from "../wire/expect-problem.ts";
import { startServer, type TestServer } from "./test-server.ts";

const KEY = "sk-canary-0123456789abcdef";

let transit: FakeTransit;
let upstream: ScriptedUpstream;
let server: TestServer;
beforeAll(async () => {
  transit = await FakeTransit.start();
  upstream = await ScriptedUpstream.start({ apiKey: KEY });
  server = await startServer({
    EGRESS_ALLOW: upstream.url,
    KEYRING_FILE: "",
    VAULT_TRANSIT_KEY: "patchbay",
    VAULT_ADDR: transit.address,
    VAULT_TOKEN: transit.token,
  });
});
afterAll(async () => {
  await server.stop();
  await upstream.close();
  await transit.close();
});

/** An Llm of an account that is new, and with it its data key. */
async function createLlm() {
  const account = await server.addAccount("OWNER");
  const patchbay = server.client(account.apiKey);
  const { llm } = await patchbay.llms.createLlm(
    llmRequest({ endpointUrl: `${upstream.url}/v1`, modelIdentifier: randomUUID(), credentials: apiKey(KEY) }),
  );
  return { ...account, patchbay, llmId: llm?.llmId ?? "" };
}

describe("a server whose keys are in HashiCorp Vault", () => {
  it("keeps no key that opens anything", async () => {
    const { accountId, patchbay, llmId } = await createLlm();
    await patchbay.chat.chat({ llmId, message: "hello" });
    const rows = await server.store
      .fork()
      .execute("select wrapped_by, wrapped from wrapped_key where holder = ?", [accountId]);
    expect(rows).toEqual([
      { wrapped_by: "transit/patchbay:v1", wrapped: { ciphertext: expect.stringMatching(/^vault:v1:/) } },
    ]);
  });

  it.each(SURFACES)(
    "answers UNAVAILABLE over $name while it cannot ask for a key, and marks nothing",
    async ({ open }) => {
      const { apiKey, llmId } = await createLlm();
      const { patchbay, close } = open(server.url, apiKey);
      transit.isSealed = true;
      const refusal = { code: "Unavailable", reason: "KEYS_UNAVAILABLE" };
      expect(await problemIn(patchbay.chat.chat({ llmId, message: "hello" }))).toMatchObject(refusal);
      expect(await problemIn(patchbay.llms.testLlm({ llmId }))).toMatchObject(refusal);
      await patchbay.llms.getLlm({ llmId });
      await patchbay.llms.listLlms({});
      transit.isSealed = false;
      await patchbay.chat.chat({ llmId, message: "hello" });
      transit.isSealed = true; // The data key is in memory now.
      await patchbay.chat.chat({ llmId, message: "hello" });
      transit.isSealed = false;
      close();
    },
  );

  it("tells its operator when that begins and ends, and nothing of the token", () => {
    const messages = server.log.map(({ message }) => message);
    expect(messages).toContain("the key that encrypts credentials cannot be used");
    expect(messages).toContain("the key that encrypts credentials can be used again");
    const text = server.log.map(({ facts }) => String(facts.err)).join();
    expect(text).toContain("503: it is sealed");
    expect(text).not.toContain(transit.token);
  });

  it("refuses what needs a new data key, and stores nothing", async () => {
    const { apiKey: ownKey } = await server.addAccount("OWNER");
    const patchbay = server.client(ownKey);
    transit.token = "revoked";
    expect(await problemIn(patchbay.llms.createLlm(llmRequest({ credentials: apiKey(KEY) })))).toMatchObject({
      reason: "KEYS_UNAVAILABLE",
    });
    expect((await patchbay.llms.listLlms({})).llms).toEqual([]);
    await patchbay.llms.createLlm(llmRequest());
  });
});
