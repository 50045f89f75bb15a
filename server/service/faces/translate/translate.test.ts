import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { adapterOf } from "../../../upstream/calls/adapters.ts";
import { untoldOf } from "../../../upstream/calls/untold.ts";
import type { ChatMessage, ModelRequest, ReplyEvent } from "../../../upstream/models/conversation.ts";
import type { ProviderType, Target } from "../../../upstream/models/provider-types.ts";
import { readCompletion } from "./read-completion.ts";
import { readMessages } from "./read-message.ts";
import { readResponses } from "./read-response.ts";
import type { Translated, Translator } from "./translation.ts";

const FACTS = {
  usage: { inputTokens: 10, outputTokens: 4, cacheReadTokens: 6 },
  source: "REPORTED",
  cost: 1n,
} as never;
const target = (providerType: ProviderType, model = "m"): Target => ({
  ownerId: "o",
  providerType,
  endpointUrl: "https://x.example/v1",
  apiPath: "/x",
  model,
  apiKey: undefined,
});

const word = fc.stringMatching(/^[a-zé😀]{1,8}$/u);
const said = word.map((text) => ({ type: "text" as const, text }));
const image = fc.constant({ type: "image-data" as const, mediaType: "image/png", data: new Uint8Array([1, 2, 3]) });
const message = (role: ChatMessage["role"]) =>
  fc
    .array(role === "user" ? fc.oneof(said, image) : said, { minLength: 1, maxLength: 3 })
    .map((parts): ChatMessage => ({ role, parts, toolCalls: [] }));
/** A call of tools with its results, as a model makes it. */
const round = fc
  .tuple(word, fc.array(fc.tuple(word, fc.dictionary(word, fc.jsonValue())), { minLength: 1, maxLength: 3 }))
  .map(([text, calls]): ChatMessage[] => {
    const toolCalls = calls.map(([name, input], index) => ({
      id: `call_${index}`,
      name,
      arguments: JSON.stringify(input),
    }));
    const results = toolCalls.map(
      ({ id }): ChatMessage => ({
        role: "tool",
        parts: [{ type: "text", text: `result of ${id}` }],
        toolCalls: [],
        toolCallId: id,
      }),
    );
    return [{ role: "assistant", parts: [{ type: "text", text }], toolCalls }, ...results];
  });
const turn = fc.oneof(
  fc.tuple(message("user"), message("assistant")),
  fc.tuple(message("user"), round).map(([user, more]) => [user, ...more]),
);
const tool = fc.record({
  name: word,
  description: word,
  parameters: fc.constant({ type: "object", properties: { a: { type: "string" } } }),
});
const request: fc.Arbitrary<ModelRequest> = fc
  .record({
    system: fc.option(
      word.map((text): ChatMessage => ({ role: "system", parts: [{ type: "text", text }], toolCalls: [] })),
    ),
    turns: fc.array(turn, { minLength: 1, maxLength: 4 }),
    tools: fc.uniqueArray(tool, { minLength: 1, maxLength: 3, selector: ({ name }) => name }),
    sampling: fc.record({
      maxTokens: fc.integer({ min: 1, max: 40_000 }),
      temperature: fc.constantFrom(0, 0.5, 1),
      stopSequences: fc.array(word, { minLength: 1, maxLength: 2 }),
    }),
    choice: fc.constantFrom<"auto" | "none" | "required">("auto", "none", "required"),
    callsOneTool: fc.boolean(),
    effort: fc.option(fc.constantFrom("minimal", "low", "medium", "high"), { nil: undefined }),
  })
  .map(({ system, turns, tools, sampling, choice, callsOneTool, effort }) => ({
    messages: [...(system ? [system] : []), ...(turns.flat() as ChatMessage[])],
    tools,
    sampling,
    toolChoice: { type: choice },
    callsOneTool,
    thinking: effort && { effort },
  }));

/** As it comes over the network. */
const sent = (body: object) => JSON.parse(JSON.stringify(body));

