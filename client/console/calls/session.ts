/** Who is signed in: a secret of this tab. It ends with the tab, and is written nowhere else. */
import { useSyncExternalStore } from "react";

export interface Session {
  /** An API key, or a token of the issuer. */
  readonly bearer: string;
  readonly kind: "key" | "token";
}

const STORED = "patchbay.session";
const listeners = new Set<() => void>();
let session = restore();
let farewell = "";

function restore(): Session | undefined {
  try {
    return JSON.parse(sessionStorage.getItem(STORED) ?? "") as Session;
  } catch {
    return undefined;
  }
}

export function signIn(next: Session): void {
  farewell = "";
  change(next);
}

/** Forgets the secret; the sentence is shown where one signs in again. */
export function signOut(sentence = ""): void {
  farewell = sentence;
  change(undefined);
}

export const currentSession = () => session;
export const lastWords = () => farewell;

export function useSession(): Session | undefined {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, currentSession);
}

function change(next: Session | undefined): void {
  session = next;
  try {
    if (next) sessionStorage.setItem(STORED, JSON.stringify(next));
    else sessionStorage.removeItem(STORED);
  } catch {
    // A browser that keeps nothing still has it in memory.
  }
  for (const listener of listeners) listener();
}
