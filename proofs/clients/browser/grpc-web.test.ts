import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { type Browser, chromium, type Page as Tab } from "playwright-core";
import { build } from "rolldown";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Llm_ProviderType } from "../../../gen/patchbay/v1/llm_pb.ts";
import { WatchLlmsResponse_Kind } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { describeUnless, findProgram } from "../../../server/test/clients/program.ts";
import { type Rig, startRig } from "../../../server/test/clients/rig.ts";
import { serveOrigin, type WebOrigin } from "../../../server/test/clients/web-origin.ts";
import { saysSlowly } from "../../../server/test/upstream/behaviours.ts";
import { install, NotReached } from "../../programs/install.ts";

const executablePath = findProgram("chromium");
const script = await bundle();

/** The page with gRPC's own client; undefined if that cannot be had. */
async function bundle(): Promise<string | undefined> {
  try {
    const folder = install({ from: "npm", names: ["grpc-web@2.1.1"] });
    const alias = { "grpc-web": join(folder, "node_modules/grpc-web") };
    const input = join(import.meta.dirname, "page.mjs");
    const { output } = await build({ input, platform: "browser", write: false, resolve: { alias } });
    return output[0].code;
  } catch (error) {
    if (error instanceof NotReached) return undefined;
    throw error;
  }
}

const missing = executablePath ? (script ? undefined : "no registry is reached") : "no chromium on PATH";

/** What page.mjs puts there, for functions that run in the page. */
declare const page: {
  createLlm(target: object, request: object): Promise<{ llmId?: string; problem?: object }>;
  stream(
    target: object,
    rpc: string,
    request: object,
    options?: object,
  ): Promise<{ seen: unknown[]; problem?: object }>;
};

describeUnless(missing && `the official grpc-web: ${missing}`)("the official grpc-web in Chromium", () => {
  let rig: Rig;
  let origin: WebOrigin;
  let browser: Browser;
  let tab: Tab;
  beforeAll(async () => {
    origin = await serveOrigin(script as string);
    rig = await startRig({ CORS_ORIGINS: origin.origin });
    browser = await chromium.launch({
      executablePath: executablePath as string,
      args: ["--no-sandbox", "--disable-gpu"],
    });
    tab = await browser.newPage();
    await tab.goto(origin.origin);
  });
  afterAll(async () => {
    await browser.close();
    await rig.stop();
    await origin.close();
  });

  // Its streams need text; in binary it reads a stream when it is over.
  describe.each(["text", "binary"])("in %s", (format) => {
    const createLlm = (model: string) => create(model, format);
    const stream = (request: object, options = {}) => open("streamChat", request, options, format);

    it("is told why there cannot be a second", async () => {
      const model = randomUUID();
      const { llmId } = await createLlm(model);
      expect((await createLlm(model)).problem).toMatchObject({
        message: expect.stringContaining(`the owner has an Llm with the same connection: ${llmId}; use that one`),
        reason: "LLM_DUPLICATE",
        metadata: { llmId, sameRequest: "true" },
      });
    });

    it("streams a chat", async () => {
      const model = randomUUID();
      rig.upstream.setModel(model, saysSlowly(100, "one ", "two ", "three"));
      const { llmId } = await createLlm(model);
      expect(await stream({ llmId, message: "Hi" })).toEqual({ seen: ["one ", "two ", "three"] });
    });

    it("has its deadline kept", async () => {
      const model = randomUUID();
      rig.upstream.setModel(model, () => undefined);
      const { llmId } = await createLlm(model);
      const { problem } = await stream({ llmId, message: "Hi" }, { timeoutMs: 300 });
      expect(problem).toMatchObject({ code: "DEADLINE_EXCEEDED" });
    });
  });

  it("shows each word as it comes, in text", async () => {
    const model = randomUUID();
    rig.upstream.setModel(model, saysSlowly(300, "one ", "two ", "three"));
    const { llmId } = await create(model);
    const streaming = open("streamChat", { llmId, message: "Hi" });
    await tab.waitForFunction(() => document.body.textContent === "one ", undefined, { polling: 10 });
    expect((await streaming).seen).toHaveLength(3);
  });

  it("leaves a stream, and the upstream is closed", async () => {
    const { llmId } = await create("stalling");
    const index = rig.upstream.requests.length;
    const streaming = open("streamChat", { llmId, message: "Hi" }, { leave: "any" });
    const call = await rig.upstream.whenRequested(index);
    await streaming;
    await call.closed;
    expect(call.wasCompleted).toBe(false);
  });

  it("watches", async () => {
    const watching = open("watchLlms", {}, { leave: WatchLlmsResponse_Kind.CREATED });
    await tab.waitForFunction((kind) => document.body.textContent === String(kind), WatchLlmsResponse_Kind.CAUGHT_UP, {
      polling: 10,
    });
    await create(randomUUID());
    expect((await watching).seen).toEqual([WatchLlmsResponse_Kind.CAUGHT_UP, WatchLlmsResponse_Kind.CREATED]);
  });

  const targetIn = (format: string) => ({ url: rig.server.url, apiKey: rig.apiKey, format });
  const open = (rpc: string, request: object, options = {}, format = "text") =>
    tab.evaluate(([target, rpc, request, options]) => page.stream(target, rpc, request, options), [
      targetIn(format),
      rpc,
      request,
      options,
    ] as const);
  const create = (modelIdentifier: string, format = "text") =>
    tab.evaluate(([target, request]) => page.createLlm(target, request), [
      targetIn(format),
      {
        displayName: "From a page",
        providerType: Llm_ProviderType.VLLM,
        endpointUrl: rig.endpointUrl,
        modelIdentifier,
      },
    ] as const);
});
