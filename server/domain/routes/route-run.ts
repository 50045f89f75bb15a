import { Fault } from "../../base/fault.ts";
import type { Llm } from "../../store/schema/llm.entity.ts";
import type { Route } from "../../store/schema/route.entity.ts";
import { UpstreamFailure } from "../../upstream/models/failure.ts";
import type { Scope } from "../call/scope.ts";
import { UPSTREAM_REASONS } from "../connections/faults.ts";
import type { LlmTargets, ResolvedLlm } from "../llms/targets.ts";
import { chooseSoonest, chooseWell } from "./choice.ts";
import { FAILOVER, GONE, isPassedOver } from "./failover.ts";
import type { RetryBudget } from "./retry-budget.ts";
import { llmIdsOf } from "./route-values.ts";
import type { Operation, Wellness, WellnessCall } from "./wellness.ts";

/** An Llm that was tried, and what came of it. */
interface TriedLlm {
  readonly llmId: string;
  /** In the words of `Reason`. */
  readonly failedWith: string;
}

/** A call of an Llm that was tried. */
export interface FailedAttempt extends TriedLlm {
  readonly durationMs: number;
}

/** The Llm that a route has chosen for a call, to be called now. */
export interface ChosenLlm {
  readonly resolved: ResolvedLlm;
  readonly routeId: string;
  /** Another one was chosen before, for the same call: what the call counts for is counted. */
  readonly isRetry: boolean;
  /** To be ended with what comes of it. */
  readonly health: WellnessCall;
}

/** What a call of a route asks for. */
export interface RoutePlan {
  readonly route: Readonly<Route>;
  readonly operation: Operation;
  /** The Llm that serves it as long as that is well; undefined: any. */
  readonly sticky?: string | undefined;
  /** Throws the refusal of an Llm that has no place for what is asked. */
  readonly requireServed?: (resolved: ResolvedLlm) => void;
}

interface Deps {
  readonly targets: LlmTargets;
  readonly wellness: Wellness;
  readonly budget: RetryBudget;
  readonly random: () => number;
}

/** Pieces of a reply, whose call ends when they are left. */
interface LeavablePieces<Piece> extends AsyncIterable<Piece, void, undefined> {
  return(value: undefined): Promise<unknown>;
}

/** One call of a route: an Llm at a time, until one replies or nothing is left to try. */
export class RouteRun {
  readonly route: Readonly<Route>;
  readonly #deps: Deps;
  readonly #scope: Scope;
  readonly #plan: RoutePlan;
  readonly #out = new Set<string>();
  readonly #failed: FailedAttempt[] = [];
  #refusal: unknown;
  /** Only Llms that attend to more tokens than this; undefined: any. */
  #moreThan: number | undefined;
  #isUnderWay = false;
  #hasPieceLeft = false;
  /** Undefined between two of them; the last one stays. */
  #current: { readonly llm: Readonly<Llm>; readonly call: WellnessCall; readonly startedAt: number } | undefined;

