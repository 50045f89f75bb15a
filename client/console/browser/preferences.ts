/** How somebody likes the console: kept in the browser, and nothing of it is secret. */
import { useSyncExternalStore } from "react";

export interface Preferences {
  readonly theme: "system" | "light" | "dark";
  /** Whether single keys are shortcuts. */
  readonly shortcuts: boolean;
  /** The columns of the table of Llms that are not shown. */
  readonly hiddenColumns: Readonly<Record<string, boolean>>;
}

const STORED = "patchbay.preferences";
const DEFAULTS: Preferences = {
  theme: "system",
  shortcuts: true,
  hiddenColumns: { endpoint: true, owner: true, updated: true, labels: true, total: true },
};
const listeners = new Set<() => void>();
let preferences: Preferences = { ...DEFAULTS, ...restore() };

function restore(): Partial<Preferences> {
  try {
    return JSON.parse(localStorage.getItem(STORED) ?? "{}") as Partial<Preferences>;
  } catch {
    return {};
  }
}

export function prefer(changes: Partial<Preferences>): void {
  preferences = { ...preferences, ...changes };
  try {
    localStorage.setItem(STORED, JSON.stringify(preferences));
  } catch {
    // They last as long as the page, then.
  }
  applyTheme();
  for (const listener of listeners) listener();
}

export function usePreferences(): Preferences {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => preferences,
  );
}

export function applyTheme(): void {
  const { theme } = preferences;
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}
