import type { Place } from "../pages/connect.tsx";

/** What is found on the server's machine. */
export function MachineChoices(_: { onChoose: (place: Place) => void }) {
  return null;
}
