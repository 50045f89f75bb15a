import type { Message } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext, type Interceptor } from "@connectrpc/connect";
import { Fault } from "../../base/fault.ts";
import type { Logger } from "../../base/log.ts";
import { type Invoke, plainInvoke } from "../call/invoke.ts";
import type { Rename } from "../call/json-names.ts";
import { writesAsProtos } from "../call/spelling.ts";
import { type Call, callOf, rpcName } from "../observe/call-log.ts";
import { codeOfAbort } from "../observe/trace.ts";
import { type Classify, refuse } from "./errors.ts";
import type { Check } from "./validate.ts";

/** Notes what comes of every call, and translates its errors, however far it came. */
export class CallRecords {
  readonly #log: Logger;
  readonly #classify: Classify;
  readonly #jsonNames: Rename | undefined;

  constructor({ log, classify, jsonNames }: { log: Logger; classify: Classify; jsonNames?: Rename }) {
    this.#log = log;
    this.#classify = classify;
    this.#jsonNames = jsonNames;
  }

  /** Wraps what decides about a call before its body is read. */
  gate(admit: (context: HandlerContext) => Promise<void>): (context: HandlerContext) => Promise<void> {
    return async (context) => {
      const call = callOf(context.values);
      call.enter(context);
      try {
        await admit(context);
      } catch (error) {
        throw this.#failed(call, context, error);
      }
    };
  }

  /** Outermost of the interceptors that connect's own handlers have. */
  interceptor(): Interceptor {
    return (next) => async (request) => {
      const call = callOf(request.contextValues);
      try {
        const response = await next(request);
        if (response.stream) return { ...response, message: this.#watched(call, request, response.message) };
        call.settle(undefined);
        return response;
      } catch (error) {
        throw this.#failed(call, request, error);
      }
    };
  }

  /** Calls implementations with what keeps the rules only, and notes what comes of it. */
  invoke(check: Check): Invoke {
    return {
      unary: async (spec, context, input) => {
        try {
          check(spec.method.input, input);
          const output = await plainInvoke.unary(spec, context, input);
          this.succeeded(context);
          return output;
        } catch (error) {
          throw this.failed(context, error);
        }
      },
      stream: (spec, context, input) => {
        const messages = plainInvoke.stream(spec, context, input);
        const heard = (result: IteratorResult<Message>) => {
          if (result.done) this.succeeded(context);
          return result;
        };
        const failed = (error: unknown) => {
          throw this.failed(context, error);
        };
        let isChecked = false;
        const first = async () => {
          check(spec.method.input, input);
          isChecked = true;
          return messages.next();
        };
        return { ...messages, next: () => (isChecked ? messages.next() : first()).then(heard, failed) };
      },
    };
  }

  /** A call has succeeded that no interceptor saw. */
  succeeded(context: HandlerContext): void {
    callOf(context.values).settle(undefined);
  }

  /** One has failed: the error as it goes to the caller. */
  failed(context: HandlerContext, error: unknown): ConnectError {
    return this.#failed(callOf(context.values), context, error);
  }

  async *#watched<T>(call: Call, request: Request, messages: AsyncIterable<T>): AsyncGenerator<T> {
    try {
      yield* messages;
      call.settle(undefined);
    } catch (error) {
      throw this.#failed(call, request, error);
    }
  }

  /**
   * Gives an error that comes past the interceptors, such as that of a body which is no message, the reason, code and
   * details that every error has, and notes it.
   */
  refine(context: HandlerContext, error: unknown): void {
    const call = callOf(context.values);
    if (call.isSettled || !(error instanceof ConnectError)) return;
    const { code, details, rawMessage } = this.#translate(call, context, error);
    Object.assign(error, { code, details, rawMessage, message: `[${Code[code]}] ${rawMessage}` });
  }

  #failed(call: Call, request: Request, thrown: unknown): ConnectError {
    const { signal } = request;
    const hasLeft = signal.aborted && thrown === signal.reason && codeOfAbort(thrown) === Code.Canceled;
    return this.#translate(call, request, hasLeft ? new ConnectError("the caller has left", Code.Canceled) : thrown);
  }

  #translate(call: Call, { method }: Request, cause: unknown): ConnectError {
    const { requestId } = call;
    const rename = call.speaksJson && !writesAsProtos(call.values) ? this.#jsonNames : undefined;
    const { error, isUnexpected } = refuse(withFacts(cause, call), requestId, this.#classify, rename);
    if (isUnexpected) {
      this.#log.error({ requestId, rpc: rpcName(method), err: cause }, "unhandled error in a call");
    }
    call.settle(error.code);
    return error;
  }
}

/** The end that a deadline makes of a call, with what was done for it until then. */
function withFacts(cause: unknown, { factsAtDeadline: metadata }: Call): unknown {
  const isDeadline = cause instanceof ConnectError && cause.code === Code.DeadlineExceeded;
  if (!isDeadline || cause.details.length > 0) return cause;
  return new Fault("DEADLINE_PASSED", cause.rawMessage, { metadata }, cause);
}

/** What is needed to judge an error. */
type Request = Pick<HandlerContext, "method" | "signal">;
