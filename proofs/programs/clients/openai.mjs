// The openai package, as its readme has it: Chat Completions with a tool, streamed and whole, Responses with a tool, embeddings, models.
import OpenAI from "openai";

const { BASE, KEY, MODEL, EMBEDDINGS } = process.env;
const client = new OpenAI({ baseURL: `${BASE}/v1`, apiKey: KEY });
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const result = "patchbay-42 degrees";

const messages = [{ role: "user", content: "How is the weather in Rome?" }];
const tools = [{ type: "function", function: { name: "get_weather", description: "Tells the weather", parameters } }];
const called = await client.chat.completions.create({ model: MODEL, messages, tools });
const { message } = called.choices[0];
const [call] = message.tool_calls;
JSON.parse(call.function.arguments);
messages.push(message, { role: "tool", tool_call_id: call.id, content: result });
const runner = client.chat.completions.stream({
  model: MODEL,
  messages,
  tools,
  stream_options: { include_usage: true },
});
console.log(
  "chat:",
  (await runner.finalChatCompletion()).choices[0].message.content,
  (await runner.totalUsage()).total_tokens > 0 ? "with usage" : "",
);

const input = [{ role: "user", content: "How is the weather in Rome?" }];
const functions = [{ type: "function", name: "get_weather", parameters, strict: false }];
const first = await client.responses.create({ model: MODEL, input, tools: functions, store: false });
const item = first.output.find(({ type }) => type === "function_call");
input.push(...first.output, { type: "function_call_output", call_id: item.call_id, output: result });
let text = "";
for await (const event of await client.responses.create({
  model: MODEL,
  input,
  tools: functions,
  store: false,
  stream: true,
})) {
  if (event.type === "response.output_text.delta") text += event.delta;
}
console.log("responses:", text);

const ids = [];
for await (const { id } of client.models.list()) ids.push(id);
console.log(
  "models:",
  ids.includes(MODEL) ? "listed" : ids.join(),
  (await client.models.retrieve(MODEL)).id === MODEL ? "found" : "lost",
);
const { data } = await client.embeddings.create({ model: EMBEDDINGS, input: ["a", "b"] });
console.log("embeddings:", data.length, data[0].embedding.join());
