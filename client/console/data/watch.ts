import { useEffect, useSyncExternalStore } from "react";
import { WatchLlmsResponse_Kind as Kind } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { problemOf } from "../calls/problem.ts";
import { signOut } from "../calls/session.ts";
import { llmClient } from "../calls/transport.ts";
import { keepLlm, refreshLlms, refreshShortLists } from "./llms.ts";

export type WatchState = "connecting" | "live" | "paused";

const RETRY_MS = [500, 1_000, 2_000, 5_000, 10_000];
/** What changes an Llm, and not which ones there are. */
const OF_ONE = new Set<number>([Kind.UPDATED, Kind.STATUS_CHANGED, Kind.MODEL_CHANGED]);
const listeners = new Set<() => void>();
let state: WatchState = "connecting";
let unseen = false;

function change(next: WatchState, hasUnseen = unseen): void {
  if (state === next && unseen === hasUnseen) return;
  state = next;
  unseen = hasUnseen;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const useWatchState = () => useSyncExternalStore(subscribe, () => state);

/** Whether there are Llms that a long list does not have yet. */
export const useUnseen = () => useSyncExternalStore(subscribe, () => unseen);

export function showUnseen(): void {
  change(state, false);
  refreshLlms();
}

/**
 * Follows the changes of Llms while the page is looked at. A hidden page watches nothing, as a browser has few
 * connections to one place; it resumes where it was.
 */
export function useLlmWatch(isEnabled: boolean): void {
  useEffect(() => {
    if (!isEnabled) return;
    let resumeToken = "";
    let failures = 0;
    let abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;

    const run = async () => {
      abort = new AbortController();
      const { signal } = abort;
      try {
        for await (const event of llmClient.watchLlms({ resumeToken }, { signal })) {
          // Without a token there is no telling what was missed since the lists were asked for.
          if (resumeToken === "") refreshLlms();
          failures = 0;
          resumeToken = event.resumeToken || resumeToken;
          change("live");
          if (event.kind === Kind.CAUGHT_UP) continue;
          if (event.llm) keepLlm(event.llm);
          const isOfLists = !OF_ONE.has(event.kind);
          if (isOfLists && !refreshShortLists()) change("live", true);
        }
      } catch (error) {
        if (signal.aborted) return;
        const problem = problemOf(error);
        if (problem.isUnauthenticated) return signOut(problem.message);
        if (problem.reason === "RESUME_TOKEN_EXPIRED" || problem.reason === "RESUME_TOKEN_INVALID") {
          resumeToken = "";
          refreshLlms();
        }
        if (problem.reason === "PERMISSION_MISSING") return change("paused");
      }
      if (abort.signal.aborted) return;
      change("connecting");
      timer = setTimeout(run, RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]);
      failures += 1;
    };
    const stop = () => {
      clearTimeout(timer);
      abort.abort();
    };
    const onVisibility = () => {
      stop();
      if (document.hidden) change("paused");
      else void run();
    };
    document.addEventListener("visibilitychange", onVisibility);
    if (!document.hidden) void run();
    return () => {
      document.removeEventListener("visibilitychange", onVisibility);
      stop();
    };
  }, [isEnabled]);
}
