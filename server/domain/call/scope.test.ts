import { describe, expect, it } from "vitest";
import type { EntityManager } from "../../store/store.ts";
import type { Caller, Scope } from "./scope.ts";
import { within } from "./scope.ts";

/** What a call works with: some of it is worked out when it is asked for. */
class Call implements Scope {
  readonly caller = { accountId: "a", apiKeyId: "k" } as Caller;
  readonly em = {} as EntityManager;
  readonly #ending = new AbortController();

  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  get isPastDeadline(): boolean {
    return this.signal.aborted;
  }

  end(): void {
    this.#ending.abort();
  }
}

describe("a call within a transaction", () => {
  it("ends with the call, and has a unit of work of its own", () => {
    const call = new Call();
    const em = {} as EntityManager;
    const inner = within(call, { em });
    expect(inner).toMatchObject({ caller: call.caller, signal: call.signal, isPastDeadline: false });
    expect(inner.em).toBe(em);
    call.end();
    expect([inner.signal.aborted, inner.isPastDeadline]).toEqual([true, true]);
  });

  it("stays within the transaction that it is in already", () => {
    const afterCommit: (() => void)[] = [];
    const outer = within(new Call(), { em: {} as EntityManager, afterCommit });
    expect(within(outer, { em: outer.em }).afterCommit).toBe(afterCommit);
  });
});
