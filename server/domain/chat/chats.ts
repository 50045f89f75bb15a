import type { StoredSampling } from "../../store/llm.entity.ts";
import type { ModelRequest, Reply, ReplyEvent, SamplingParams } from "../../upstream/conversation.ts";
import type { Upstreams } from "../../upstream/upstreams.ts";
import type { Scope } from "../access/scope.ts";
import type { Lines } from "./lines.ts";
import { refusalOf } from "./refusal.ts";
import { requireServed } from "./request-rules.ts";

/** Chats through registered Llms. */
export class Chats {
  readonly #lines: Lines;
  readonly #upstreams: Upstreams;

  constructor({ lines, upstreams }: { lines: Lines; upstreams: Upstreams }) {
    this.#lines = lines;
    this.#upstreams = upstreams;
  }

  /** The whole reply. An empty llmId means the caller's default Llm. */
  async reply(scope: Scope, llmId: string, request: ModelRequest): Promise<{ llmId: string; reply: Reply }> {
    const line = await this.#lines.open(scope, llmId);
    const { llm, target } = line;
    requireServed(llm, request);
    try {
      const asked = withDefaults(request, llm.defaultSampling);
      const reply = await this.#upstreams.reply(target, asked, scope.signal, scope.watch);
      return { llmId: llm.id, reply };
    } catch (error) {
      this.#lines.heed(error, line);
      throw refusalOf(error, llm);
    }
  }

  /** The reply as it is made, with the Llm that makes it. Leaving it closes the connection to the provider. */
  async *stream(
    scope: Scope,
    llmId: string,
    request: ModelRequest,
  ): AsyncGenerator<{ llmId: string; event: ReplyEvent }> {
    const line = await this.#lines.open(scope, llmId);
    const { llm, target } = line;
    requireServed(llm, request);
    try {
      const asked = withDefaults(request, llm.defaultSampling);
      const events = this.#upstreams.stream(target, asked, scope.signal, scope.watch);
      for await (const event of events) yield { llmId: llm.id, event };
    } catch (error) {
      this.#lines.heed(error, line);
      throw refusalOf(error, llm);
    }
  }
}

/** What the chat says goes before what the Llm says, parameter by parameter. */
function withDefaults(request: ModelRequest, defaults: StoredSampling): ModelRequest {
  const sampling: SamplingParams = { ...defaults, ...request.sampling };
  return { ...request, sampling };
}
