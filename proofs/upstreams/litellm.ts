import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { note, Patchbay, reasonOf } from "./patchbay.ts";
import { startProvider } from "./provider.ts";
import { record } from "./record.ts";
import { folder, freePort, start, untilThere } from "./servers.ts";

const KEY = "sk-right";

/** What each model of the provider behind comes to, in a chat as in a test. */
const EXPECTED: Readonly<Record<string, string>> = {
  good: "OK",
  "key-refused": "UPSTREAM_PROVIDER_KEY_REFUSED",
  missing: "UPSTREAM_MODEL_NOT_FOUND",
  limited: "UPSTREAM_RATE_LIMITED",
  broke: "UPSTREAM_QUOTA_EXHAUSTED",
  broken: "UPSTREAM_UNAVAILABLE",
  late: "UPSTREAM_TIMEOUT",
  "not-there": "UPSTREAM_MODEL_NOT_FOUND",
};
/** What only a chat is refused for. */
const OF_CHATS: Readonly<Record<string, string>> = {
  long: "UPSTREAM_CONTEXT_TOO_LONG",
  flagged: "UPSTREAM_CONTENT_REFUSED",
  blind: "UPSTREAM_FEATURE_REFUSED",
};

/** The table of behaviours of a LiteLLM proxy, with a provider behind it. */
export async function checkLiteLlm(): Promise<void> {
  const provider = await startProvider();
  const names = [...Object.keys(EXPECTED), ...Object.keys(OF_CHATS), "slow"].filter((name) => name !== "not-there");
  const models = names.map(
    (name) =>
      `  - model_name: ${name}\n    litellm_params: {model: openai/${name}, api_base: "${provider.url}", api_key: sk-behind, num_retries: 0${name === "late" ? ", timeout: 1" : ""}}`,
  );
  writeFileSync(
    join(folder, "config.yaml"),
    `model_list:\n${models.join("\n")}\nrouter_settings: {disable_cooldowns: true, num_retries: 0}\n`,
  );
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  start("litellm", ["--config", "config.yaml", "--port", String(port), "--host", "127.0.0.1"], {
    LITELLM_MASTER_KEY: KEY,
    LITELLM_LOCAL_MODEL_COST_MAP: "True",
  });
  await untilThere(`${origin}/health/liveliness`, {}, 180);
  const patchbay = await Patchbay.start(origin);
  const create = (modelIdentifier: string, key = KEY, more: object = {}) =>
    patchbay.create({
      providerType: "LITELLM_PROXY",
      endpointUrl: `${origin}/v1`,
      modelIdentifier,
      credentials: { apiKey: { inlineSecret: key } },
      ...more,
    });
  const chat = (llmId: string, more: object = {}) =>
    patchbay.call(`/v1/llms/${llmId}:chat`, { message: "Hi", ...more });

  let good = "";
  for (const [name, reason] of Object.entries(EXPECTED)) {
    const llmId = await create(name);
    good ||= llmId;
    note(`LiteLLM: ${name}, in a chat`, reason, reasonOf(await chat(llmId)));
    const test = await patchbay.call(`/v1/llms/${llmId}:test`, {});
    note(`LiteLLM: ${name}, in a test`, reason, test.reason || test.outcome);
  }
  for (const [name, reason] of Object.entries(OF_CHATS)) {
    note(`LiteLLM: ${name}`, reason, reasonOf(await chat(await create(name))));
  }
  note("LiteLLM: a wrong key", "UPSTREAM_KEY_REFUSED", reasonOf(await chat(await create("good", "sk-wrong"))));
  const tools = [{ name: "look", parameters: { type: "object", properties: {} } }];
  const called = (await chat(good, { tools })).message?.toolCalls?.[0];
  note("LiteLLM: a call of a tool", 'look {"city":"A"}', `${called?.name} ${called?.arguments}`);
  const json = await chat(good, { responseFormat: { type: "JSON_OBJECT" } });
  note("LiteLLM: JSON", '{"ok":true}', json.message?.content);
  note("LiteLLM: counts", "REPORTED", json.usageSource);
  const slow = await create("slow", KEY, { patience: { firstPieceSeconds: 2 } });
  note("LiteLLM: a provider that is slower than the Llm's patience", "UPSTREAM_TIMEOUT", reasonOf(await chat(slow)));
  const message = { messages: [{ role: "user", content: "Hi" }] };
  await record("recorded-litellm.json", "litellm", `${origin}/v1`, [
    { name: "a chat", body: { ...message, model: "good" } },
    { name: "a stream", body: { ...message, model: "good", stream: true, stream_options: { include_usage: true } } },
    { name: "a wrong key", body: { ...message, model: "good" }, key: "sk-wrong" },
    { name: "a model that is not there", body: { ...message, model: "not-there" } },
    ...["key-refused", "missing", "limited", "broke", "broken", "late", "long", "flagged", "blind"].map((model) => ({
      name: model,
      body: { ...message, model },
    })),
  ]);
  provider.close();
}
