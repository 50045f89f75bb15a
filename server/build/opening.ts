import type { Logger } from "../base/logger.ts";
import type { Config } from "../config.ts";

/** Undoes a step of opening. */
export type Closer = () => Promise<void> | void;

/** What every step of opening a server has. */
export interface Opening {
  readonly config: Config;
  readonly log: Logger;
  /** What undoes the steps so far; the last one goes first. */
  readonly closers: Closer[];
}

/** Tells the log of what goes on in the background. */
export function warner({ log }: Opening): (message: string) => void {
  return (message) => log.warn({}, message);
}
