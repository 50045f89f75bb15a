import { randomUUID } from "node:crypto";
import { Code, type ConnectError, createContextKey, type HandlerContext, type Interceptor } from "@connectrpc/connect";
import type { Logger } from "../../base/logger.ts";
import { type Classify, refuse } from "./refusal.ts";

const recordKey = createContextKey<CallRecord | undefined>(undefined, { description: "id and start of the call" });

interface CallRecord {
  readonly requestId: string;
  readonly startedAt: number;
  readonly protocol: string;
}

const REQUEST_ID_HEADER = "x-request-id";

/** Gives every call an id and its one line in the log, and translates its errors, however far it came. */
export class CallRecords {
  readonly #log: Logger;
  readonly #classify: Classify;

  constructor({ log, classify }: { log: Logger; classify: Classify }) {
    this.#log = log;
    this.#classify = classify;
  }

  /** Wraps what decides about a call before its body is read. */
  gate(admit: (context: HandlerContext) => Promise<void>): (context: HandlerContext) => Promise<void> {
    return async (context) => {
      const record = { requestId: randomUUID(), startedAt: performance.now(), protocol: context.protocolName };
      context.values.set(recordKey, record);
      context.responseHeader.set(REQUEST_ID_HEADER, record.requestId);
      try {
        await admit(context);
      } catch (error) {
        throw this.#failed(record, context.method.toString(), error);
      }
    };
  }

  /** Outermost of the interceptors. */
  interceptor(): Interceptor {
    return (next) => async (request) => {
      const record = request.contextValues.get(recordKey);
      if (!record) throw new Error("a call came past its gate");
      const name = request.method.toString();
      try {
        const response = await next(request);
        if (response.stream) return { ...response, message: this.#watched(record, name, response.message) };
        this.#ended(record, name, undefined);
        return response;
      } catch (error) {
        throw this.#failed(record, name, error);
      }
    };
  }

  async *#watched<T>(record: CallRecord, name: string, messages: AsyncIterable<T>): AsyncGenerator<T> {
    let outcome: "left" | "done" | "failed" = "left";
    try {
      yield* messages;
      outcome = "done";
    } catch (error) {
      outcome = "failed";
      throw this.#failed(record, name, error);
    } finally {
      if (outcome !== "failed") this.#ended(record, name, outcome === "left" ? Code.Canceled : undefined);
    }
  }

  #failed(record: CallRecord, name: string, cause: unknown): ConnectError {
    const { error, isUnexpected } = refuse(cause, record.requestId, this.#classify);
    if (isUnexpected)
      this.#log.error({ requestId: record.requestId, rpc: name, err: cause }, "a call failed unexpectedly");
    this.#ended(record, name, error.code);
    return error;
  }

  #ended({ requestId, startedAt, protocol }: CallRecord, name: string, code: Code | undefined): void {
    const ms = Math.round((performance.now() - startedAt) * 10) / 10;
    this.#log.info({ requestId, rpc: name, protocol, code: code === undefined ? "Ok" : Code[code], ms }, "call");
  }
}
