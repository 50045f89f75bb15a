/** What spans and metrics say of calls of models, beside the published registry of semantic conventions. */
import * as conventions from "@opentelemetry/semantic-conventions/incubating";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startServer, type TestServer } from "../../../test/server/test-server.ts";
import { llmRequest } from "../../../test/service/llm-requests.ts";
import { ScriptedUpstream } from "../../../test/upstream/scripted-upstream.ts";
import { type SentSpan, startCollector } from "../../../test/wire/collector.ts";
import { problemIn } from "../../../test/wire/expect-problem.ts";
import { askAttributes, CHAT, providerName, replyAttributes } from "../gen-ai.ts";

const PROMPT = "a prompt that nobody shall see";
const registry = Object.entries(conventions as Record<string, unknown>);
const valuesOf = (prefix: string) => registry.filter(([name]) => name.startsWith(prefix)).map(([, value]) => value);

let upstream: ScriptedUpstream;
let collector: Awaited<ReturnType<typeof startCollector>>;
let server: TestServer;
let spans: SentSpan[];
let metrics: string;
beforeAll(async () => {
  upstream = await ScriptedUpstream.start();
  collector = await startCollector();
  server = await startServer({ EGRESS_ALLOW: upstream.url, OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
  const { llms, chat } = server.client(server.adminKey);
  for (const modelIdentifier of ["fine", "busy"]) {
    await llms.createLlm(llmRequest({ alias: modelIdentifier, endpointUrl: `${upstream.url}/v1`, modelIdentifier }));
  }
  await chat.chat({ llmId: "fine", message: PROMPT });
  await Array.fromAsync(chat.streamChat({ llmId: "fine", message: PROMPT }));
  await problemIn(chat.chat({ llmId: "busy", message: PROMPT }));
  await llms.listLlmModels({ llmId: "fine" }).catch(() => {}); // Whether it lists any is nothing to us.
  metrics = await (await fetch(`${server.url}/metrics`)).text();
  await server.stop();
  spans = collector.spans().filter(({ kind }) => kind === 3);
});
afterAll(async () => {
  await collector.close();
  await upstream.close();
});

const chats = () => spans.filter(({ attributes }) => attributes["gen_ai.operation.name"] !== undefined);

describe("spans of calls of models", () => {
  it("are called by operation and model, and say how much, how it ended and by whom", () => {
    const [whole, streamed, failed] = chats();
    expect(whole?.name).toBe("chat fine");
    expect(whole?.attributes).toMatchObject({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "custom_openai_compatible",
      "gen_ai.request.model": "fine",
      "gen_ai.request.stream": false,
      "gen_ai.usage.input_tokens": expect.anything(),
      "gen_ai.usage.output_tokens": expect.anything(),
      "gen_ai.response.finish_reasons": expect.anything(),
    });
    expect(streamed?.attributes).toMatchObject({
      "gen_ai.request.stream": true,
      "gen_ai.usage.input_tokens": expect.anything(),
      "gen_ai.response.finish_reasons": expect.anything(),
    });
    expect(failed).toMatchObject({ name: "chat busy", status: { code: 2 } });
    expect(failed?.attributes).toMatchObject({ "error.type": expect.stringMatching(/^[a-z-]+$/) });
    expect(failed?.attributes).not.toHaveProperty(["gen_ai.usage.input_tokens"]);
  });

  it("have no word of what was asked or replied", () => {
    expect(collector.text()).not.toContain(PROMPT);
    expect(collector.text()).not.toMatch(/gen_ai\.(input|output|system)/);
  });

  it("have attributes that the registry has", () => {
    const all = { ...askAttributes("OPENAI", { model: "m", isStreamed: true }) };
    const told = replyAttributes(
      { model: "m-1", stopReason: "end", inputTokens: 1, outputTokens: 1, cacheReadTokens: 1, cacheWriteTokens: 1 },
      "m",
    );
    const used = [...Object.keys({ ...all, ...told }), ...chats().flatMap(({ attributes }) => Object.keys(attributes))];
    expect(used.length).toBeGreaterThan(15);
    const known = new Set([...valuesOf("ATTR_GEN_AI_"), conventions.ATTR_ERROR_TYPE]);
    expect(used.filter((name) => !name.startsWith("patchbay.") && !known.has(name))).toEqual([]);
  });

  it("have values that the registry has, where it has any", () => {
    expect(valuesOf("GEN_AI_OPERATION_NAME_VALUE_")).toContain(CHAT);
    const providers = valuesOf("GEN_AI_PROVIDER_NAME_VALUE_");
    expect(providers).toEqual(expect.arrayContaining([providerName("OPENAI"), providerName("ANTHROPIC")]));
  });

  it("tell no name of a model that could be something else", () => {
    const modelOf = (model: string) => replyAttributes({ model }, "openai/gpt-4o")["gen_ai.response.model"];
    expect(modelOf("gpt-4o-2024-08-06")).toBe("gpt-4o-2024-08-06");
    expect([modelOf("sk-canary"), modelOf(""), modelOf(`gpt-4o${"x".repeat(200)}`)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe("metrics of calls of models", () => {
  it.each([
    [conventions.METRIC_GEN_AI_CLIENT_OPERATION_DURATION, "_seconds", "0.01", "81.92"],
    [conventions.METRIC_GEN_AI_CLIENT_TOKEN_USAGE, "", "1", "67108864"],
  ])("%s is a histogram by the registry's name, with the boundaries that it asks for", (name, unit, first, last) => {
    const prometheus = name.replaceAll(".", "_") + unit;
    expect(metrics).toContain(`# TYPE ${prometheus} histogram`);
    const lines = metrics.split("\n").filter((line) => line.startsWith(`${prometheus}_bucket{le="`));
    for (const bound of [first, last, "+Inf"])
      expect(
        lines.some((line) => line.includes(`le="${bound}"`)),
        bound,
      ).toBe(true);
    const known = valuesOf("ATTR_GEN_AI_").map((attribute) => String(attribute).replaceAll(".", "_"));
    const labels = new Set(lines.flatMap((line) => [...line.matchAll(/[{,](\w+)=/g)].map(([, label = ""]) => label)));
    expect([...labels].filter((label) => !["le", "error_type", ...known].includes(label))).toEqual([]);
    expect([...labels]).toEqual(expect.arrayContaining(["gen_ai_operation_name", "gen_ai_provider_name"]));
  });

  it("count tokens in and out, and errors, and name no model", () => {
    const types = valuesOf("GEN_AI_TOKEN_TYPE_VALUE_").map(String);
    expect(types).toEqual(expect.arrayContaining(["input", "output"]));
    for (const type of ["input", "output"]) {
      expect(metrics).toMatch(new RegExp(`gen_ai_client_token_usage_count\\{.*gen_ai_token_type="${type}".*\\} 2`));
    }
    expect(metrics).toMatch(/gen_ai_client_operation_duration_seconds_count\{.*error_type="[a-z-]+".*\} 1/);
    expect(metrics.split("\n").filter((line) => line.startsWith("gen_ai") && line.includes("fine"))).toEqual([]);
  });
});
