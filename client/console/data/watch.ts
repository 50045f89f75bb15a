import { useEffect, useRef, useSyncExternalStore } from "react";
import { problemOf } from "../calls/problem.ts";
import { queryClient } from "../calls/query.ts";
import { signOut } from "../calls/session.ts";

export type WatchState = "connecting" | "live" | "paused";

/** An rpc that tells of changes, and what is done with what it tells. */
export interface Watch<Event extends { readonly resumeToken: string }> {
  /** Calls it, from behind the event of that token or, if it is empty, from now on. */
  readonly open: (resumeToken: string, signal: AbortSignal) => AsyncIterable<Event>;
  readonly onEvent: (event: Event) => void;
  /** Has all of it asked again, where something may have been missed. */
  readonly refresh: () => void;
}

const RETRY_MS = [500, 1_000, 2_000, 5_000, 10_000];
const listeners = new Set<() => void>();
/** Of each watch that is under way. */
const states = new Map<object, WatchState>();

function tell(watch: object, state: WatchState | undefined): void {
  if (states.get(watch) === state) return;
  if (state) states.set(watch, state);
  else states.delete(watch);
  for (const listener of listeners) listener();
}

function worst(): WatchState {
  const all = [...states.values()];
  return (["paused", "connecting", "live"] as const).find((state) => all.includes(state)) ?? "connecting";
}

/** Whether the page shows what is there now, as far as it watches. */
export function useWatchState(): WatchState {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, worst);
}

/**
 * Follows changes while the page is looked at. A hidden page watches nothing, as a browser has few connections to one
 * place; it resumes where it was.
 */
export function useWatch<Event extends { readonly resumeToken: string }>(watch: Watch<Event>): void {
  const latest = useRef(watch);
  latest.current = watch;
  useEffect(() => {
    const id = {};
    let resumeToken = "";
    let failures = 0;
    let abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;

    const run = async () => {
      abort = new AbortController();
      const { signal } = abort;
      try {
        for await (const event of latest.current.open(resumeToken, signal)) {
          // Without a token there is no telling what was missed since the lists were asked for.
          if (resumeToken === "") latest.current.refresh();
          if (failures > 0) askFailedAgain();
          failures = 0;
          resumeToken = event.resumeToken || resumeToken;
          tell(id, "live");
          latest.current.onEvent(event);
        }
      } catch (error) {
        if (signal.aborted) return;
        const problem = problemOf(error);
        if (problem.isUnauthenticated) return signOut(problem.message);
        if (problem.reason === "RESUME_TOKEN_EXPIRED" || problem.reason === "RESUME_TOKEN_INVALID") {
          resumeToken = "";
          latest.current.refresh();
        }
        if (problem.reason === "PERMISSION_MISSING") return tell(id, "paused");
      }
      if (signal.aborted) return;
      tell(id, "connecting");
      timer = setTimeout(run, RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]);
      failures += 1;
    };
    const stop = () => {
      clearTimeout(timer);
      abort.abort();
    };
    const onVisibility = () => {
      stop();
      if (document.hidden) tell(id, "paused");
      else void run();
    };
    document.addEventListener("visibilitychange", onVisibility);
    tell(id, document.hidden ? "paused" : "connecting");
    if (!document.hidden) void run();
    return () => {
      document.removeEventListener("visibilitychange", onVisibility);
      stop();
      tell(id, undefined);
    };
  }, []);
}

/** Once a server is there again: what is on the screen and could not be asked of it before. */
function askFailedAgain(): void {
  void queryClient.refetchQueries({ type: "active", predicate: ({ state }) => state.status === "error" });
}
