import type { SamplingParams } from "../base/sampling.ts";
import type { Watch, WatchedCall } from "../base/watch.ts";
import { type Outlet, openEvents, wholeReply } from "./calls/call.ts";
import { Learned } from "./calls/learned.ts";
import { listModels, type ModelList, type Vendor } from "./calls/list.ts";
import { outcomeOf, WatchedPieces } from "./calls/watched-pieces.ts";
import type { Egress } from "./egress/egress.ts";
import type { ModelRequest, Reply, ReplyEvent, Usage } from "./models/conversation.ts";
import { joinDeltas } from "./models/event-stream.ts";
import type { Target } from "./models/provider-types.ts";
import {
  type PassedCall,
  type PassedPiece,
  type PassedReply,
  type PassListener,
  passStream,
  readPassed,
  sendPassed,
} from "./pass-through/call.ts";
import { testConnection } from "./probe/probe.ts";
import { monitoringStage, type SideQuestions, toolsStage } from "./probe/side-probes.ts";
import { testVendor } from "./probe/vendor-probe.ts";
import type { TestResult } from "./probe/verdict.ts";

/**
 * All models, behind one way to call them.
 *
 * What an endpoint does wrong is thrown as UpstreamFailure; when the signal aborts, its reason is thrown. A call that is
 * aborted or left closes its connection at once. Nothing is tried again. A watch, where one is given, is told of each.
 */
export class Upstreams {
  readonly #egress: Egress;
  readonly #outlet: Outlet;

  constructor({ egress }: { readonly egress: Egress }) {
    this.#egress = egress;
    this.#outlet = { egress, learned: new Learned() };
  }

  /** A whole reply. */
  async reply(target: Target, request: ModelRequest, signal: AbortSignal, watch?: Watch): Promise<Reply> {
    const watched = watch?.begin(target.providerType, { model: target.model, isStreamed: false });
    return ended(watched, async () => {
      const reply = await wholeReply(this.#outlet, target, request, { signal, headers: watched?.headers });
      watched?.told({ model: reply.model, stopReason: reply.stopReason, ...reply.usage });
      return reply;
    });
  }

  /** A reply as it is written. However it ends, `counted` is told what the provider has counted of it. */
  async *stream(
    target: Target,
    request: ModelRequest,
    signal: AbortSignal,
    watch?: Watch,
    counted?: (usage: Usage) => void,
  ): AsyncGenerator<ReplyEvent> {
    for await (const events of this.batches(target, request, signal, watch, counted)) yield* joinDeltas(events);
  }

  /** A reply as events, those that arrived together in one array, so that they can be passed on together. */
  batches(
    target: Target,
    request: ModelRequest,
    signal: AbortSignal,
    watch?: Watch,
    counted?: (usage: Usage) => void,
  ): AsyncIterableIterator<readonly ReplyEvent[]> {
    return new WatchedPieces<readonly ReplyEvent[]>({
      begin: () => watch?.begin(target.providerType, { model: target.model, isStreamed: true }),
      open: (watched) =>
        openEvents(this.#outlet, target, request, { signal, headers: watched?.headers, onCount: counted }),
      look(events, watched) {
        tellOf(watched, events);
        return events.some(({ type }) => type !== "start");
      },
    });
  }

  /** A whole reply to a call in the words of the endpoint's own API, as it came. */
  async pass(target: Target, call: PassedCall, signal: AbortSignal, watch?: Watch): Promise<PassedReply> {
    const watched = watch?.begin(target.providerType, { model: target.model, isStreamed: false });
    return ended(watched, async () => {
      const response = await sendPassed(this.#egress, target, call, { signal, trace: watched?.headers });
      const reply = await readPassed(this.#egress, target, call.api, response);
      watched?.told({ model: reply.model, ...reply.usage });
      return reply;
    });
  }

  /** Passes a streamed reply through as its endpoint writes it. */
  passStream(
    target: Target,
    call: PassedCall,
    signal: AbortSignal,
    watch: Watch | undefined,
    listener: PassListener,
  ): AsyncIterableIterator<PassedPiece> {
    return new WatchedPieces<PassedPiece>({
      begin: () => watch?.begin(target.providerType, { model: target.model, isStreamed: true }),
      open: async (watched) => {
        const response = await sendPassed(this.#egress, target, call, { signal, trace: watched?.headers });
        return passStream(this.#egress, target, call, response, watched ? telling(watched, listener) : listener);
      },
      look: () => true,
    });
  }

  /**
   * What comes of asking for a small reply, the same way as for any other, with what every chat sends. What the endpoint does
   * is a result.
   */
  async test(target: Target, asked: TestAsk, signal: AbortSignal, watch?: Watch): Promise<TestResult> {
    const watched = watch?.begin(target.providerType);
    const options = { ...asked, signal, headers: watched?.headers };
    return ended(watched, () => testConnection(this.#outlet, target, options), wordOf);
  }

  /** What an endpoint serves. */
  async models(vendor: Vendor, signal: AbortSignal, watch?: Watch): Promise<ModelList> {
    const watched = watch?.begin(vendor.providerType);
    return ended(watched, () => listModels(this.#egress, vendor, { signal, headers: watched?.headers }));
  }

  /** Whether a vendor takes the key, without a model. What it does is a result. */
  async testVendor(vendor: Vendor, signal: AbortSignal, watch?: Watch): Promise<TestResult> {
    const watched = watch?.begin(vendor.providerType);
    return ended(watched, () => testVendor(this.#egress, vendor, { signal, headers: watched?.headers }), wordOf);
  }

  /** Tests a connection, and what stands beside it: what the monitoring endpoint says, and whether the model calls tools. */
  async examine(
    target: Target,
    questions: SideQuestions & TestAsk,
    signal: AbortSignal,
    watch?: Watch,
  ): Promise<TestResult> {
    const asked = monitoringStage(this.#egress, target, questions, signal);
    asked.catch(() => {}); // It is awaited below, if we get that far.
    const result = await this.test(target, questions, signal, watch);
    const tools = await toolsStage(this.#outlet, target, questions, result.outcome, signal);
    return { ...result, stages: [...result.stages, await asked, tools] };
  }
}

/** What a test asks for. */
export interface TestAsk {
  /** What every chat sends. */
  readonly sampling: SamplingParams;
  /** Whether a whole reply is asked for beside a streamed one. */
  readonly bothForms: boolean;
}

/** Does a call, and tells whoever watches how it ended. */
async function ended<Result>(
  watched: WatchedCall | undefined,
  call: () => Promise<Result>,
  outcomeOfResult: (result: Result) => string = () => "ok",
): Promise<Result> {
  try {
    const result = await call();
    watched?.end(outcomeOfResult(result));
    return result;
  } catch (error) {
    watched?.end(outcomeOf(error));
    throw error;
  }
}

/** What came of a test, as calls that end are told apart. */
function wordOf({ outcome }: TestResult): string {
  return outcome.toLowerCase().replaceAll("_", "-");
}

/** Tells a watch what events say of the reply that they are of. */
function tellOf(watched: WatchedCall, events: readonly ReplyEvent[]): void {
  for (const event of events) {
    if (event.type === "start") watched.told({ model: event.model });
    else if (event.type === "end") watched.told({ stopReason: event.stopReason, ...event.usage });
  }
}

/** A listener that tells a watch, too. */
function telling(watched: WatchedCall, listener: PassListener): PassListener {
  return {
    onEvents(events) {
      tellOf(watched, events);
      listener.onEvents(events);
    },
    onPartialUsage(usage) {
      watched.told(usage);
      listener.onPartialUsage(usage);
    },
  };
}
