import { homedir, platform } from "node:os";
import { join } from "node:path";
import { type Config, environmentWith, readConfig } from "../config/config.ts";

/** The settings of every command on the server's machine: those of the environment, on a data folder that is usual. */
export function readSettings(first: Readonly<Record<string, string>> = {}): Config {
  return readSettingsOf(environmentWith(first, {}));
}

/** The same of an environment that is given. */
export function readSettingsOf(environment: NodeJS.ProcessEnv): Config {
  return readConfig(isInstalled() ? { DATA_DIR: usualDataDir(), ...environment } : environment);
}

/** Whether this is the built package; in a clone, data stay beside the sources. */
function isInstalled(): boolean {
  return import.meta.filename.endsWith(".js");
}

/** Where programs of this platform keep what is theirs. */
function usualDataDir(): string {
  const { XDG_DATA_HOME = "" } = environmentWith({}, {});
  if (platform() === "darwin") return join(homedir(), "Library", "Application Support", "patchbay", "data");
  return join(XDG_DATA_HOME || join(homedir(), ".local", "share"), "patchbay", "data");
}
