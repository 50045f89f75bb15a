/** The calls that this page has made: whatever it does, anybody can do with the same call. */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { useSyncExternalStore } from "react";
import { type Problem, problemOf } from "./problem.ts";

export interface Call {
  readonly id: number;
  readonly method: DescMethod;
  readonly request: Message;
  readonly startedAt: number;
  /** Until the answer, or the end of a stream; undefined while it runs. */
  readonly tookMs?: number;
  readonly problem?: Problem;
}

const KEPT = 60;
const listeners = new Set<() => void>();
let calls: readonly Call[] = [];
let last = 0;

/** Notes a call and returns what notes its end. */
export function noteCall(method: DescMethod, request: Message): (error?: unknown) => void {
  last += 1;
  const call: Call = { id: last, method, request, startedAt: Date.now() };
  change([call, ...calls].slice(0, KEPT));
  const began = performance.now();
  return (error) => {
    const problem = error === undefined ? undefined : problemOf(error);
    const ended: Call = { ...call, tookMs: performance.now() - began, ...(problem && { problem }) };
    change(calls.map((other) => (other.id === call.id ? ended : other)));
  };
}

export function useCalls(): readonly Call[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => calls,
  );
}

function change(next: readonly Call[]): void {
  calls = next;
  for (const listener of listeners) listener();
}
