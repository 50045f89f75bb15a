import { createClient } from "@connectrpc/connect";
import { useEffect, useRef, useSyncExternalStore } from "react";
import { WatchLlmsResponse_Kind as Kind, LlmService } from "../../../gen/patchbay/v1/llm_service_pb.ts";
import { transport } from "../calls/transport.ts";
import { keepLlm, refreshLlms, refreshShortLists } from "./llms.ts";
import { useWatch } from "./watch.ts";

/** What changes an Llm, and not which ones there are. */
const OF_ONE = new Set<number>([Kind.UPDATED, Kind.STATUS_CHANGED, Kind.MODEL_CHANGED]);
const client = createClient(LlmService, transport);
const listeners = new Set<() => void>();
const followers = new Set<() => void>();
let unseen = false;

function change(next: boolean): void {
  if (unseen === next) return;
  unseen = next;
  for (const listener of listeners) listener();
}

/** Has something done whenever an Llm has changed, as far as useLlmWatch hears of it. */
export function useLlmChanges(onChange: () => void): void {
  const latest = useRef(onChange);
  latest.current = onChange;
  useEffect(() => {
    const follower = () => latest.current();
    followers.add(follower);
    return () => void followers.delete(follower);
  }, []);
}

/** Whether there are Llms that a long list does not have yet. */
export const useUnseen = () =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => unseen,
  );

export function showUnseen(): void {
  change(false);
  refreshLlms();
}

/** Keeps every Llm on the screen as it is, whoever changes it. */
export function useLlmWatch(): void {
  useWatch({
    open: (resumeToken, signal) => client.watchLlms({ resumeToken }, { signal }),
    refresh: refreshLlms,
    onEvent: ({ kind, llm }) => {
      if (kind === Kind.CAUGHT_UP) return;
      if (llm) keepLlm(llm);
      for (const follower of followers) follower();
      if (!OF_ONE.has(kind) && !refreshShortLists()) change(true);
    },
  });
}
