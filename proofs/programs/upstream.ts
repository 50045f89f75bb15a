import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What a model of the script says in the end, before the result of the tool that it called. */
export const SAYS = "The script says";
/** What the tool prints that is called: known only to who runs it. */
export const TOOL_RESULT = "patchbay-42";
const COMMAND = "echo patchbay-$((40+2))";

type Json = Record<string, unknown>;

/** One request that the upstream got. */
export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Json;
}

/** A call of a tool, or a text. */
type Turn = { readonly tool: string; readonly input: Json } | { readonly text: string };

/**
 * An endpoint that speaks Chat Completions, Responses and Messages, whole and streamed, as the APIs' pages have it, and
 * plays a small round: it calls the first tool that runs a command, if there is one, and then says what that printed.
 */
export class RoundTripUpstream {
  readonly requests: Received[] = [];
  readonly #server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece);
    const text = Buffer.concat(pieces).toString("utf8");
    const body: Json = text === "" ? {} : JSON.parse(text);
    const path = (request.url ?? "").split("?")[0] ?? "";
    this.requests.push({ path, headers: request.headers, body });
    if (path.endsWith("/chat/completions")) chatCompletion(body, response);
    else if (path.endsWith("/responses")) respond(body, response);
    else if (path.endsWith("/messages/count_tokens")) json(response, { input_tokens: 1_234 });
    else if (path.endsWith("/messages")) message(body, response);
    else if (path.endsWith("/embeddings")) embed(body, response);
    else json(response, { error: { message: "no such path", type: "invalid_request_error" } }, 404);
  });

  static async start(): Promise<RoundTripUpstream> {
    const upstream = new RoundTripUpstream();
    upstream.#server.listen(0, "127.0.0.1");
    await once(upstream.#server, "listening");
    return upstream;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

function chatCompletion(body: Json, response: ServerResponse): void {
  const tools = objects(body.tools).map((tool) => ({
    ...(tool.function as Json),
    schema: (tool.function as Json)?.parameters,
  }));
  const results = objects(body.messages).filter(({ role }) => role === "tool");
  const turn = turnOf(
    tools,
    results.map(({ content }) => textOf(content)),
  );
  const usage = { prompt_tokens: 20, completion_tokens: 10, total_tokens: 30 };
  const head = { id: "chatcmpl-1", created: 1_795_000_000, model: body.model };
  const call = "tool" in turn && {
    id: "call_round1",
    type: "function",
    function: { name: turn.tool, arguments: JSON.stringify(turn.input) },
  };
  const finish_reason = call ? "tool_calls" : "stop";
  if (body.stream !== true) {
    const said = call ? { content: null, tool_calls: [call] } : { content: (turn as { text: string }).text };
    const choices = [{ index: 0, message: { role: "assistant", ...said }, finish_reason, logprobs: null }];
    json(response, { ...head, object: "chat.completion", choices, usage });
    return;
  }
  const chunk = (delta: Json, finish: string | null = null) => ({
    ...head,
    object: "chat.completion.chunk",
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
  const said = call
    ? [chunk({ role: "assistant", content: null, tool_calls: [{ index: 0, ...call }] })]
    : pieces((turn as { text: string }).text).map((content) => chunk({ role: "assistant", content }));
  const wantsUsage = (body.stream_options as Json | undefined)?.include_usage === true;
  events(response, [
    ...[
      ...said,
      chunk({}, finish_reason),
      ...(wantsUsage ? [{ ...head, object: "chat.completion.chunk", choices: [], usage }] : []),
    ].map((one) => `data: ${JSON.stringify(one)}\n\n`),
    "data: [DONE]\n\n",
  ]);
}

function respond(body: Json, response: ServerResponse): void {
  const tools = objects(body.tools).map((tool) => ({ ...tool, schema: tool.parameters }));
  const input = objects(body.input);
  const results = input.filter(({ type }) => type === "function_call_output" || type === "custom_tool_call_output");
  const turn = turnOf(
    tools,
    results.map(({ output }) => textOf(output)),
  );
  const usage = {
    input_tokens: 20,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 10,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 30,
  };
  const item =
    "tool" in turn
      ? {
          type: "function_call",
          id: "fc_1",
          call_id: "call_round1",
          name: turn.tool,
          arguments: JSON.stringify(turn.input),
          status: "completed",
        }
      : {
          type: "message",
          id: "msg_1",
          role: "assistant",
          status: "completed",
          content: [{ type: "output_text", text: turn.text, annotations: [] }],
        };
  const base = {
    id: "resp_1",
    object: "response",
    created_at: 1_795_000_000,
    model: body.model,
    error: null,
    incomplete_details: null,
    instructions: null,
    metadata: {},
    parallel_tool_calls: true,
    temperature: 1,
    tool_choice: "auto",
    tools: [],
    top_p: 1,
  };
  const whole = { ...base, status: "completed", output: [item], usage };
  if (body.stream !== true) {
    json(response, whole);
    return;
  }
  const begun = { ...base, status: "in_progress", output: [], usage: null };
  const where = { output_index: 0, item_id: item.id };
  const list: Json[] = [
    { type: "response.created", response: begun },
    { type: "response.in_progress", response: begun },
  ];
  if (item.type === "function_call") {
    list.push({
      type: "response.output_item.added",
      output_index: 0,
      item: { ...item, arguments: "", status: "in_progress" },
    });
    for (const delta of pieces(item.arguments ?? ""))
      list.push({ type: "response.function_call_arguments.delta", ...where, delta });
    list.push({ type: "response.function_call_arguments.done", ...where, arguments: item.arguments });
  } else {
    const { text } = turn as { text: string };
    const part = { type: "output_text", text: "", annotations: [] };
    list.push({
      type: "response.output_item.added",
      output_index: 0,
      item: { ...item, content: [], status: "in_progress" },
    });
    list.push({ type: "response.content_part.added", ...where, content_index: 0, part });
    for (const delta of pieces(text))
      list.push({ type: "response.output_text.delta", ...where, content_index: 0, delta, logprobs: [] });
    list.push({ type: "response.output_text.done", ...where, content_index: 0, text, logprobs: [] });
    list.push({ type: "response.content_part.done", ...where, content_index: 0, part: { ...part, text } });
  }
  list.push({ type: "response.output_item.done", output_index: 0, item });
  list.push({ type: "response.completed", response: whole });
  events(
    response,
    list.map((one, sequence_number) => `event: ${one.type}\ndata: ${JSON.stringify({ ...one, sequence_number })}\n\n`),
  );
}

function message(body: Json, response: ServerResponse): void {
  const tools = objects(body.tools).map((tool) => ({ ...tool, schema: tool.input_schema }));
  const blocks = objects(body.messages).flatMap(({ content }) => objects(content));
  const results = blocks.filter(({ type }) => type === "tool_result");
  const turn = turnOf(
    tools,
    results.map(({ content }) => textOf(content)),
  );
  const head = { id: "msg_1", type: "message", role: "assistant", model: body.model };
  const stop_reason = "tool" in turn ? "tool_use" : "end_turn";
  const block =
    "tool" in turn
      ? { type: "tool_use", id: "toolu_round1", name: turn.tool, input: turn.input }
      : { type: "text", text: turn.text };
  const usage = { input_tokens: 20, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 10 };
  if (body.stream !== true) {
    json(response, { ...head, content: [block], stop_reason, stop_sequence: null, usage });
    return;
  }
  const started = {
    ...head,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { ...usage, output_tokens: 1 },
  };
  const deltas =
    "tool" in turn
      ? pieces(JSON.stringify(turn.input)).map((partial_json) => ({ type: "input_json_delta", partial_json }))
      : pieces(turn.text).map((text) => ({ type: "text_delta", text }));
  const empty = "tool" in turn ? { ...block, input: {} } : { type: "text", text: "" };
  const list: Json[] = [
    { type: "message_start", message: started },
    { type: "content_block_start", index: 0, content_block: empty },
    { type: "ping" },
    ...deltas.map((delta) => ({ type: "content_block_delta", index: 0, delta })),
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 10 } },
    { type: "message_stop" },
  ];
  events(
    response,
    list.map((one) => `event: ${one.type}\ndata: ${JSON.stringify(one)}\n\n`),
  );
}

function embed(body: Json, response: ServerResponse): void {
  const count = Array.isArray(body.input) ? body.input.length : 1;
  const vector = new Float32Array([0.5, -0.25, 0.125]);
  const embedding = body.encoding_format === "base64" ? Buffer.from(vector.buffer).toString("base64") : [...vector];
  const data = Array.from({ length: count }, (_, index) => ({ object: "embedding", index, embedding }));
  json(response, { object: "list", data, model: body.model, usage: { prompt_tokens: 5, total_tokens: 5 } });
}

/** The next turn of the round. */
function turnOf(tools: readonly Json[], results: readonly string[]): Turn {
  const last = results.at(-1);
  if (last !== undefined)
    return { text: `${SAYS}: ${/patchbay-\d+/.exec(last)?.[0] ?? `no result in ${last.slice(0, 200)}`}` };
  const tool = tools.find(({ name }) => /bash|shell|exec|weather/i.test(String(name)));
  return tool ? { tool: String(tool.name), input: inputFor(tool.schema as Json) } : { text: `${SAYS}: hello` };
}

/** What a tool is called with: a command where it takes one, and something of the right type for all else it insists on. */
function inputFor(schema: Json): Json {
  const properties = (schema?.properties ?? {}) as Record<string, Json>;
  const required = Array.isArray(schema?.required) ? (schema.required as string[]) : [];
  const input: Json = {};
  for (const [name, property] of Object.entries(properties)) {
    const isCommand = /^(command|cmd|script)$/.test(name);
    if (isCommand) input[name] = property.type === "array" ? ["bash", "-lc", COMMAND] : COMMAND;
    else if (required.includes(name)) input[name] = valueFor(property);
  }
  return input;
}

function valueFor({ type, enum: choices }: Json): unknown {
  if (Array.isArray(choices)) return choices[0];
  const kind = Array.isArray(type) ? type[0] : type;
  if (kind === "integer" || kind === "number") return 10_000;
  if (kind === "boolean") return false;
  if (kind === "array") return [];
  return kind === "object" ? {} : "Prints a number";
}

function objects(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter((one): one is Json => typeof one === "object" && one !== null) : [];
}

function textOf(value: unknown): string {
  return typeof value === "string"
    ? value
    : objects(value)
        .map(({ text }) => String(text ?? ""))
        .join("");
}

/** In threes, as models write. */
function pieces(text: string): string[] {
  return text.match(/.{1,12}/gs) ?? [];
}

function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(value));
}

function events(response: ServerResponse, list: readonly string[]): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const one of list) response.write(one);
  response.end();
}
