import { Fault } from "../../base/fault.ts";
import type { SamplingParams } from "../../base/sampling.ts";
import type { Llm } from "../../store/schema/llm.entity.ts";
import { outageOf } from "../../store/sql/errors.ts";
import { adapterOf } from "../../upstream/calls/adapters.ts";
import type { ContentPart, ModelRequest, Reply, ReplyEvent } from "../../upstream/models/conversation.ts";
import type { Upstreams } from "../../upstream/upstreams.ts";
import type { Limits } from "../access/limits.ts";
import { holderOf, type Scope } from "../call/scope.ts";
import { refusalOf } from "../connections/faults.ts";
import { providerTypeOf } from "../connections/provider-type.ts";
import type { Signals } from "../llms/signals.ts";
import type { LlmTargets, ResolvedLlm } from "../llms/targets.ts";
import { endingOf, type ModelEnding } from "../models/state.ts";
import { promptOf } from "../usage/cost.ts";
import { Attempt, type AttemptDeps, type Labels, type ReplyFacts } from "./attempt.ts";
import type { AnsweredTurn, RunningTurn, SessionAsk, Turns } from "./turns.ts";

/** What a caller wants to chat about. */
export interface ChatAsk {
  /** Empty: the session's, or else the caller's default. */
  readonly llmId: string;
  readonly request: ModelRequest;
  /** Undefined: a chat of its own. */
  readonly session: SessionAsk | undefined;
  /** What the caller says of it, for its usage row. */
  readonly labels?: Labels;
}

/** Whose reply it is. */
export interface ReplyOrigin {
  readonly llmId: string;
  readonly sessionId: string | undefined;
  readonly turnId: string | undefined;
  /** Undefined while nothing says that its model ends. */
  readonly ending: ModelEnding | undefined;
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
  readonly turn: RunningTurn | undefined;
  readonly answered: AnsweredTurn | undefined;
}

export interface ChatDeps extends AttemptDeps {
  readonly targets: LlmTargets;
  readonly upstreams: Upstreams;
  readonly turns: Turns;
  readonly limits: Limits;
  readonly signals: Signals;
}

/** Chats through registered Llms. */
export class Chats {
  readonly #deps: ChatDeps;

  constructor(deps: ChatDeps) {
    this.#deps = deps;
  }

  /** The whole reply. */
  async reply(scope: Scope, ask: ChatAsk): Promise<{ origin: ReplyOrigin; reply: Reply; facts: ReplyFacts }> {
    const { resolved, origin, attempt, turn, answered } = await this.#begin(scope, ask);
    if (answered) return { origin, reply: answered.reply, facts: factsOf(answered) };
    const { llm, target } = resolved;
    try {
      const request = await this.#requestOf(scope, ask, llm, turn);
      await attempt.begin(promptOf(request));
      const reply = await this.#deps.upstreams.reply(target, request, scope.signal, scope.watch);
      this.#deps.signals.recordSignal(llm.id, true);
      return { origin, reply, facts: await attempt.complete(reply) };
    } catch (error) {
      this.#deps.targets.onFailure(error, resolved);
      this.#deps.signals.recordFailure(llm.id, error);
      throw await stopped(attempt, error, llm);
    }
  }

