import type { RequestListener } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Secret } from "../../base/secret.ts";
import { egressFor, serve } from "../../test/upstream/loopback.ts";
import { ScriptedUpstream } from "../../test/upstream/scripted-upstream.ts";
import { parseAllowRules } from "../egress/allow-rule.ts";
import type { Target } from "../models/provider-types.ts";
import { Upstreams } from "../upstreams.ts";

const ASKED = { sampling: {}, bothForms: false };

const KEY = "sk-canary-0123456789";

let upstream: ScriptedUpstream;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
});
afterAll(() => upstream.close());

/** The stages MONITORING and TOOLS of a test, and its outcome. */
async function examine(
  { model = "m", claimsTools = false, monitoringUrl = "" },
  more: Partial<Target> = {},
  signal = new AbortController().signal,
) {
  // The monitoring endpoints of these tests are open, but the one that is https.
  const open = [upstream.url, monitoringUrl].filter((url) => url.startsWith("http:")).map((url) => new URL(url).origin);
  const egress = egressFor({ allow: parseAllowRules(open.join(",")), limits: { monitoringMs: 1_000, testMs: 2_000 } });
  const target: Target = {
    ownerId: "owner",
    providerType: "OPENAI",
    endpointUrl: `${upstream.url}/v1`,
    apiPath: "/chat/completions",
    model,
    apiKey: { secret: new Secret(KEY), headerName: "Authorization", prefix: "Bearer " },
    ...more,
  };
  const { outcome, stages } = await new Upstreams({ egress }).examine(
    target,
    { claimsTools, monitoringUrl, ...ASKED },
    signal,
  );
  expect(stages.map(({ name }) => name).slice(-3)).toEqual(["STREAM", "MONITORING", "TOOLS"]);
  const [monitoring, tools] = stages.slice(-2);
  return { outcome, monitoring, tools };
}

describe("the monitoring endpoint", () => {
  it.each<{ name: string; listener: RequestListener; state: string; message: RegExp }>([
    { name: "is well", listener: (_, response) => response.end("ok"), state: "PASSED", message: /^$/ },
    {
      name: "is not well",
      listener: (_, response) => response.writeHead(503).end("canary"),
      state: "FAILED",
      message: /^the monitoring endpoint answered with HTTP 503$/,
    },
    { name: "says nothing", listener: () => {}, state: "FAILED", message: /did not answer in time/ },
    {
      name: "redirects",
      listener: (_, response) => response.writeHead(302, { location: "http://127.0.0.1/" }).end(),
      state: "FAILED",
      message: /redirects/,
    },
    { name: "hangs up", listener: ({ socket }) => socket.destroy(), state: "FAILED", message: /connection ended/ },
  ])("that $name is a stage that does not change the outcome", async ({ listener, state, message }) => {
    const monitoringUrl = `${await serve(listener)}/healthz`;
    const result = await examine({ monitoringUrl });
    expect(result).toMatchObject({ outcome: "OK", monitoring: { state, message: expect.stringMatching(message) } });
    const failing = await examine({ monitoringUrl, model: "unauthorized" });
    expect(failing).toMatchObject({ outcome: "KEY_REFUSED", monitoring: { state } });
  });

  it("is asked by GET, without the key and without what the owner configured", async () => {
    const asked: unknown[] = [];
    const origin = await serve((request, response) => {
      asked.push([request.method, request.url, Object.keys(request.headers).sort()]);
      response.end();
    });
    await examine({ monitoringUrl: `${origin}/health` }, { config: { members: {}, headers: { "x-title": "a" } } });
    expect(asked).toEqual([["GET", "/health", ["accept", "accept-encoding", "connection", "host", "user-agent"]]]);
  });

  it("that is closed, or pours, or is not there costs nothing", async () => {
    const pours = await serve((_, response) => void setInterval(() => response.write("x".repeat(65_536)), 1).unref());
    expect((await examine({ monitoringUrl: pours })).monitoring).toMatchObject({ state: "PASSED" });
    expect((await examine({ monitoringUrl: "https://10.0.0.1/" })).monitoring).toMatchObject({ state: "FAILED" });
    expect((await examine({})).monitoring).toMatchObject({ state: "SKIPPED" });
  });
});

describe("the call of a tool", () => {
  it.each([
    { name: "a model that calls it", model: "tool-calling", state: "PASSED", calls: 2 },
    { name: "a model that talks", model: "m", state: "INCONCLUSIVE", calls: 2 },
    { name: "an endpoint that refuses tools", model: "toolless", state: "FAILED", calls: 2 },
    { name: "an endpoint that refuses something", model: "picky", state: "INCONCLUSIVE", calls: 2 },
    { name: "a model that does not reply", model: "unauthorized", state: "SKIPPED", calls: 1 },
  ])("is proven of $name: $state", async ({ model, state, calls }) => {
    for (const more of [{}, { providerType: "ANTHROPIC", apiPath: "/messages" }] as const) {
      const before = upstream.requests.length;
      expect((await examine({ model, claimsTools: true }, more)).tools).toMatchObject({ state });
      expect(upstream.requests.length - before).toBe(calls);
    }
  });

  it("is not asked of a model that is not said to call tools", async () => {
    const before = upstream.requests.length;
    expect(await examine({ model: "tool-calling" })).toMatchObject({ outcome: "OK", tools: { state: "SKIPPED" } });
    expect(upstream.requests.length - before).toBe(1);
  });
});

it("ends when its caller leaves", async () => {
  const leaving = new AbortController();
  const silent = await serve(() => {});
  const result = examine({ model: "silent", monitoringUrl: silent }, {}, leaving.signal);
  const call = await upstream.whenRequested(upstream.requests.length);
  leaving.abort(new Error("left"));
  await expect(result).rejects.toThrow("left");
  await call.closed;
});