  constructor(deps: Deps, scope: Scope, plan: RoutePlan) {
    this.#deps = deps;
    this.#scope = scope;
    this.#plan = plan;
    this.route = plan.route;
    scope.watch?.tellAtDeadline(() => this.#factsAtDeadline());
  }

  /** What was tried before, in its order. */
  get failedBefore(): readonly FailedAttempt[] {
    return this.#failed;
  }

  /** The Llm to call now. If that fails, it is to be told by `failed`, which says whether to go on. */
  async next(): Promise<ChosenLlm> {
    const { targets, wellness } = this.#deps;
    for (;;) {
      this.#scope.signal.throwIfAborted();
      const llmId = this.#choose();
      if (llmId === undefined) throw this.#exhausted();
      this.#out.add(llmId);
      // At once, so that no other call takes it for a trial while it is looked up.
      const call = wellness.begin(llmId, this.#plan.operation);
      try {
        const resolved = await targets.open(this.#scope, llmId, { isChosen: true });
        this.#requireFit(resolved);
        this.#current = { llm: resolved.llm, call, startedAt: performance.now() };
        const isRetry = this.#isUnderWay;
        this.#isUnderWay = true;
        return { resolved: this.#withPatience(resolved), routeId: this.route.id, isRetry, health: call };
      } catch (error) {
        call.left();
        if (!(error instanceof PassedOver) && !isOfLlm(error)) throw error;
        this.#passOver(error instanceof PassedOver ? error.cause : error);
      }
    }
  }

  /** The call is over, if nobody has said so. */
  left(): void {
    this.#current?.call.left();
  }

  /** Throws what the caller is told, unless another Llm shall be tried. */
  failed(error: unknown): void {
    if (!this.#current) throw error;
    const { llm, call, startedAt } = this.#current;
    call.left();
    const failure = error instanceof Error && error.cause instanceof UpstreamFailure ? error.cause : undefined;
    const rule = failure && FAILOVER[failure.kind];
    if (!rule || this.#scope.signal.aborted) {
      if (!isOfLlm(error) || this.#hasPieceLeft) throw this.#told(error);
      this.#current = undefined;
      this.#passOver(error);
      return;
    }
    if (this.#hasPieceLeft || !rule.next) throw this.#told(error);
    this.#current = undefined;
    const failedWith = UPSTREAM_REASONS[failure.kind];
    this.#failed.push({ llmId: llm.id, failedWith, durationMs: Math.round(performance.now() - startedAt) });
    this.#refusal = error;
    if (rule.next === "more-context") this.#moreThan = llm.maxContextLength ?? failure.facts.contextTokens ?? 0;
    if (!this.#deps.budget.take()) throw this.#exhausted();
  }

  /** Passes a stream on whose first piece is there: what fails now is told with what was tried before. */
  async *passOn<Piece>(first: readonly Piece[], pieces: LeavablePieces<Piece>): AsyncGenerator<Piece, void> {
    this.#hasPieceLeft = true;
    try {
      yield* first;
      yield* pieces;
    } catch (error) {
      this.failed(error);
    } finally {
      await pieces.return(undefined);
      this.left();
    }
  }

  #choose(): string | undefined {
    const { route, sticky, operation } = this.#plan;
    const { wellness, random } = this.#deps;
    const isOut = (llmId: string) => this.#out.has(llmId);
    const isFine = sticky !== undefined && !isOut(sticky) && wellness.isOpen(sticky, operation);
    if (isFine && llmIdsOf(route.tiers).includes(sticky)) return sticky;
    const choosing = { wellness, operation, random, isOut };
    const chosen = chooseWell(route.tiers, choosing);
    if (chosen !== undefined || this.#failed.length > 0) return chosen;
    return chooseSoonest(route.tiers, choosing);
  }

  /** Of an Llm that is gone the caller, who named a route, is told nothing. */
  #passOver(refusal: unknown): void {
    if (refusal instanceof Fault && GONE.has(refusal.reason)) return;
    this.#refusal ??= refusal;
  }

  #requireFit(resolved: ResolvedLlm): void {
    const { llm } = resolved;
    if (llm.disabled) throw new PassedOver(new Fault("LLM_DISABLED", `llm ${llm.id} is disabled`));
    if (this.#moreThan !== undefined && (llm.maxContextLength ?? 0) <= this.#moreThan) throw new PassedOver(undefined);
    if (llm.status === "FAILING" && llm.lastTest) this.#deps.wellness.doubt(llm.id, llm.lastTest.testedAt);
    try {
      this.#plan.requireServed?.(resolved);
    } catch (error) {
      if (error instanceof Fault) throw new PassedOver(error);
      throw error;
    }
  }

  /** An Llm's own patience may be shorter than the route's. */
  #withPatience(resolved: ResolvedLlm): ResolvedLlm {
    const { attemptTimeoutMs } = this.route;
    if (attemptTimeoutMs === 0) return resolved;
    const { patience } = resolved.target;
    const firstPieceMs = Math.min(patience?.firstPieceMs ?? attemptTimeoutMs, attemptTimeoutMs);
    return { ...resolved, target: { ...resolved.target, patience: { ...patience, firstPieceMs } } };
  }

  /** What the last one failed with, or why none could be tried; whoever can wait for one that is left alone is told for how long. */
  #exhausted(): unknown {
    const targets = this.route.tiers.flatMap((tier) => tier.targets);
    const left = targets.filter(({ llmId, weight }) => weight > 0 && !this.#out.has(llmId));
    const canWait = this.#failed.length === 0 && left.length > 0;
    if (this.#refusal !== undefined && !canWait) return this.#told(this.#refusal);
    const { wellness } = this.#deps;
    const untils = left.flatMap(({ llmId }) => wellness.cooldownOf(llmId, this.#plan.operation)?.until ?? []);
    const message = `no Llm of the route ${this.route.name} can take a call now; ExplainRoute says what is wrong with each, and UpdateRoute gives it others`;
    return new Fault("LLM_ROUTE_UNAVAILABLE", message, {
      metadata: { routeId: this.route.id },
      ...(untils.length > 0 ? { retryAfterMs: Math.max(Math.min(...untils) - Date.now(), 0) } : {}),
    });
  }

  /** A refusal with what was tried. */
  #told(error: unknown): unknown {
    if (!(error instanceof Fault) || this.#failed.length === 0) return error;
    const { reason, message, facts } = error;
    return new Fault(
      reason,
      message,
      { ...facts, metadata: { ...facts.metadata, ...this.#factsOf(this.#failed) } },
      error,
    );
  }

  /** The Llm that is called then has not failed otherwise. */
  #factsAtDeadline(): Readonly<Record<string, string>> {
    const running = this.#hasPieceLeft ? undefined : this.#current;
    const outrun = running ? [{ llmId: running.llm.id, failedWith: "DEADLINE_PASSED" }] : [];
    const attempts = [...this.#failed, ...outrun];
    return attempts.length === 0 ? {} : this.#factsOf(attempts);
  }

  #factsOf(attempts: readonly TriedLlm[]): Readonly<Record<string, string>> {
    return { routeId: this.route.id, attempts: attemptsText(attempts) };
  }
}

/** What was tried, as one text: `<llm_id> <reason>, …`. */
export function attemptsText(attempts: readonly TriedLlm[]): string {
  return attempts.map(({ llmId, failedWith }) => `${llmId} ${failedWith}`).join(", ");
}

/** An Llm that is not called, with the refusal to tell if there is no other. */
class PassedOver extends Error {
  constructor(cause: unknown) {
    super("passed over", { cause });
  }
}

function isOfLlm(error: unknown): boolean {
  return error instanceof Fault && isPassedOver(error);
}
