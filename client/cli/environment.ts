import { homedir, platform } from "node:os";
import { join } from "node:path";

/** What the command takes from the environment, read in this one place. */
export interface Environment {
  /** Where the server is, in place of a context's. */
  readonly url: string;
  /** An API key, in place of a context's. */
  readonly apiKey: string;
  /** The context to use. */
  readonly context: string;
  /** The folder of contexts and of keys that no keychain keeps. */
  readonly configDir: string;
  /** The file that lines typed into `chat` are kept in; empty to keep them nowhere. */
  readonly chatHistory: string;
  readonly editor: string;
  /** Whether the operating system's keychain may be asked. */
  readonly keychain: boolean;
  /** Any other variable, for secrets that a user names; undefined if it is not set. */
  variable(name: string): string | undefined;
}

/** Reads the variables that `patchbay help environment` lists. */
export function readEnvironment(env: NodeJS.ProcessEnv = process.env): Environment {
  const read = (name: string) => env[name]?.trim() ?? "";
  return Object.freeze({
    url: read("PATCHBAY_URL"),
    apiKey: read("PATCHBAY_API_KEY"),
    context: read("PATCHBAY_CONTEXT"),
    configDir: read("PATCHBAY_CONFIG_DIR") || defaultConfigDir(read),
    chatHistory: read("PATCHBAY_CHAT_HISTORY"),
    editor: read("VISUAL") || read("EDITOR") || (platform() === "win32" ? "notepad" : "vi"),
    keychain: read("PATCHBAY_KEYCHAIN") !== "off",
    variable: (name: string) => env[name],
  });
}

function defaultConfigDir(read: (name: string) => string): string {
  if (platform() === "win32") return join(read("APPDATA") || join(homedir(), "AppData", "Roaming"), "patchbay");
  return join(read("XDG_CONFIG_HOME") || join(homedir(), ".config"), "patchbay");
}

/** What `patchbay help environment` prints. */
export const ENVIRONMENT_HELP = `The command reads these variables:

  PATCHBAY_URL           Where the server is, such as https://patchbay.example.com; before any context.
  PATCHBAY_API_KEY       The API key to call with; before any context.
  PATCHBAY_CONTEXT       The context to use, as --context.
  PATCHBAY_CONFIG_DIR    Where contexts are kept. Default: ~/.config/patchbay.
  PATCHBAY_KEYCHAIN      off: keys go into a file with mode 0600, and the keychain of the system is not asked.
  PATCHBAY_CHAT_HISTORY  A file that keeps what you type into chat, mode 0600. Default: it is forgotten.
  VISUAL, EDITOR         What edit opens. Default: vi.
  NO_COLOR, FORCE_COLOR  No colours, or colours also where the output is no terminal.
  NODE_EXTRA_CA_CERTS    Certificates of a private authority that your server has its own from, in PEM.

The server has settings of its own: patchbay serve --help.
`;
