import { timedUuid } from "../../base/uuids.ts";
import type { Entry, Outcome, ReplyRecord, TurnEnd } from "../../store/queries/usage/entry.ts";
import type { Ledger, Written } from "../../store/queries/usage/ledger.ts";
import type { Llm } from "../../store/schema/llm.entity.ts";
import type { Vault } from "../../store/vault/vault.ts";
import type { Billing, Reply, ReplyEvent, Usage } from "../../upstream/models/conversation.ts";
import { UpstreamFailure } from "../../upstream/models/failure.ts";
import { GrowingReply } from "../../upstream/models/growing-reply.ts";
import { REFUSALS } from "../../upstream/verdicts/refusal.ts";
import type { Scope } from "../call/scope.ts";
import type { Notice } from "../connections/notice.ts";
import type { HolderUse, HolderUses } from "../limits/uses.ts";
import type { Budgets } from "../usage/budgets.ts";
import { estimateReply, type Prompt } from "../usage/cost.ts";
import type { LabelCap, Told } from "../usage/label-cap.ts";
import { costOfReply, likelyCost } from "../usage/price.ts";
import { type Count, countOf, takenBy, tokensPerEstimate } from "./reply-count.ts";
import { sealReply } from "./turn-text.ts";
import { type RunningTurn, turnLost } from "./turns.ts";

/** What a caller says of a reply, for its usage row. */
export type Labels = Readonly<Record<string, string>>;

/** What the caller is told of a reply beside what was said. */
export interface ReplyFacts extends Count {
  /** In pico-dollars; undefined when it is not known. */
  readonly cost: bigint | undefined;
  /** Who says so: the owner, the reply, a list; undefined when nobody does. */
  readonly priceSource: string | undefined;
  readonly overBudget: boolean;
  /** What the caller should know of it. */
  readonly notices: readonly Notice[];
}

export interface AttemptDeps {
  readonly ledger: Ledger;
  readonly budgets: Budgets;
  readonly uses: HolderUses;
  readonly labelCap: LabelCap;
  readonly vault: Vault;
  readonly reachFailpoint: ReachFailpoint;
}

/** What an attempt is for. */
interface AttemptFor {
  readonly turn?: RunningTurn | undefined;
  readonly labels?: Labels | undefined;
  /** The route that chose the Llm; undefined if it was named itself. */
  readonly routeId: string | undefined;
}

/**
 * One call of a model for a chat, with what it takes and costs. It ends once, as complete or stopped; its record is
 * durable then, and with it the end of its turn.
 */
export class Attempt {
  readonly #createdAt = new Date();
  /** Its first bits are the time, by which usage is partitioned. */
  readonly #id = timedUuid(this.#createdAt.getTime());
  readonly #startedAt = performance.now();
  readonly #heard = new GrowingReply();
  readonly #deps: AttemptDeps;
  readonly #scope: Scope;
  readonly #llm: Readonly<Llm>;
  readonly #turn: RunningTurn | undefined;
  readonly #labels: Labels;
  readonly #routeId: string | undefined;
  #prompt: Prompt | undefined;
  #firstTokenMs: number | undefined;
  #counted: Usage = {};
  #overBudget = false;
  /** Also where that failed: some of it may be there. */
  #hasReserved = false;
  /** What it takes of the limits of who chats; undefined while there are none. */
  #use: HolderUse | undefined;
  #hasEnded = false;

  constructor(deps: AttemptDeps, scope: Scope, llm: Readonly<Llm>, { turn, labels = {}, routeId }: AttemptFor) {
    this.#deps = deps;
    this.#scope = scope;
    this.#llm = llm;
    this.#turn = turn;
    this.#labels = labels;
    this.#routeId = routeId;
  }