  /** The reply as it is made. Leaving it closes the connection to the provider. */
  async *stream(scope: Scope, ask: ChatAsk): AsyncGenerator<ChatEvent> {
    const { resolved, origin, attempt, turn, answered } = await this.#begin(scope, ask);
    if (answered) {
      yield* eventsOf(answered, origin);
      return;
    }
    let isFirst = true;
    const { llm, target } = resolved;
    try {
      const request = await this.#requestOf(scope, ask, llm, turn);
      await attempt.begin(promptOf(request));
      const events = this.#deps.upstreams.stream(target, request, scope.signal, scope.watch, (usage) =>
        attempt.count(usage),
      );
      for await (const event of events) {
        if (event.type === "end") {
          this.#deps.signals.recordSignal(llm.id, true);
          const { stopReason, rawStopReason, usage } = event;
          yield { ...event, ...(await attempt.completeStream(stopReason, rawStopReason, usage)) };
          continue;
        }
        attempt.hear(event);
        if (event.type === "start") {
          yield { ...event, ...origin };
          continue;
        }
        yield event;
        if (isFirst) this.#deps.reachFailpoint("after_first_chunk");
        isFirst = false;
      }
    } catch (error) {
      this.#deps.targets.onFailure(error, resolved);
      this.#deps.signals.recordFailure(llm.id, error);
      throw await stopped(attempt, error, llm);
    } finally {
      // Only if the caller left while it was given an event.
      await stop(attempt, undefined);
    }
  }

  async #begin(scope: Scope, { llmId, request, session, labels }: ChatAsk): Promise<Begun> {
    const { turns, limits } = this.#deps;
    const named = llmId || (session?.sessionId && (await turns.llmOf(scope, session.sessionId))) || "";
    const resolved = await this.#deps.targets.open(scope, named);
    const { llm } = resolved;
    requireServed(llm, request);
    await limits.countBytes(holderOf(scope.caller), () => sizeOf(request));
    const begun = session && (await turns.begin(scope, llm, session, request));
    const answered = begun && "reply" in begun ? begun : undefined;
    const turn = begun && "release" in begun ? begun : undefined;
    const origin = { llmId: llm.id, sessionId: begun?.sessionId, turnId: begun?.turnId, ending: endingOf(llm) };
    return { resolved, origin, turn, answered, attempt: new Attempt(this.#deps, scope, llm, { turn, labels }) };
  }

  async #requestOf(scope: Scope, { request }: ChatAsk, llm: ResolvedLlm["llm"], turn: RunningTurn | undefined) {
    const asked = withDefaults(request, llm.defaultSampling);
    return turn ? this.#deps.turns.conversation(scope, llm, turn, asked) : asked;
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

function factsOf({ reply: { usage, source, cost } }: AnsweredTurn): ReplyFacts {
  return { usage, source, cost: cost === undefined ? undefined : BigInt(cost), overBudget: false };
}

/** A reply that was made before, as a stream. */
function* eventsOf(answered: AnsweredTurn, origin: ReplyOrigin): Generator<ChatEvent> {
  const { model, text, reasoning, toolCalls, stopReason, rawStopReason } = answered.reply;
  yield { type: "start", model, ...origin };
  if (reasoning) yield { type: "reasoning-delta", text: reasoning };
  if (text) yield { type: "text-delta", text };
  for (const [index, { id, name, arguments: argumentsDelta }] of toolCalls.entries()) {
    yield { type: "tool-call-delta", index, id, name, argumentsDelta };
  }
  yield { type: "end", stopReason, rawStopReason, ...factsOf(answered) };
}

/** Refuses a chat that an Llm is not there for, before anything is sent. */
export function requireServed(llm: Readonly<Llm>, { responseFormat }: ModelRequest): void {
  requireEnabled(llm);
  const providerType = providerTypeOf(llm);
  if (responseFormat && !adapterOf(providerType).responseFormats.has(responseFormat.type)) {
    throw new Fault(
      "RESPONSE_FORMAT_NOT_SUPPORTED",
      `the API of ${providerType} has no JSON_OBJECT; ask for JSON_SCHEMA with a schema, or for JSON in a message`,
      { metadata: { llmId: llm.id } },
    );
  }
}

/** Refuses an Llm that its owner has disabled. */
export function requireEnabled(llm: Readonly<Llm>): void {
  if (!llm.disabled) return;
  throw new Fault("LLM_DISABLED", `llm ${llm.id} is disabled; its owner enables it with UpdateLlm`, {
    metadata: { llmId: llm.id },
  });
}

/** The bytes of what is said and shown in a request, and of its tools: what a limit of bytes counts. */
export function sizeOf({ messages, tools }: ModelRequest): number {
  const parts = messages.flatMap((message) => message.parts).reduce((sum, part) => sum + sizeOfPart(part), 0);
  return parts + (tools.length > 0 ? Buffer.byteLength(JSON.stringify(tools)) : 0);
}

function sizeOfPart(part: ContentPart): number {
  if (part.type === "image-data") return part.data.byteLength;
  return Buffer.byteLength(part.type === "text" ? part.text : part.url);
}
