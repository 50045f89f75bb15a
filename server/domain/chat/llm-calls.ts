import { UpstreamFailure } from "../../upstream/models/failure.ts";
import type { Scope } from "../call/scope.ts";
import { UPSTREAM_REASONS } from "../connections/faults.ts";
import type { Signals } from "../llms/signals.ts";
import type { LlmTargets, ResolvedLlm } from "../llms/targets.ts";
import { FAILOVER } from "../routes/failover.ts";
import type { Operation, ReplyForm, Wellness, WellnessCall } from "../routes/wellness.ts";

/** What an endpoint that hangs shows of itself, though the deadlines of its callers are shorter than our patience. */
const HANGS = new UpstreamFailure("timeout", "its callers' deadlines came before its replies");

interface Deps {
  readonly wellness: Wellness;
  readonly signals: Signals;
  readonly targets: LlmTargets;
}

/** A call of an Llm, to be ended once. */
export interface LlmCall {
  /** From now on its endpoint is waited for. */
  sent(form: ReplyForm): void;
  /** A piece of a streamed reply is there. */
  heard(): void;
  succeeded(): void;
  /** What it failed with, as its endpoint was heard. */
  failed(error: unknown): void;
  /** Its caller left, if it has not ended otherwise. */
  left(): void;
}

/**
 * What calls show of Llms, told to all who count on it: routes at once, also of calls that name an Llm themselves; the checks,
 * which spare what is in use; and where keys are kept that were refused.
 */
export class LlmCalls {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Begins a call, unless a route has, which chose the Llm. */
  begin(scope: Scope, resolved: ResolvedLlm, operation: Operation, begun?: WellnessCall): LlmCall {
    const { wellness, signals, targets } = this.#deps;
    const { id } = resolved.llm;
    const call = begun ?? wellness.begin(id, operation);
    /** Of the endpoint; what an abort broke is none, but for a deadline that shows that it hangs. */
    const failureIn = (error: unknown): UpstreamFailure | undefined => {
      if (scope.signal.aborted) return scope.isPastDeadline && call.hangs() ? HANGS : undefined;
      return error instanceof UpstreamFailure ? error : undefined;
    };
    return {
      sent: (form) => call.sent(form),
      heard: () => call.heard(),
      succeeded() {
        signals.recordSignal(id, true);
        call.succeeded();
      },
      failed(error) {
        targets.onFailure(error, resolved);
        const failure = failureIn(error);
        // Tests chat: of what an Llm lacks beside, they would find nothing.
        if (operation === "chat") signals.recordFailure(id, failure);
        const cooling = failure && FAILOVER[failure.kind].cools;
        if (!failure || !cooling) return call.left();
        const { kind, retryAfterMs } = failure;
        call.failed({ cooling, failedWith: UPSTREAM_REASONS[kind], retryAfterMs });
      },
      left: () => call.left(),
    };
  }
}
