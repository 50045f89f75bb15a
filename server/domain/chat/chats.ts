import type { SamplingParams } from "../../base/sampling.ts";
import { outageOf } from "../../store/sql/database-errors.ts";
import type { ContentPart, ModelRequest, Reply, ReplyEvent } from "../../upstream/models/conversation.ts";
import { joinDeltas } from "../../upstream/models/event-stream.ts";
import { UpstreamFailure } from "../../upstream/models/failure.ts";
import { eventsOfReply } from "../../upstream/models/growing-reply.ts";
import type { Upstreams } from "../../upstream/upstreams.ts";
import type { Limits } from "../access/limits.ts";
import { holderOf, type Scope } from "../call/scope.ts";
import { refusalOf } from "../connections/faults.ts";
import type { LlmTargets, ResolvedLlm } from "../llms/targets.ts";
import { endingOf, type ModelEnding } from "../models/model-state.ts";
import type { ChosenLlm, FailedAttempt } from "../routes/route-run.ts";
import { promptOf } from "../usage/cost.ts";
import { Attempt, type AttemptDeps, type Labels, type ReplyFacts } from "./attempt.ts";
import type { LlmCall, LlmCalls } from "./llm-calls.ts";
import { noticesOfReply, type SentRequest } from "./notices.ts";
import { requireServed } from "./served.ts";
import type { AnsweredTurn, RunningTurn, SessionAsk, Turns } from "./turns.ts";

/** What a caller wants to chat about. */
export interface ChatAsk {
  /** Empty: the caller's default. */
  readonly llmId: string;
  readonly request: ModelRequest;
  /** Undefined: a chat of its own. */
  readonly session: SessionAsk | undefined;
  /** What the caller says of it, for its usage row. */
  readonly labels?: Labels;
  /** The Llm that was looked up for it, by a route or otherwise; undefined: llmId says which. */
  readonly chosen?: ResolvedCall | undefined;
}

/** An Llm that was looked up for a call; the rest is said by a route, where one has chosen it. */
export type ResolvedCall = Pick<ChosenLlm, "resolved"> & Partial<ChosenLlm>;

/** Whose reply it is. */
export interface ReplyOrigin {
  readonly llmId: string;
  readonly sessionId: string | undefined;
  readonly turnId: string | undefined;
  /** Undefined while nothing says that its model ends. */
  readonly ending: ModelEnding | undefined;
  /** The route that has chosen it, and which Llms it has tried before; undefined without one. */
  readonly route?: RouteOrigin | undefined;
}

/** What a route did for a reply. */
export interface RouteOrigin {
  readonly routeId: string;
  readonly attempts: readonly FailedAttempt[];
}

type Event<Type> = Extract<ReplyEvent, { type: Type }>;

/** An event of a reply, as its caller sees it. */
export type ChatEvent =
  | (Event<"start"> & ReplyOrigin)
  | Event<"text-delta" | "reasoning-delta" | "tool-call-delta">
  | (Event<"end"> & ReplyFacts);

/** A chat that was begun: by its attempt, or answered before. */
interface Begun {
  readonly resolved: ResolvedLlm;
  readonly origin: ReplyOrigin;
  readonly attempt: Attempt;
  readonly call: LlmCall;
  readonly turn: RunningTurn | undefined;
  readonly answered: AnsweredTurn | undefined;
}

export interface ChatDeps extends AttemptDeps {
  readonly targets: LlmTargets;
  readonly upstreams: Upstreams;
  readonly turns: Turns;
  readonly limits: Limits;
  readonly llmCalls: LlmCalls;
}

/** Chats through registered Llms. */
export class Chats {
  readonly #deps: ChatDeps;

  constructor(deps: ChatDeps) {
    this.#deps = deps;
  }

  /** The whole reply. */
  async reply(scope: Scope, ask: ChatAsk): Promise<{ origin: ReplyOrigin; reply: Reply; facts: ReplyFacts }> {
    const begun = await this.#begin(scope, ask);
    const { resolved, origin, attempt, call, answered } = begun;
    if (answered) return { origin, reply: answered.reply, facts: factsOf(answered) };
    const { llm, target } = resolved;
    try {
      let sent = await this.#send(scope, ask, begun);
      call.sent("whole");
      let reply: Reply;
      try {
        reply = await this.#deps.upstreams.reply(target, sent.request, scope.signal, scope.watch);
      } catch (error) {
        sent = await this.#sendLess(scope, ask, begun, sent, error);
        reply = await this.#deps.upstreams.reply(target, sent.request, scope.signal, scope.watch);
      }
      call.succeeded();
      return { origin, reply, facts: await attempt.complete(reply, noticesOfReply(target, sent, reply)) };
    } catch (error) {
      call.failed(error);
      throw await stopped(attempt, error, llm);
    }
  }

