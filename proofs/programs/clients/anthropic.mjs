// The @anthropic-ai/sdk package, as its readme has it: Messages with a tool, whole and streamed, count_tokens, models.
import Anthropic from "@anthropic-ai/sdk";

const { BASE, KEY, MODEL } = process.env;
const client = new Anthropic({ baseURL: BASE, apiKey: KEY });
const input_schema = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const asked = { model: MODEL, max_tokens: 1024, tools: [{ name: "get_weather", input_schema }] };
const messages = [{ role: "user", content: "How is the weather in Rome?" }];
const called = await client.messages.create({ ...asked, messages });
const call = called.content.find(({ type }) => type === "tool_use");
messages.push({ role: "assistant", content: called.content });
messages.push({
  role: "user",
  content: [{ type: "tool_result", tool_use_id: call.id, content: "patchbay-42 degrees" }],
});
const final = await client.messages.stream({ ...asked, messages }).finalMessage();
console.log(
  "messages:",
  final.content[0].text,
  final.usage.output_tokens > 0 ? "with usage" : "",
  call.input.city.length > 0 ? "" : "no input",
);
console.log(
  "count:",
  (await client.messages.countTokens({ model: MODEL, messages })).input_tokens > 0 ? "counted" : "none",
);
const ids = [];
for await (const { id } of client.models.list()) ids.push(id);
console.log("models:", ids.includes(MODEL) ? "listed" : ids.join());
