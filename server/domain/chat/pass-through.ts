import type { Usage } from "../../upstream/models/conversation.ts";
import { APIS, type ApiName } from "../../upstream/pass-through/apis.ts";
import type { PassedCall } from "../../upstream/pass-through/call.ts";
import type { JsonBody } from "../../upstream/pass-through/json-members.ts";
import { editRequest } from "../../upstream/pass-through/request.ts";
import { holderOf, type Scope } from "../call/scope.ts";
import type { ResolvedLlm } from "../llms/targets.ts";
import { endingOf } from "../models/model-state.ts";
import type { Operation } from "../routes/wellness.ts";
import { bodyPrompt } from "../usage/body-prompt.ts";
import { Attempt, type Labels, type ReplyFacts } from "./attempt.ts";
import { type ChatDeps, type ReplyOrigin, type ResolvedCall, stop, stopped } from "./chats.ts";
import { requireEnabled } from "./served.ts";

/** A call in the words of an API that the Llm's endpoint speaks, too. */
export interface PassAsk {
  readonly api: ApiName;
  readonly body: JsonBody;
  readonly streamed: boolean;
  /** What of the caller's headers goes along, in small letters. */
  readonly headers: Readonly<Record<string, string>>;
  readonly labels: Labels;
}

/** What a caller is told of a reply that was passed through, beside its bytes. */
export interface PassOrigin extends ReplyOrigin {
  /** Members of the request that the model does not take, and that were taken out. */
  readonly dropped: readonly string[];
}

/** A whole reply as it came. */
export interface PassedWhole {
  readonly origin: PassOrigin;
  readonly bytes: Buffer;
  readonly facts: ReplyFacts;
}

/** Some of a streamed reply. The last has what is known of the reply, and is durable. */
export type PassedPart =
  | { readonly type: "start"; readonly origin: PassOrigin }
  | { readonly type: "bytes"; readonly bytes: readonly Buffer[] }
  | { readonly type: "end"; readonly bytes: Buffer; readonly facts: ReplyFacts };

/** What the calls of an API call an Llm for. */
export const OPERATIONS: Readonly<Record<ApiName, Operation>> = {
  "chat-completions": "chat",
  responses: "chat",
  messages: "chat",
  embeddings: "embeddings",
  "count-tokens": "count-tokens",
};

/**
 * Chats in the words of the endpoint's own API, passed through as they are: what they may, what they take and what they cost
 * is reckoned as that of every chat.
 */
export class PassThrough {
  readonly #deps: ChatDeps;

  constructor(deps: ChatDeps) {
    this.#deps = deps;
  }

  /** Whether an API is spoken at the endpoint of an Llm. */
  static isSpoken(api: ApiName, { target }: ResolvedLlm): boolean {
    return APIS[api].pathAt(target) !== undefined;
  }

  /** The whole reply. */
  async reply(scope: Scope, chosen: ResolvedCall, ask: PassAsk): Promise<PassedWhole> {
    const { target } = chosen.resolved;
    const { passed, origin, attempt, call } = await this.#begin(scope, chosen, ask);
    try {
      await attempt.begin(bodyPrompt(ask.body));
      call.sent("whole");
      const { body, model, usage, billing } = await this.#deps.upstreams.pass(
        target,
        passed,
        scope.signal,
        scope.watch,
      );
      call.succeeded();
      const said = isCounted(usage) ? undefined : passed.api.readReply(JSON.parse(body.bytes.toString("utf8")));
      const facts = await attempt.complete({ ...NOTHING, ...said, model, usage, billing }, []);
      return { origin, bytes: body.bytes, facts };
    } catch (error) {
      call.failed(error);
      throw await stopped(attempt, error, chosen.resolved.llm);
    }
  }

  /** The count of tokens that an endpoint makes; nothing is replied, and nothing is billed. */
  async count(scope: Scope, chosen: ResolvedCall, ask: PassAsk): Promise<{ origin: PassOrigin; bytes: Buffer }> {
    const { target } = chosen.resolved;
    const { passed, origin, attempt, call } = await this.#begin(scope, chosen, ask);
    try {
      call.sent("whole");
      const { body } = await this.#deps.upstreams.pass(target, passed, scope.signal, scope.watch);
      call.succeeded();
      return { origin, bytes: body.bytes };
    } catch (error) {
      call.failed(error);
      throw await stopped(attempt, error, chosen.resolved.llm);
    }
  }

  /** The reply as it is made. Leaving it closes the connection to the provider. */
  async *stream(scope: Scope, chosen: ResolvedCall, ask: PassAsk): AsyncGenerator<PassedPart, void> {
    const { target } = chosen.resolved;
    const { passed, origin, attempt, call } = await this.#begin(scope, chosen, ask);
    try {
      await attempt.begin(bodyPrompt(ask.body));
      call.sent("streamed");
      const pieces = this.#deps.upstreams.passStream(target, passed, scope.signal, scope.watch, {
        onEvents: (events) => {
          for (const event of events) attempt.hear(event);
        },
        onPartialUsage: (usage) => attempt.count(usage),
      });
      let hasStarted = false;
      for await (const piece of pieces) {
        if (!hasStarted) call.heard();
        if (!hasStarted) yield { type: "start", origin };
        hasStarted = true;
        if (piece.type === "bytes") {
          yield piece;
          continue;
        }
        call.succeeded();
        yield { ...piece, facts: await attempt.completePassed(piece.usage, piece.billing) };
      }
    } catch (error) {
      call.failed(error);
      throw await stopped(attempt, error, chosen.resolved.llm);
    } finally {
      // Only if the caller left while it was given a piece.
      call.left();
      await stop(attempt, undefined);
    }
  }

  async #begin(
    scope: Scope,
    { resolved, routeId, isRetry, health }: ResolvedCall,
    { api: name, body, streamed, headers, labels }: PassAsk,
  ) {
    const { llm, target } = resolved;
    requireEnabled(llm);
    if (!isRetry) await this.#deps.limits.countBytes(holderOf(scope.caller), () => body.bytes.length);
    const api = APIS[name];
    const { bytes, asksForUsage, dropped } = editRequest(api, target, body, llm.defaultSampling);
    const path = api.pathAt(target) as string;
    const passed: PassedCall = { api, path, bytes, streamed, hidesUsage: asksForUsage, headers };
    const origin = { llmId: llm.id, sessionId: undefined, turnId: undefined, ending: endingOf(llm), dropped };
    const attempt = new Attempt(this.#deps, scope, llm, { labels, routeId });
    return { passed, origin, attempt, call: this.#deps.llmCalls.begin(scope, resolved, OPERATIONS[name], health) };
  }
}

const NOTHING = { text: "", reasoning: "", toolCalls: [], stopReason: "end", rawStopReason: "" } as const;

function isCounted({ inputTokens, outputTokens }: Usage): boolean {
  return inputTokens !== undefined && outputTokens !== undefined;
}
