/**
 * Where the page is: `#/path?query`. A fragment needs no word of the server, so the console works at any path of any
 * proxy.
 */
import { useSyncExternalStore } from "react";

function subscribe(listener: () => void): () => void {
  addEventListener("hashchange", listener);
  return () => removeEventListener("hashchange", listener);
}

const readPath = () => split()[0];
const readQuery = () => split()[1];

function split(): [string, string] {
  const [path = "", query = ""] = location.hash.slice(1).split("?", 2);
  return [path || "/", query];
}

/** The path and what changes it, as wouter asks for it. */
export function useHashPath(): [string, (to: string, options?: { replace?: boolean }) => void] {
  return [useSyncExternalStore(subscribe, readPath), go];
}

export function useHashQuery(): string {
  return useSyncExternalStore(subscribe, readQuery);
}

export function go(to: string, { replace = false }: { replace?: boolean } = {}): void {
  if (!replace) {
    location.hash = to;
    return;
  }
  history.replaceState(null, "", `#${to}`);
  dispatchEvent(new HashChangeEvent("hashchange"));
}
