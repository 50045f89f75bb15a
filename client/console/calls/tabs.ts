/** Other tabs of this browser that are at the same server. They are told what was done, and never a key. */
import { serverUrl } from "./transport.ts";

export type Word =
  /** Something was changed that they may show. */
  | { readonly kind: "changed" }
  /** Whoever holds this key has signed out. */
  | { readonly kind: "signed-out"; readonly holder: string };

const channel = new BroadcastChannel(`patchbay ${serverUrl}`);

export function tellTabs(word: Word): void {
  channel.postMessage(word);
}

/** Hears what other tabs tell, until it is told to stop. */
export function onWord(listener: (word: Word) => void): () => void {
  const hear = ({ data }: MessageEvent<Word>) => listener(data);
  channel.addEventListener("message", hear);
  return () => channel.removeEventListener("message", hear);
}
