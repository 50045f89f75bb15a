import type { SamplingParams } from "../../base/sampling.ts";
import { headReaderOf } from "../calls/adapters.ts";
import { type CallOptions, type Outlet, openEvents, wholeReply } from "../calls/call.ts";
import { listModels } from "../calls/list.ts";
import type { ModelRequest, Reply } from "../models/conversation.ts";
import { UpstreamFailure } from "../models/failure.ts";
import { eventsOfReply } from "../models/growing-reply.ts";
import type { Target } from "../models/provider-types.ts";
import { isOtherFamily, isOtherModel, isServed } from "../models/same-model.ts";
import { type Proof, type TestResult, verdictOf, verdictOfReply } from "./verdict.ts";

/** Of a reply that is only to show that there is one. */
const MAX_TOKENS = 16;
/** Of a model that says more than it was asked to: these show that there is a reply, and no more are waited for. */
const ENOUGH_PIECES = 64;
/** For an endpoint that did not reply in time to show that it is there. */
const SIGN_OF_LIFE_MS = 5_000;

/** How a test is made, beside what it is a test of. */
export interface TestOptions extends Omit<CallOptions, "onHead" | "onCount" | "onOtherForm"> {
  /** What every chat sends: a test that leaves it out proves nothing of one. */
  readonly sampling: SamplingParams;
  /** Whether both forms of a reply are asked for, or a streamed one alone. */
  readonly bothForms: boolean;
}

/**
 * Asks for small replies as a chat would, by the same requests with the same defaults: a streamed one, and a whole one. Its
 * result is OK only if they came, from the model that was asked for as far as can be told.
 */
export async function testConnection(outlet: Outlet, target: Target, options: TestOptions): Promise<TestResult> {
  outlet.learned.forget(target);
  const attempt = new Attempt(outlet, target, options);
  try {
    return await attempt.run();
  } catch (error) {
    if (!(error instanceof UpstreamFailure)) throw error;
    return verdictOf(error, target, attempt.proof, attempt.latencyMs);
  }
}

class Attempt {
  proof: Proof = {};
  readonly #startedAt = performance.now();
  readonly #outlet: Outlet;
  readonly #target: Target;
  readonly #options: TestOptions;
  /** The limit of tokens where chats send none, or where theirs is proven to be taken; undefined once one so small was refused. */
  #smallLimit: number | undefined = MAX_TOKENS;
  #isFallback = false;

  constructor(outlet: Outlet, target: Target, options: TestOptions) {
    this.#outlet = outlet;
    this.#target = target;
    this.#options = options;
  }

  get latencyMs(): number {
    return Math.round(performance.now() - this.#startedAt);
  }

  async run(): Promise<TestResult> {
    const streamed = await this.#firstForm();
    const { latencyMs } = this;
    const whole = await this.#secondForm(streamed);
    if (whole !== undefined) return verdictOf(whole, this.#target, this.proof, latencyMs, "PPPPFP");
    const other = await this.#otherModel();
    return verdictOfReply(this.#target, this.proof, latencyMs, streamed, other);
  }

  /** The streamed form, and if that is refused, the other one; the failure is why it is not streamed. */
  async #firstForm(): Promise<UpstreamFailure | undefined> {
    try {
      return await this.#limited(
        () => this.#asChats(),
        (sampling) => this.#stream(sampling),
      );
    } catch (error) {
      const { proof } = this;
      const mayBeTheForm = error instanceof UpstreamFailure && /^(request-refused|bad-reply)$/.test(error.kind);
      if (!mayBeTheForm || proof.model !== undefined) throw error;
      // What is no reply in one form may be one in the other; if it is none either, the first answer tells more.
      try {
        await this.#limited(
          () => this.#asChats(),
          (sampling) => this.#whole(sampling),
        );
        return error;
      } catch (second) {
        if (!(second instanceof UpstreamFailure)) throw second;
        this.proof = proof;
        throw error;
      }
    }
  }

