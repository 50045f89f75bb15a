// Vercel's AI SDK with each of its three providers: a tool, and the text that follows it.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const { BASE, KEY, MODEL } = process.env;
const at = { baseURL: `${BASE}/v1`, apiKey: KEY };
const models = {
  compatible: createOpenAICompatible({ name: "patchbay", includeUsage: true, ...at })(MODEL),
  responses: createOpenAI(at)(MODEL),
  chat: createOpenAI(at).chat(MODEL),
  anthropic: createAnthropic(at)(MODEL),
};
for (const [name, model] of Object.entries(models)) {
  const tools = {
    get_weather: tool({
      description: "Tells the weather",
      inputSchema: z.object({ city: z.string() }),
      execute: async () => "patchbay-42 degrees",
    }),
  };
  const asked = { model, tools, stopWhen: stepCountIs(3), prompt: "How is the weather in Rome?" };
  const whole = await generateText(asked);
  const streamed = streamText(asked);
  let text = "";
  for await (const piece of streamed.textStream) text += piece;
  console.log(`${name}:`, whole.text, "/", text, (await streamed.totalUsage).outputTokens > 0 ? "with usage" : "");
}