describe("a request, written for an endpoint and read as the face of the same API reads it", () => {
  it.each([
    { api: "Chat Completions", providerType: "VLLM", model: "m", read: readCompletion },
    { api: "Chat Completions", providerType: "CUSTOM_OPENAI_COMPATIBLE", model: "m", read: readCompletion },
    { api: "Chat Completions", providerType: "OPENAI", model: "gpt-5", read: readCompletion },
    { api: "Messages", providerType: "ANTHROPIC", model: "m", read: readMessages },
    { api: "Messages", providerType: "ANTHROPIC", model: "claude-sonnet-4-5", read: readMessages },
    { api: "Messages", providerType: "ANTHROPIC", model: "claude-opus-4-7", read: readMessages },
  ] as const)("is the same in $api at $model but for what it says it leaves out", ({ providerType, model, read }) => {
    const endpoint = target(providerType, model);
    fc.assert(
      fc.property(request, (asked) => {
        const untold = untoldOf(endpoint, asked);
        const { request: got, losses } = read(sent(adapterOf(providerType).writeRequest(endpoint, asked, true)));
        expect(losses.names).toEqual([]);
        // A budget stands for an effort, and the other way round; that one is there is what must not get lost.
        expect(got.thinking !== undefined).toBe(asked.thinking !== undefined && !untold.has("thinking"));
        expect(got.callsOneTool).toBe(
          asked.callsOneTool &&
            !untold.has("callsOneTool") &&
            (asked.toolChoice?.type !== "none" || providerType !== "ANTHROPIC"),
        );
        const left = { thinking: undefined, callsOneTool: undefined, responseFormat: undefined };
        const { temperature, ...sampling } = asked.sampling;
        const told = { ...sampling, ...(!untold.has("temperature") && { temperature }) };
        expect(sent({ ...got, ...left })).toEqual(sent({ ...asked, ...left, sampling: told }));
      }),
    );
  });
});

describe("what is lost is named", () => {
  const losses = (read: Translator, body: object) => read(sent(body)).losses.names;

  it("in Responses, as Codex sends them", () => {
    const body = {
      model: "m",
      input: [
        { type: "reasoning", encrypted_content: "gAAAA", summary: [] },
        { type: "message", role: "developer", content: [{ type: "input_text", text: "x" }] },
      ],
      tools: [
        { type: "namespace", name: "n", tools: [] },
        { type: "web_search" },
        { type: "function", name: "f", parameters: {} },
      ],
      reasoning: { effort: "high" },
      store: false,
      include: ["reasoning.encrypted_content"],
      parallel_tool_calls: false,
    };
    expect(losses(readResponses, body)).toEqual(["tools.namespace", "tools.web_search", "input.reasoning"]);
    expect(readResponses(sent(body)).request.tools.map(({ name }) => name)).toEqual(["f"]);
  });

  it("in Messages, as Claude Code sends them", () => {
    const body = {
      model: "m",
      max_tokens: 1,
      system: [
        { type: "text", text: "x-anthropic-billing-header: cc_version=1" },
        { type: "text", text: "s", cache_control: { type: "ephemeral" } },
      ],
      messages: [
        { role: "user", content: "hi" },
        { role: "system", content: "in the middle" },
        {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "t", signature: "theirs" },
            { type: "text", text: "a" },
          ],
        },
      ],
      tools: [{ type: "bash_20250124", name: "bash" }],
      thinking: { type: "adaptive" },
      output_config: { effort: "high" },
      context_management: {},
      metadata: { user_id: "u" },
    };
    expect(losses(readMessages, body)).toEqual([
      "context_management",
      "tools.bash_20250124",
      "cache_control",
      "system.x-anthropic-billing-header",
      "messages.thinking",
    ]);
    expect(readMessages(sent(body)).request.messages.map(({ role }) => role)).toEqual([
      "system",
      "user",
      "system",
      "assistant",
    ]);
  });

  it("in Chat Completions, and of null there is nothing to lose", () => {
    const body = {
      model: "m",
      messages: [{ role: "assistant", content: null }],
      n: 2,
      seed: 1,
      logprobs: null,
      user: "u",
      store: false,
    };
    expect(losses(readCompletion, body)).toEqual(["n", "seed"]);
  });
});