  /**
   * To be called last before the model is; refuses what a budget refuses, and what could not be recorded. Without a
   * budget, it asks nobody.
   */
  async begin(prompt: Prompt): Promise<void> {
    await this.#deps.ledger.requireWritable();
    const { limits } = this.#scope.caller;
    if (limits) this.#use = await this.#deps.uses.begin(limits, this.#id, prompt);
    try {
      if (this.#llm.hasBudget || limits?.some(({ budget }) => budget)) {
        this.#hasReserved = true;
        const cost = await likelyCost(this.#llm, prompt);
        this.#overBudget = await this.#deps.budgets.reserve(this.#scope, this.#llm, this.#id, cost);
      }
    } catch (error) {
      await this.#use?.end(0);
      throw error;
    }
    this.#prompt = prompt;
  }

  /** Notes that something else is sent than what it began with: less history. */
  resend(prompt: Prompt): void {
    this.#prompt = prompt;
  }

  /** Does what `complete` does, of a stream that was passed through, of which only some was read. */
  completePassed(usage: Usage, billing: Billing): Promise<ReplyFacts> {
    return this.complete({ ...this.#heard.reply, stopReason: "end", rawStopReason: "", usage, billing }, []);
  }

  /** Notes an event of a stream. */
  hear(event: ReplyEvent): void {
    this.#heard.add(event);
    if (event.type !== "start") this.#firstTokenMs ??= this.#elapsedMs();
  }

  /** Notes what the provider has counted of a stream so far. */
  count(usage: Usage): void {
    this.#counted = usage;
  }

  /** Does what `complete` does, of a stream whose end was heard. */
  completeStream(notices: readonly Notice[]): Promise<ReplyFacts> {
    return this.complete(this.#heard.reply, notices);
  }

  /** What was heard of a stream. */
  get heard(): Reply {
    return this.#heard.reply;
  }

  /** Records a whole reply; until that is durable, the caller is not told that it is whole. */
  async complete(reply: Reply, notices: readonly Notice[]): Promise<ReplyFacts> {
    const count = countOf(this.#prompt as Prompt, reply.usage, () => estimateReply(reply));
    const record = await this.#record("COMPLETED", reply.model, count, reply.billing);
    const { cost, priceSource } = record;
    const turn = this.#turn && (await this.#endOf(this.#turn, { ...reply, usage: count.usage }, record, notices));
    this.#deps.reachFailpoint("before_tx2");
    const { wasRunning } = await this.#end({ reply: record, turn });
    this.#deps.reachFailpoint("after_commit_before_reply");
    if (!wasRunning) throw turnLost();
    return {
      ...count,
      cost,
      priceSource: cost === undefined ? undefined : priceSource,
      overBudget: this.#overBudget,
      notices,
    };
  }

  /** Records what was taken by a reply that did not become whole, unless it did; undefined means that the caller left. */
  async stop(error: unknown): Promise<void> {
    if (this.#hasEnded) return;
    const outcome = this.#outcomeOf(error);
    const turn = this.#turn && stoppedTurn(this.#turn, outcome);
    const reply = this.#prompt && (await this.#record(outcome, this.#heard.model, this.#countHeard(outcome)));
    await this.#end({ reply, turn });
  }

  async #end(entry: Omit<Entry, "hasReserved">): Promise<Written> {
    this.#hasEnded = true;
    try {
      const written = this.#deps.ledger.write({ ...entry, hasReserved: this.#hasReserved });
      if (!this.#use || !this.#prompt) return await this.#whileCallerWaits(written);
      // Whoever has the reply may call again at once.
      const both = Promise.all([written, this.#use.end(takenBy(entry.reply))]);
      return (await this.#whileCallerWaits(both))[0];
    } finally {
      this.#turn?.release();
    }
  }

  /** The record is written in any case; only a turn is not held for it any longer once its caller has left. */
  async #whileCallerWaits<Result>(written: Promise<Result>): Promise<Result> {
    const { signal } = this.#scope;
    if (!this.#turn || signal.aborted) return written;
    const { promise: left, reject } = Promise.withResolvers<never>();
    const leave = () => reject(signal.reason);
    signal.addEventListener("abort", leave, { once: true });
    try {
      return await Promise.race([written, left]);
    } finally {
      signal.removeEventListener("abort", leave);
    }
  }

  #outcomeOf(error: unknown): Outcome {
    if (this.#scope.signal.aborted || error === undefined) return "CANCELLED";
    const isRefusal = error instanceof UpstreamFailure && REFUSALS.has(error.kind) && this.#firstTokenMs === undefined;
    return isRefusal ? "REFUSED" : "FAILED";
  }

  #countHeard(outcome: Outcome): Count {
    if (outcome === "REFUSED") return { usage: {}, source: undefined };
    // Of what was not heard nothing is known: it may have been nothing, or all.
    return countOf(this.#prompt as Prompt, this.#counted, () => estimateReply(this.#heard.reply) || undefined);
  }

  async #record(
    outcome: Outcome,
    model: string,
    { usage, source }: Count,
    billing: Billing = {},
  ): Promise<ReplyRecord> {
    const { caller, watch } = this.#scope;
    const llm = this.#llm;
    const price = outcome === "REFUSED" ? undefined : await costOfReply(llm, { model, usage, billing });
    return {
      id: this.#id,
      ownerId: llm.owner,
      llmId: llm.id,
      routeId: this.#routeId,
      accountId: caller.accountId,
      apiKeyId: caller.apiKeyId,
      subject: caller.subject,
      requestId: watch?.requestId ?? "",
      sessionId: this.#turn?.sessionId,
      turnId: this.#turn?.turnId,
      ...this.#told(model),
      providerType: llm.providerType,
      inputTokens: usage.inputTokens,
      cacheReadTokens: usage.cacheReadTokens,
      cacheWriteTokens: usage.cacheWriteTokens,
      outputTokens: usage.outputTokens,
      reasoningTokens: usage.reasoningTokens,
      source,
      outcome,
      latencyMs: this.#elapsedMs(),
      firstTokenMs: this.#firstTokenMs,
      cost: price?.cost,
      priceSource: price?.source,
      priceDate: price?.date,
      createdAt: this.#createdAt,
    };
  }

  /** What the row is told apart by in sums, as far as there is room for what others say. */
  #told(model: string): Told {
    const { id, labels, modelIdentifier } = this.#llm;
    // PostgreSQL stores no NUL, and the endpoint may send anything. Of labels, the owner's go first: a caller renames nothing.
    const named = (model || modelIdentifier).replaceAll("\0", "").slice(0, 255);
    const saysMore = Object.keys(this.#labels).length > 0;
    const said = { labels: saysMore ? { ...this.#labels, ...labels } : labels, model: named };
    return this.#deps.labelCap.keep(id, this.#createdAt, said, { labels, model: modelIdentifier });
  }

  async #endOf(
    turn: RunningTurn,
    reply: Reply,
    { cost, priceSource, source }: ReplyRecord,
    notices: readonly Notice[],
  ): Promise<TurnEnd> {
    const stored = { ...reply, cost: cost?.toString(), priceSource, source, ...(notices.length > 0 && { notices }) };
    return {
      turnId: turn.turnId,
      attempt: turn.attempt,
      state: "COMPLETED",
      // Its reasoning is not sent again, unless its provider wants it.
      tokens: Math.ceil(
        tokensPerEstimate(this.#prompt as Prompt, reply.usage, source) *
          (turn.tokens + estimateReply(reply.state ? reply : { ...reply, reasoning: "" })),
      ),
      sealedReply: await sealReply(this.#deps.vault, this.#scope.em, turn, stored),
    };
  }

  #elapsedMs(): number {
    return Math.round(performance.now() - this.#startedAt);
  }
}

function stoppedTurn({ turnId, attempt, tokens }: RunningTurn, outcome: Outcome): TurnEnd {
  const state = outcome === "CANCELLED" ? "INTERRUPTED" : "FAILED";
  return { turnId, attempt, state, tokens, sealedReply: undefined };
}

/** The places of a chat where a server may die, as the torture of chats names them. */
export type Failpoint = "before_tx1" | "after_tx1" | "after_first_chunk" | "before_tx2" | "after_commit_before_reply";

/** Told when a chat comes to one. Nothing but a test gives one; what it throws, or never returns from, is its business. */
export type ReachFailpoint = (point: Failpoint) => void;
