import { Fault } from "../../base/fault.ts";
import type { Llm, StoredSampling } from "../../store/llm.entity.ts";
import { findDefaultLlm, findLlm } from "../../store/llm-queries.ts";
import type { EntityManager } from "../../store/store.ts";
import type { Vault } from "../../store/vault/vault.ts";
import type { ModelRequest, Reply, ReplyEvent, SamplingParams } from "../../upstream/conversation.ts";
import type { Target } from "../../upstream/target.ts";
import type { Upstreams } from "../../upstream/upstreams.ts";
import { reach, type Scope } from "../access/scope.ts";
import { openCredentials } from "../llms/credentials.ts";
import { providerTypeOf } from "../llms/llm-values.ts";
import { notFound } from "../llms/llms.ts";
import { refusalOf } from "./refusal.ts";

/** Which Llm a chat goes to, and how to reach it. */
interface Line {
  readonly llm: Llm;
  readonly target: Target;
}

/** Chats through registered Llms. */
export class Chats {
  readonly #vault: Vault;
  readonly #upstreams: Upstreams;

  constructor({ vault, upstreams }: { vault: Vault; upstreams: Upstreams }) {
    this.#vault = vault;
    this.#upstreams = upstreams;
  }

  /** The whole reply. An empty llmId means the caller's default Llm. */
  async reply(scope: Scope, llmId: string, request: ModelRequest): Promise<{ llmId: string; reply: Reply }> {
    const { llm, target } = await this.#open(scope, llmId);
    try {
      const asked = withDefaults(request, llm.defaultSampling);
      const reply = await this.#upstreams.reply(target, asked, scope.signal, scope.watch);
      return { llmId: llm.id, reply };
    } catch (error) {
      throw refusalOf(error, llm);
    }
  }

  /** The reply as it is made, with the Llm that makes it. Leaving it closes the connection to the provider. */
  async *stream(
    scope: Scope,
    llmId: string,
    request: ModelRequest,
  ): AsyncGenerator<{ llmId: string; event: ReplyEvent }> {
    const { llm, target } = await this.#open(scope, llmId);
    try {
      const asked = withDefaults(request, llm.defaultSampling);
      const events = this.#upstreams.stream(target, asked, scope.signal, scope.watch);
      for await (const event of events) yield { llmId: llm.id, event };
    } catch (error) {
      throw refusalOf(error, llm);
    }
  }

  async #open(scope: Scope, llmId: string): Promise<Line> {
    const llm = llmId
      ? await findLlm(scope.em, llmId, reach(scope, "USE_LLM_OWN"), { withCredentials: true })
      : await findDefaultLlm(scope.em, scope.caller.accountId);
    if (llm) return { llm, target: await targetOf(this.#vault, scope.em, llm) };
    if (llmId) throw notFound(llmId);
    throw new Fault("DEFAULT_LLM_NOT_SET", "no llm_id was given and the account has no default Llm; see SetDefaultLlm");
  }
}

/** How to reach an Llm that was loaded with its credentials. */
export async function targetOf(vault: Vault, em: EntityManager, llm: Llm): Promise<Target> {
  return {
    ownerId: llm.owner,
    providerType: providerTypeOf(llm),
    endpointUrl: llm.endpointUrl,
    apiPath: llm.apiPath,
    model: llm.modelIdentifier,
    apiKey: await openCredentials(vault, em, llm),
  };
}

/** What the chat says goes before what the Llm says, parameter by parameter. */
function withDefaults(request: ModelRequest, defaults: StoredSampling): ModelRequest {
  const sampling: SamplingParams = { ...defaults, ...request.sampling };
  return { ...request, sampling };
}