describe("what a model cannot do without is refused", () => {
  it.each<{ name: string; read: Translator; body: object; field: string }>([
    {
      name: "a response that is stored nowhere",
      read: readResponses,
      body: { input: "x", previous_response_id: "resp_1" },
      field: "previous_response_id",
    },
    {
      name: "a file that is stored nowhere",
      read: readMessages,
      body: { messages: [{ role: "user", content: [{ type: "image", source: { type: "file", file_id: "f" } }] }] },
      field: "messages[0].content[0].type",
    },
    {
      name: "a part that nobody knows",
      read: readCompletion,
      body: { messages: [{ role: "user", content: [{ type: "hologram" }] }] },
      field: "messages[0].content[0].type",
    },
    {
      name: "a role that nobody has",
      read: readMessages,
      body: { messages: [{ role: "robot", content: "x" }] },
      field: "messages[0].role",
    },
    { name: "no messages", read: readCompletion, body: {}, field: "messages" },
  ])("$name", ({ read, body, field }) => {
    expect(() => read(sent(body))).toThrow(
      expect.objectContaining({ facts: { fields: [expect.objectContaining({ field })] } }),
    );
  });

  it.each<[name: string, read: Translator, body: object, sentence: string]>([
    ["no input", readResponses, {}, "input: is missing: give a text or a list of items"],
    ["a number as the input", readResponses, { input: 5 }, "input: must be a text or a list of items"],
    ["no messages", readMessages, {}, "messages: is missing: give a list of messages"],
    ["a number as the system", readMessages, { messages: [], system: 5 }, "system: must be a text or a list of blocks"],
  ])("by what may stand there: %s", (_, read, body, sentence) => {
    expect(() => read(sent(body))).toThrow(sentence);
  });
});

const EVENTS: readonly ReplyEvent[] = [
  { type: "start", model: "m" },
  { type: "reasoning-delta", text: "hmm" },
  { type: "text-delta", text: "Hel" },
  { type: "text-delta", text: "lo" },
  { type: "tool-call-delta", index: 0, id: "a", name: "f", argumentsDelta: "" },
  { type: "tool-call-delta", index: 1, id: "b", name: "g", argumentsDelta: '{"x"' },
  { type: "tool-call-delta", index: 0, argumentsDelta: "{}" },
  { type: "tool-call-delta", index: 1, argumentsDelta: ":1}" },
];
const END = {
  type: "end",
  stopReason: "tool-calls",
  rawStopReason: "tool_calls",
  usage: {},
  state: { provider: "p", value: { s: 1 } },
} as const;

/** The events that a stream has in the words of an API. */
function streamed({ writer }: Translated): Record<string, never>[] {
  const written = EVENTS.map((event) => writer.event(event as never)).join("") + writer.end(END, FACTS).join("");
  const data = written.split("\n").filter((line) => line.startsWith("data: ") && line !== "data: [DONE]");
  return data.map((line) => JSON.parse(line.slice(6)));
}

