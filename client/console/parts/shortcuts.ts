import { useEffect, useRef } from "react";
import { usePreferences } from "../browser/preferences.ts";

const SEQUENCE_MS = 1_200;

/** Keys, or two in a row such as `g l`. They rest while somebody types, while a dialog is open, and if they are off. */
export function useShortcuts(shortcuts: Readonly<Record<string, () => void>>): void {
  const { shortcuts: isOn } = usePreferences();
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  useEffect(() => {
    let before = "";
    let at = 0;
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      const target = event.target as HTMLElement;
      const isTyping = target.matches("input:not([type=checkbox]), textarea, select, [contenteditable]");
      if (event.key === "Escape" && isTyping) return target.blur();
      if (!isOn || isTyping || document.querySelector("[role=dialog], [role=menu]:not([hidden])")) return;
      const sequence = event.timeStamp - at < SEQUENCE_MS ? `${before} ${event.key}` : "";
      const run = latest.current[sequence] ?? latest.current[event.key];
      before = run ? "" : event.key;
      at = event.timeStamp;
      if (!run) return;
      event.preventDefault();
      run();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [isOn]);
}

/** Lets j and k go through the links of rows, which have `data-row`. */
export function useRowKeys(): void {
  const move = (step: number) => {
    const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")];
    const at = rows.indexOf(document.activeElement as HTMLElement);
    rows[at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step]?.focus();
  };
  useShortcuts({ j: () => move(1), k: () => move(-1) });
}
