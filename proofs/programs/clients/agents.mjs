// OpenAI's agents, over Responses, which is their default, and over Chat Completions.
import { Agent, OpenAIChatCompletionsModel, OpenAIResponsesModel, run, setTracingDisabled, tool } from "@openai/agents";
import OpenAI from "openai";
import { z } from "zod";

const { BASE, KEY, MODEL } = process.env;
setTracingDisabled(true);
const client = new OpenAI({ baseURL: `${BASE}/v1`, apiKey: KEY });
for (const [name, Model] of Object.entries({ responses: OpenAIResponsesModel, chat: OpenAIChatCompletionsModel })) {
  const weather = tool({
    name: "get_weather",
    description: "Tells the weather",
    parameters: z.object({ city: z.string() }),
    execute: async () => "patchbay-42 degrees",
  });
  const agent = new Agent({
    name: "forecaster",
    instructions: "Tell the weather.",
    tools: [weather],
    model: new Model(client, MODEL),
  });
  console.log(`${name}:`, (await run(agent, "How is the weather in Rome?")).finalOutput);
}