describe("a reply that is streamed", () => {
  it("is a message whose blocks come one after the other, with what its provider wants back", () => {
    const events = streamed(readMessages({ model: "m", messages: [], thinking: { type: "enabled" } }));
    let open: number | undefined;
    for (const { type, index } of events as unknown as { type: string; index: number }[]) {
      if (type === "content_block_start") {
        expect(open).toBeUndefined();
        open = index;
      } else if (type.startsWith("content_block")) expect(index).toBe(open);
      if (type === "content_block_stop") open = undefined;
    }
    const inputs = (events as unknown as { index: number; delta?: { partial_json?: string } }[]).map(
      ({ delta }) => delta?.partial_json ?? "",
    );
    expect(inputs.join("")).toBe('{}{"x":1}');
    const blocks = events.flatMap(({ content_block }) => content_block ?? []) as { type: string; data: string }[];
    expect(blocks.map(({ type }) => type)).toEqual(["thinking", "text", "tool_use", "tool_use", "redacted_thinking"]);
    const back = { messages: [{ role: "assistant", content: [blocks[4], { type: "text", text: "a" }] }] };
    expect(readMessages(sent(back)).request.messages[0]?.state).toEqual(END.state);
    expect(events.at(-2)).toMatchObject({
      delta: { stop_reason: "tool_use" },
      usage: { input_tokens: 4, cache_read_input_tokens: 6 },
    });
  });

  it("is a response whose items are all done, with what its provider wants back", () => {
    const events = streamed(readResponses({ model: "m", input: "x" })) as unknown as {
      type: string;
      item?: object;
      response?: { output: object[] };
    }[];
    const { output } = events.at(-1)?.response ?? { output: [] };
    expect(output).toMatchObject([
      { type: "reasoning", summary: [{ text: "hmm" }] },
      { type: "message", content: [{ text: "Hello" }] },
      { type: "function_call", call_id: "a", name: "f", arguments: "{}" },
      { type: "function_call", call_id: "b", name: "g", arguments: '{"x":1}' },
    ]);
    const done = events.filter(({ type }) => type === "response.output_item.done").map(({ item }) => item);
    expect(done).toHaveLength(4);
    expect(done).toEqual(expect.arrayContaining(output));
    const back = readResponses(sent({ input: [...done, { type: "function_call_output", call_id: "a", output: "1" }] }));
    expect(back.request.messages).toMatchObject([
      { role: "assistant", state: END.state, toolCalls: [{ id: "a" }, { id: "b" }] },
      { role: "tool" },
    ]);
  });

  it("is a chat completion of chunks that fit together", () => {
    const chunks = streamed(
      readCompletion({ model: "m", messages: [], stream_options: { include_usage: true } }),
    ) as unknown as {
      usage?: object;
      choices: {
        delta: {
          content?: string;
          tool_calls?: { index: number; function: { arguments: string } }[];
          provider_state?: string;
        };
        finish_reason: string | null;
      }[];
    }[];
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? "").join("")).toBe("Hello");
    const args = chunks.flatMap(({ choices }) => choices[0]?.delta.tool_calls ?? []);
    expect(
      args
        .filter(({ index }) => index === 1)
        .map((call) => call.function.arguments)
        .join(""),
    ).toBe('{"x":1}');
    expect(chunks.at(-2)?.choices[0]).toMatchObject({ finish_reason: "tool_calls" });
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 10, total_tokens: 14 } });
  });
});

it("a tool that is called with a text stays one", () => {
  const asked = { model: "m", input: "x", tools: [{ type: "custom", name: "patch", description: "d" }] };
  const { request: read, writer } = readResponses(asked);
  expect(read.tools[0]).toMatchObject({ name: "patch", parameters: { required: ["input"] } });
  const reply = {
    model: "",
    text: "",
    reasoning: "",
    toolCalls: [{ id: "c", name: "patch", arguments: '{"input":"*** Begin"}' }],
    stopReason: "tool-calls",
    rawStopReason: "",
    usage: {},
  } as const;
  expect(writer.whole(reply, FACTS).output).toMatchObject([
    { type: "custom_tool_call", call_id: "c", input: "*** Begin" },
  ]);
});