  /** Undefined: it came, or was not asked for; nothing is wrong with a form whose turn did not come, as for a rate. */
  async #secondForm(streamed: UpstreamFailure | undefined): Promise<UpstreamFailure | undefined> {
    if (!this.#options.bothForms || streamed !== undefined) return undefined;
    const { proof } = this;
    try {
      await this.#limited(
        () => this.#short(),
        (sampling) => this.#whole(sampling),
      );
      return undefined;
    } catch (error) {
      if (!(error instanceof UpstreamFailure)) throw error;
      return /^(rate-limited|busy|quota-exhausted)$/.test(error.kind) ? undefined : error;
    } finally {
      this.proof = proof;
    }
  }

  /** The owner's own limit goes along: one that is too high is refused in every chat. */
  #asChats(): SamplingParams {
    return { ...this.#options.sampling, maxTokens: this.#options.sampling.maxTokens ?? this.#smallLimit };
  }

  #short(): SamplingParams {
    const limits = [this.#options.sampling.maxTokens, this.#smallLimit].filter((limit) => limit !== undefined);
    return { ...this.#options.sampling, maxTokens: limits.length === 0 ? undefined : Math.min(...limits) };
  }

  /** Once more without a limit of ours where the model refuses one so small. */
  async #limited<Result>(
    limited: () => SamplingParams,
    run: (sampling: SamplingParams) => Promise<Result>,
  ): Promise<Result> {
    const sampling = limited();
    try {
      return await run(sampling);
    } catch (error) {
      const isOurs = sampling.maxTokens !== this.#options.sampling.maxTokens;
      if (!(error instanceof UpstreamFailure) || !isOurs || !isTokenLimit(error)) throw error;
      this.#smallLimit = undefined;
      return run(limited());
    }
  }

  /** A failure that it returns is why the reply did not come in pieces. */
  async #stream(sampling: SamplingParams): Promise<UpstreamFailure | undefined> {
    this.proof = {};
    let refusal: UpstreamFailure | undefined;
    await this.#inTime(async (options) => {
      const onOtherForm = (failure: UpstreamFailure | undefined) => {
        refusal = failure ?? NOT_IN_PIECES;
      };
      let pieces = 0;
      const batches = await openEvents(this.#outlet, this.#target, question(sampling), { ...options, onOtherForm });
      for await (const events of batches) {
        for (const event of events) {
          if (event.type === "start") this.proof.model = event.model;
          else if (event.type === "end") this.#check(pieces > 0, event);
          else {
            pieces += 1;
            if (!refusal) this.proof.firstTokenMs ??= this.latencyMs;
          }
        }
        if (pieces >= ENOUGH_PIECES) break;
      }
    });
    return refusal;
  }

  async #whole(sampling: SamplingParams): Promise<void> {
    this.proof = {};
    await this.#inTime(async (options) => {
      const reply = await wholeReply(this.#outlet, this.#target, question(sampling), options);
      this.proof.model = reply.model;
      this.#check(eventsOfReply(reply).length > 2, reply);
    });
  }

  /** A call may take its time, as a test has it; whoever is there and does not reply in it is busy, and not lost. */
  async #inTime(run: (options: CallOptions) => Promise<void>): Promise<void> {
    const { testMs } = this.#outlet.egress.limits;
    const timeout = AbortSignal.timeout(testMs);
    const { signal, headers } = this.#options;
    const onHead: CallOptions["onHead"] = (answer) => {
      Object.assign(this.proof, { httpStatus: answer.status, headersMs: this.latencyMs });
      this.#isFallback = headReaderOf(this.#target.providerType)?.(answer.headers, this.#target).isFallback ?? false;
    };
    try {
      await run({ signal: AbortSignal.any([signal, timeout]), headers, onHead });
    } catch (error) {
      if (!timeout.aborted || signal.aborted) throw error;
      const isThere = this.proof.httpStatus !== undefined || (await this.#hasSignOfLife());
      const kind = isThere && this.proof.model === undefined ? "busy" : "timeout";
      throw new UpstreamFailure(kind, sentenceOf(kind, testMs / 1_000), { httpStatus: this.proof.httpStatus });
    }
  }

  async #hasSignOfLife(): Promise<boolean> {
    const signal = AbortSignal.any([this.#options.signal, AbortSignal.timeout(SIGN_OF_LIFE_MS)]);
    try {
      await listModels(this.#outlet.egress, this.#target, { signal, headers: this.#options.headers });
      return true;
    } catch (error) {
      if (error instanceof UpstreamFailure) return error.httpStatus !== undefined;
      this.#options.signal.throwIfAborted();
      return false;
    }
  }

  /**
   * A model that thinks first can spend all tokens before its first word. It has replied all the same if the reply's end
   * is well-formed: if it says why it ended, or what it cost. An end with neither text nor that is no reply.
   */
  #check(hasText: boolean, end: Pick<Reply, "rawStopReason" | "usage">): void {
    if (hasText || end.rawStopReason !== "" || end.usage.outputTokens !== undefined) return;
    throw new UpstreamFailure("bad-reply", "the endpoint's reply is empty", this.proof);
  }

  /**
   * Why the reply proves nothing of the model: another one gave it. By its name alone that cannot be told, since gateways
   * and aliases have names of their own; but the endpoint may say so, or not list what was asked for, or list both as models
   * of two families, or have no list and a name of another family.
   */
  async #otherModel(): Promise<string | undefined> {
    const { proof, target } = { proof: this.proof, target: this.#target };
    if (this.#isFallback) return "after what was asked for had failed";
    if (!isOtherModel(target.model, proof.model ?? "")) return undefined;
    const signal = AbortSignal.any([this.#options.signal, AbortSignal.timeout(this.#outlet.egress.limits.testMs)]);
    try {
      const { models, isComplete } = await listModels(this.#outlet.egress, target, {
        signal,
        headers: this.#options.headers,
      });
      if (models.length === 0) return this.#otherFamily();
      if (!isComplete) return undefined;
      if (!isServed(models, target)) return "and does not list the model that was asked for";
      const isListed = models.some(({ id }) => id === proof.model);
      const isOther = isListed && isOtherFamily(target.model, proof.model ?? "");
      return isOther ? "which it lists beside the one that was asked for, and which is of another family" : undefined;
    } catch (error) {
      if (error instanceof UpstreamFailure) return this.#otherFamily();
      this.#options.signal.throwIfAborted();
      return undefined;
    }
  }

  /** Where no list says that the name is an alias, it is what chats call a fallback. */
  #otherFamily(): string | undefined {
    const isOther = isOtherFamily(this.#target.model, this.proof.model ?? "");
    return isOther ? "which is of another family than the one that was asked for" : undefined;
  }
}

function question(sampling: SamplingParams): ModelRequest {
  const text = "Reply with the word OK.";
  return { messages: [{ role: "user", parts: [{ type: "text", text }], toolCalls: [] }], sampling, tools: [] };
}

const NOT_IN_PIECES = new UpstreamFailure(
  "feature-refused",
  "the endpoint does not stream: it answered with the whole reply",
  { parameter: "stream", feature: "streamed replies" },
);

function sentenceOf(kind: "busy" | "timeout", seconds: number): string {
  if (kind === "timeout") return `no complete reply came within ${seconds} s`;
  return `the endpoint answers, and gave no reply within ${seconds} s: it is busy with other calls, or still loading the model`;
}

function isTokenLimit({ kind, facts: { parameter = "" } }: UpstreamFailure): boolean {
  return /^(request|parameter)-refused$/.test(kind) && /^max_\w*tokens$/.test(parameter);
}
