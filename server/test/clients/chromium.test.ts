import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import { type Browser, chromium, type Page as Tab } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Llm_ProviderType } from "../../../gen/patchbay/v1/llm_pb.ts";
import { apiKey } from "../service/llm-requests.ts";
import { saysSlowly } from "../upstream/behaviours.ts";
import type { Page, Target } from "./browser-page.ts";
import { describeUnless, findProgram } from "./program.ts";
import { type Rig, startRig } from "./rig.ts";
import { bundlePage, serveOrigin, type WebOrigin } from "./web-origin.ts";

const executablePath = findProgram("chromium");
const missing = executablePath ? undefined : "the tests in a browser: no chromium on PATH (apt-get install chromium)";

/** Nothing but what the tests ask for goes over the network. */
const SWITCHES = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const UUID = /^[0-9a-f-]{36}$/;

/** The page's own `page`, in functions that run there. */
declare const page: Page;

describeUnless(missing)("a page in Chromium", () => {
  let listed: WebOrigin;
  let unlisted: WebOrigin;
  let rig: Rig;
  let browser: Browser;
  let tab: Tab;
  beforeAll(async () => {
    const script = await bundlePage();
    listed = await serveOrigin(script);
    unlisted = await serveOrigin(script);
    rig = await startRig({ CORS_ORIGINS: `https://app.example.com,${listed.origin}` });
    browser = await chromium.launch({ executablePath: executablePath as string, args: SWITCHES });
    tab = await openTab(listed);
  });
  afterAll(async () => {
    await browser.close();
    await rig.stop();
    await listed.close();
    await unlisted.close();
  });

  async function openTab({ origin }: WebOrigin): Promise<Tab> {
    const opened = await browser.newPage();
    await opened.goto(origin);
    return opened;
  }

  function requestFor(modelIdentifier: string) {
    return {
      displayName: "From Chromium",
      providerType: Llm_ProviderType.VLLM,
      endpointUrl: rig.endpointUrl,
      modelIdentifier,
      credentials: apiKey(randomUUID()),
    };
  }

  /** The id of an Llm of that model, which the page creates. */
  async function createLlm(target: Target, modelIdentifier: string): Promise<string> {
    const args = { target, request: requestFor(modelIdentifier) };
    const created = await tab.evaluate(({ target, request }) => page.createLlm(target, request), args);
    expect(created).toEqual({ value: { llmId: expect.stringMatching(UUID), requestId: expect.stringMatching(UUID) } });
    return (created as { value: { llmId: string } }).value.llmId;
  }

  /** How long the upstream still had its connection for the request of that index; infinite if it still has it. */
  async function msOpen(index: number, since: number): Promise<number> {
    const call = await rig.upstream.whenRequested(index);
    await Promise.race([call.closed, setTimeout(3_000)]);
    return (call.closedAt ?? Number.POSITIVE_INFINITY) - since;
  }

  describe.each(["Connect", "gRPC-Web"] as const)("by %s", (protocol) => {
    let target: Target;
    beforeAll(() => {
      target = { url: rig.server.url, apiKey: rig.apiKey, protocol };
    });

    it("creates an Llm and streams a chat, word by word into the page", async () => {
      const model = `stream-${randomUUID()}`;
      rig.upstream.setModel(model, saysSlowly(100, "one ", "two ", "three"));
      const llmId = await createLlm(target, model);
      const streaming = tab.evaluate(({ target, llmId }) => page.streamChat(target, llmId), { target, llmId });
      await tab.waitForFunction(() => document.body.textContent === "one ", undefined, { polling: 10 });
      await tab.waitForFunction(() => document.body.textContent === "one two ", undefined, { polling: 10 });

      const { value = [] } = (await streaming) as { value?: { text: string; at: number }[] };
      expect(value.map(({ text }) => text)).toEqual(["one ", "two ", "three"]);
      expect((value[2]?.at ?? 0) - (value[0]?.at ?? 0)).toBeGreaterThan(100);
    });

    it("learns the reason of an error", async () => {
      const args = { target, request: requestFor(`twice-${randomUUID()}`) };
      const create = () => tab.evaluate(({ target, request }) => page.createLlm(target, request), args);
      const { value } = (await create()) as { value: { llmId: string } };
      expect(await create()).toMatchObject({
        problem: {
          code: "AlreadyExists",
          reason: "LLM_DUPLICATE",
          message: expect.stringContaining("the owner has an Llm with the same connection: "),
          metadata: { llmId: value.llmId, sameRequest: "true" },
          requestId: expect.stringMatching(UUID),
        },
      });
    });

    it("learns the reason of a stream that does not begin", async () => {
      const llmId = await createLlm(target, "busy");
      expect(
        await tab.evaluate(({ target, llmId }) => page.streamChat(target, llmId), { target, llmId }),
      ).toMatchObject({
        problem: { code: "ResourceExhausted", reason: "UPSTREAM_RATE_LIMITED", retryAfterMs: 7_000 },
      });
    });

    it("closes the upstream within 1 s when it aborts a stream", async () => {
      const llmId = await createLlm(target, "stalling");
      const index = rig.upstream.requests.length;
      const left = await tab.evaluate(({ target, llmId }) => page.leaveChat(target, llmId), { target, llmId });
      expect(left).toMatchObject({ problem: { code: "Canceled" } });
      expect(await msOpen(index, Date.now())).toBeLessThan(1_000);
    });

    it("closes the upstream within 1 s when the tab is closed", async () => {
      const llmId = await createLlm(target, "stalling");
      const index = rig.upstream.requests.length;
      const another = await openTab(listed);
      const gone = another
        .evaluate(({ target, llmId }) => page.streamChat(target, llmId), { target, llmId })
        .catch((error: Error) => error.message);
      await another.waitForFunction(() => document.body.textContent !== "", undefined, { polling: 10 });
      await another.close();
      expect(await gone).toContain("closed");
      expect(await msOpen(index, Date.now())).toBeLessThan(1_000);
    });

    it("gets nothing when its origin is not listed, and nothing is done", async () => {
      const stranger = await openTab(unlisted);
      const args = { target, request: requestFor(`unlisted-${randomUUID()}`) };
      const refused = await stranger.evaluate(({ target, request }) => page.createLlm(target, request), args);
      await stranger.close();
      expect(refused).toMatchObject({ problem: { code: "Unknown", message: "Failed to fetch", reason: "" } });

      const patchbay = rig.server.client(rig.apiKey);
      const { llms } = await patchbay.llms.listLlms({ search: args.request.modelIdentifier });
      expect(llms).toEqual([]);
    });
  });

  describe("by REST", () => {
    let target: Target;
    beforeAll(() => {
      target = { url: rig.server.url, apiKey: rig.apiKey, protocol: "Connect" };
    });

    it("reads an answer, its id, and when to come again", async () => {
      const llmId = await createLlm(target, "busy");
      const args = { target, path: `/v1/llms/${llmId}` };
      const read = await tab.evaluate(({ target, path }) => page.fetchJson(target, path), args);
      expect(read).toMatchObject({ status: 200, json: { llmId }, headers: { "x-request-id": expect.any(String) } });

      const chat = { target, path: `/v1/llms/${llmId}:chat` };
      const busy = await tab.evaluate(({ target, path }) => page.fetchJson(target, path, { message: "Hi" }), chat);
      expect(busy).toMatchObject({ status: 429, json: { error: { status: "RESOURCE_EXHAUSTED" } } });
      expect(busy.headers).toMatchObject({ "retry-after": "7" });
    });

    it("gets nothing when its origin is not listed", async () => {
      const stranger = await openTab(unlisted);
      const asking = stranger.evaluate((target) => page.fetchJson(target, "/v1/llms"), target);
      await expect(asking).rejects.toThrow("Failed to fetch");
      await stranger.close();
    });
  });
});