describe("how much to think, and how many tools to call at once", () => {
  const write = (providerType: ProviderType, model: string, read: Translator, body: object) => {
    const { request, losses } = read(sent(body));
    const endpoint = target(providerType, model);
    losses.addUntold(read === readMessages ? "messages" : "chat-completions", untoldOf(endpoint, request));
    return { body: sent(adapterOf(providerType).writeRequest(endpoint, request, true)), lost: losses.names };
  };
  const messages = [{ role: "user", content: "x" }];
  const tools = [{ type: "function", function: { name: "f", parameters: {} } }];

  it.each([
    {
      name: "an effort is a budget at a Claude that has one, and its temperature is left out",
      model: "claude-sonnet-4-5",
      said: { reasoning_effort: "high", temperature: 0.3, max_tokens: 40_000 },
      written: { thinking: { type: "enabled", budget_tokens: 16_384 }, max_tokens: 40_000 },
      lost: ["temperature"],
    },
    {
      name: "within the limit of the reply",
      model: "claude-3-7-sonnet-20250219",
      said: { reasoning_effort: "high", max_tokens: 4_000 },
      written: { thinking: { type: "enabled", budget_tokens: 3_000 }, max_tokens: 4_000 },
      lost: [],
    },
    {
      name: "or not at all, where the reply is too short for any",
      model: "claude-sonnet-4-20250514",
      said: { reasoning_effort: "low", max_tokens: 500 },
      written: { max_tokens: 500 },
      lost: ["reasoning_effort"],
    },
    {
      name: "an effort stays one at a Claude that thinks by itself",
      model: "claude-opus-4-7",
      said: { reasoning_effort: "minimal" },
      written: { thinking: { type: "adaptive" }, output_config: { effort: "low" } },
      lost: [],
    },
    {
      name: "nothing is asked of a model that is not known to think",
      model: "claude-3-5-haiku-latest",
      said: { reasoning_effort: "high" },
      written: {},
      lost: ["reasoning_effort"],
    },
    {
      name: "nor where a tool has to be called",
      model: "claude-sonnet-4-5",
      said: { reasoning_effort: "high", tools, tool_choice: "required" },
      written: { tool_choice: { type: "any" } },
      lost: ["reasoning_effort"],
    },
    {
      name: "one call at a time is one",
      model: "claude-sonnet-4-5",
      said: { parallel_tool_calls: false, tools },
      written: { tool_choice: { type: "auto", disable_parallel_tool_use: true } },
      lost: [],
    },
  ])("onto Anthropic: $name", ({ model, said, written, lost }) => {
    const result = write("ANTHROPIC", model, readCompletion, { model: "a", messages, ...said });
    const { thinking, ...rest } = result.body;
    expect({ ...rest, ...(thinking && { thinking }) }).toMatchObject(written);
    expect(Object.hasOwn(result.body, "thinking")).toBe("thinking" in written);
    expect(result.lost).toEqual(lost);
  });

  it.each([
    {
      name: "a budget is an effort at a model of OpenAI's that thinks",
      endpoint: ["OPENAI", "gpt-5"],
      said: { thinking: { type: "enabled", budget_tokens: 31_999 } },
      written: { reasoning_effort: "high" },
      lost: [],
    },
    {
      name: "a budget is one at OpenRouter",
      endpoint: ["OPEN_ROUTER", "some/model"],
      said: { thinking: { type: "enabled", budget_tokens: 2_048 } },
      written: { reasoning: { max_tokens: 2_048 } },
      lost: [],
    },
    {
      name: "an effort is one behind LiteLLM, if the model is known to think",
      endpoint: ["LITELLM_PROXY", "openai/o4-mini"],
      said: { thinking: { type: "adaptive" }, output_config: { effort: "max" } },
      written: { reasoning_effort: "high" },
      lost: [],
    },
    {
      name: "a model that is not known to think is asked nothing",
      endpoint: ["VLLM", "llama"],
      said: { thinking: { type: "enabled", budget_tokens: 2_048 } },
      written: {},
      lost: ["thinking"],
    },
  ] as const)("from Messages: $name", ({ endpoint: [providerType, model], said, written, lost }) => {
    const result = write(providerType, model, readMessages, { model: "a", max_tokens: 9, messages, ...said });
    const { reasoning_effort, reasoning } = result.body;
    expect(sent({ reasoning_effort, reasoning })).toEqual(written);
    expect(result.lost).toEqual(lost);
  });

  it("marks for a cache are kept onto Anthropic, and named where there are none", () => {
    const cache_control = { type: "ephemeral", ttl: "1h" };
    const marked = {
      model: "a",
      messages: [
        { role: "system", content: [{ type: "text", text: "s", cache_control }] },
        { role: "user", content: [{ type: "text", text: "x", cache_control }] },
      ],
      tools: [{ type: "function", function: { name: "f", parameters: {} }, cache_control }],
    };
    const kept = write("ANTHROPIC", "claude-sonnet-4-5", readCompletion, marked);
    expect(kept.lost).toEqual([]);
    expect(kept.body).toMatchObject({
      system: [{ type: "text", text: "s", cache_control }],
      messages: [{ role: "user", content: [{ type: "text", text: "x", cache_control }] }],
      tools: [{ name: "f", cache_control }],
    });
    const lost = write("VLLM", "m", readCompletion, marked);
    expect(lost.lost).toEqual(["cache_control"]);
    expect(JSON.stringify(lost.body)).not.toContain("ephemeral");
  });

  it("an effort that nobody knows is refused", () => {
    expect(() => readCompletion({ model: "a", messages, reasoning_effort: "huge" })).toThrow("reasoning_effort");
  });
});
