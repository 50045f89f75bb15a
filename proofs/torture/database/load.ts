import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { createPatchbay, type Patchbay, problemOf } from "../../../client/llm.ts";
import { Llm_ProviderType } from "../../../gen/patchbay/v1/llm_pb.ts";
import type { ScriptedUpstream } from "../../../server/test/upstream/scripted-upstream.ts";

const PRICE = { input: "1", output: "1" };
/** What an outage may be called, of the database or of the server that stops or is started again. */
const OUTAGES = new Set(["Unavailable", "DeadlineExceeded", "Canceled", "Unknown", "Aborted"]);
const CALL_TIMEOUT_MS = 60_000;

/** What calls came to. */
export interface Counts {
  writes: number;
  chats: number;
  refused: number;
  /** The longest that any call took. */
  slowestMs: number;
}

/** Writers, chats, streams and watches, that go on whatever happens and note what they were promised. */
export class Load {
  readonly counts: Counts = { writes: 0, chats: 0, refused: 0, slowestMs: 0 };
  /** What is wrong for sure: an answer with a code that no outage has. */
  readonly wrong: string[] = [];
  /** The Llms that were promised, and the last name that each was promised to have. */
  readonly promised = new Map<string, string>();
  /** The names that were asked for last and not promised: they may be there. */
  readonly asked = new Map<string, string>();
  readonly #upstream: ScriptedUpstream;
  readonly #apiKey: string;
  #patchbay: Patchbay;
  #llmId = "";
  readonly #ending = new AbortController();
  #running: Promise<unknown>[] = [];

  constructor(upstream: ScriptedUpstream, url: string, apiKey: string) {
    this.#upstream = upstream;
    this.#apiKey = apiKey;
    this.#patchbay = createPatchbay({ url, apiKey });
  }

  /** The server was started again, and listens elsewhere. */
  moveTo(url: string): void {
    this.#patchbay = createPatchbay({ url, apiKey: this.#apiKey });
  }

  async begin(writers: number, chatters: number, watches: number): Promise<void> {
    this.#llmId = await this.#create("chatted-with");
    const ids = await Promise.all(Array.from({ length: writers }, (_, n) => this.#create(`writer-${n}`)));
    this.#running = [
      ...ids.map((id) => this.#again(() => this.#write(id))),
      ...Array.from({ length: chatters }, (_, n) => this.#again(() => (n % 2 === 0 ? this.#chat() : this.#stream()))),
      ...Array.from({ length: watches }, () => this.#again(() => this.#watch(), false)),
    ];
  }

  async end(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#running);
  }

  /** One call of each kind, for whoever wants to know whether it works: what is wrong, or undefined. */
  get calls(): Readonly<Record<"read" | "write" | "chat", () => Promise<string | undefined>>> {
    const { llms, chat } = this.#patchbay;
    const llmId = this.#llmId;
    return {
      read: () => problemWith(llms.getLlm({ llmId })),
      write: () => problemWith(llms.updateLlm({ llmId, description: randomUUID() })),
      chat: () => problemWith(chat.chat({ llmId, message: "does it work?" })),
    };
  }

  async nameOf(llmId: string): Promise<string> {
    const { llm } = await this.#patchbay.llms.getLlm({ llmId });
    return llm?.displayName ?? "";
  }

  async #create(displayName: string): Promise<string> {
    const { llm } = await this.#patchbay.llms.createLlm({
      displayName,
      providerType: Llm_ProviderType.CUSTOM_OPENAI_COMPATIBLE,
      endpointUrl: `${this.#upstream.url}/v1`,
      modelIdentifier: displayName,
      price: PRICE,
    });
    const llmId = llm?.llmId ?? "";
    this.promised.set(llmId, displayName);
    return llmId;
  }

  async #write(llmId: string): Promise<void> {
    const displayName = `name-${randomUUID()}`;
    this.asked.set(llmId, displayName);
    await this.#patchbay.llms.updateLlm(
      { llmId, displayName, requestId: randomUUID() },
      { timeoutMs: CALL_TIMEOUT_MS },
    );
    this.promised.set(llmId, displayName);
    this.counts.writes++;
    await pause(20);
  }

  async #chat(): Promise<void> {
    await this.#patchbay.chat.chat({ llmId: this.#llmId, message: "chat" }, { timeoutMs: CALL_TIMEOUT_MS });
    this.counts.chats++;
  }

  async #stream(): Promise<void> {
    const ask = { llmId: this.#llmId, message: "stream" };
    let last: string | undefined;
    for await (const { event } of this.#patchbay.chat.streamChat(ask, { timeoutMs: CALL_TIMEOUT_MS })) {
      last = event.case;
    }
    if (last === "end") this.counts.chats++;
    else this.wrong.push(`a stream ended with ${last} and no error`);
  }

  async #watch(): Promise<void> {
    for await (const _ of this.#patchbay.llms.watchLlms({}, { signal: this.#ending.signal }));
  }

  async #again(call: () => Promise<void>, isTimed = true): Promise<void> {
    while (!this.#ending.signal.aborted) {
      const startedAt = performance.now();
      try {
        await call();
      } catch (error) {
        if (this.#ending.signal.aborted) return;
        this.#judge(error);
        await pause(100);
      }
      const tookMs = performance.now() - startedAt;
      if (isTimed) this.counts.slowestMs = Math.max(this.counts.slowestMs, tookMs);
    }
  }

  #judge(error: unknown): void {
    const { code, reason, message, retryAfterMs } = problemOf(error);
    this.counts.refused++;
    if (!OUTAGES.has(code)) this.wrong.push(`${code} ${reason}: ${message}`);
    if (reason === "STORE_UNAVAILABLE" && retryAfterMs === undefined) this.wrong.push("a refusal without RetryInfo");
  }
}

async function problemWith(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    const { code, reason, message } = problemOf(error);
    return `${code} ${reason}: ${message}`;
  }
}