  /** The reply as it is made. Leaving it closes the connection to the provider. */
  async *stream(scope: Scope, ask: ChatAsk): AsyncGenerator<ChatEvent> {
    const begun = await this.#begin(scope, ask);
    const { resolved, origin, attempt, call, answered } = begun;
    if (answered) {
      yield* eventsOf(answered, origin);
      return;
    }
    let isFirst = true;
    const { llm, target } = resolved;
    try {
      let sent = await this.#send(scope, ask, begun);
      call.sent("streamed");
      const events = () =>
        this.#deps.upstreams.batches(target, sent.request, scope.signal, scope.watch, (usage) => attempt.count(usage));
      let stream = events();
      let next: IteratorResult<readonly ReplyEvent[]>;
      try {
        next = await stream.next();
      } catch (error) {
        sent = await this.#sendLess(scope, ask, begun, sent, error);
        stream = events();
        next = await stream.next();
      }
      try {
        for (; !next.done; next = await stream.next()) {
          for (const event of joinDeltas(next.value)) {
            attempt.hear(event);
            if (event.type === "end") {
              call.succeeded();
              yield { ...event, ...(await attempt.completeStream(noticesOfReply(target, sent, attempt.heard))) };
              continue;
            }
            if (event.type === "start") {
              yield { ...event, ...origin };
              continue;
            }
            if (isFirst) call.heard();
            yield event;
            if (isFirst) this.#deps.reachFailpoint("after_first_chunk");
            isFirst = false;
          }
        }
      } finally {
        await stream.return?.();
      }
    } catch (error) {
      call.failed(error);
      throw await stopped(attempt, error, llm);
    } finally {
      // Only if the caller left while it was given an event.
      call.left();
      await stop(attempt, undefined);
    }
  }

  async #begin(scope: Scope, { llmId, request, session, labels, chosen }: ChatAsk): Promise<Begun> {
    const { turns, limits, targets } = this.#deps;
    const resolved = chosen?.resolved ?? (await targets.open(scope, llmId));
    const { llm } = resolved;
    requireServed(llm, request);
    if (!chosen?.isRetry) await limits.countBytes(holderOf(scope.caller), () => sizeOf(request));
    const begun = session && (await turns.begin(scope, llm, session, request));
    const answered = begun && "reply" in begun ? begun : undefined;
    const turn = begun && "release" in begun ? begun : undefined;
    const origin = { llmId: llm.id, sessionId: begun?.sessionId, turnId: begun?.turnId, ending: endingOf(llm) };
    const attempt = new Attempt(this.#deps, scope, llm, { turn, labels, routeId: chosen?.routeId });
    const call = this.#deps.llmCalls.begin(scope, resolved, "chat", chosen?.health);
    if (answered) call.left();
    return { resolved, origin, turn, answered, attempt, call };
  }

  /** What is to be sent, with its attempt begun: to be called last before the model is. */
  async #send(scope: Scope, { request }: ChatAsk, { resolved, turn, attempt }: Begun): Promise<SentRequest> {
    const asked = withDefaults(request, resolved.llm.defaultSampling);
    const sent = turn && (await this.#deps.turns.conversation(scope, resolved.llm, turn, asked));
    const whole = sent ?? { request: asked, turnsLeftOut: 0, before: undefined };
    await attempt.begin(promptOf(whole.request));
    return whole;
  }

  /** What is sent instead of a session's prompt that the endpoint refused as too long; throws the refusal of any other. */
  async #sendLess(
    scope: Scope,
    { request }: ChatAsk,
    { resolved, turn, attempt }: Begun,
    sent: SentRequest,
    error: unknown,
  ): Promise<SentRequest> {
    if (!turn || !(error instanceof UpstreamFailure) || error.kind !== "context-too-long") throw error;
    const { promptTokens, contextTokens } = error.facts;
    const asked = withDefaults(request, resolved.llm.defaultSampling);
    const refused = { sent, promptTokens, contextTokens };
    const less = await this.#deps.turns.conversation(scope, resolved.llm, turn, asked, refused);
    if (!less) throw error;
    attempt.resend(promptOf(less.request));
    return less;
  }
}

/** The refusal of a chat, once what it took is recorded. */
export async function stopped(attempt: Attempt, error: unknown, llm: ResolvedLlm["llm"]): Promise<unknown> {
  await stop(attempt, error);
  return refusalOf(error, llm);
}

/** What cannot be recorded because the database is away is kept for later; the caller learns what happened first. */
export async function stop(attempt: Attempt, error: unknown): Promise<void> {
  try {
    await attempt.stop(error);
  } catch (failure) {
    if (outageOf(failure) === undefined) throw failure;
  }
}

/** What the chat says goes before what the Llm says, parameter by parameter. */
function withDefaults(request: ModelRequest, defaults: SamplingParams): ModelRequest {
  const sampling: SamplingParams = { ...defaults, ...request.sampling };
  return { ...request, sampling };
}

function factsOf({ reply: { usage, source, cost, priceSource, notices = [] } }: AnsweredTurn): ReplyFacts {
  const picoDollars = cost === undefined ? undefined : BigInt(cost);
  return { usage, source, cost: picoDollars, priceSource, overBudget: false, notices };
}

/** A reply that was made before, as a stream. */
function* eventsOf(answered: AnsweredTurn, origin: ReplyOrigin): Generator<ChatEvent> {
  for (const event of eventsOfReply(answered.reply)) {
    if (event.type === "start") yield { ...event, ...origin };
    else if (event.type === "end") yield { ...event, ...factsOf(answered) };
    else yield event;
  }
}

/** The bytes of what is said and shown in a request, and of its tools: what a limit of bytes counts. */
function sizeOf({ messages, tools }: ModelRequest): number {
  const parts = messages.flatMap((message) => message.parts).reduce((sum, part) => sum + sizeOfPart(part), 0);
  return parts + (tools.length > 0 ? Buffer.byteLength(JSON.stringify(tools)) : 0);
}

function sizeOfPart(part: ContentPart): number {
  if ("data" in part) return part.data.byteLength;
  return Buffer.byteLength(part.type === "text" ? part.text : part.url);
}
