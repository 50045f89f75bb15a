import { parseArgs } from "node:util";
import { nearestNames } from "../base/names.ts";
import { ConfigError, environment } from "./config.ts";
import { SETTINGS } from "./settings.ts";

/** What the command line of the server asks for. */
export interface Arguments {
  /** Undefined: to serve. */
  readonly ask: "help" | "version" | "new-api-key" | undefined;
  /** Settings that stand before those of the environment. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Settings that are options, too. The others are not: some are secrets, which everybody who lists processes would read. */
const OPTIONS = { port: "PORT", host: "HOST", "data-dir": "DATA_DIR" } as const;

/** Reads the words behind the command; an unusable one is a ConfigError that names the setting. */
export function readArguments(words: readonly string[], env: NodeJS.ProcessEnv = environment): Arguments {
  refuseEaten(env);
  const { values, tokens } = parseArgs({
    args: [...words],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: {
      help: { type: "boolean", short: "h" },
      version: { type: "boolean", short: "v" },
      "new-api-key": { type: "boolean" },
      port: { type: "string", short: "p" },
      host: { type: "string" },
      "data-dir": { type: "string" },
    },
  });
  for (const token of tokens) {
    if (token.kind === "positional") throw unknown(token.value);
    if (token.kind === "option") requireKnown(token.name, token.rawName, token.value);
  }
  const ask = (["help", "version", "new-api-key"] as const).find((name) => values[name]);
  const given = Object.entries(OPTIONS).filter(([name]) => values[name] !== undefined);
  return { ask, settings: Object.fromEntries(given.map(([name, setting]) => [setting, String(values[name])])) };
}

function requireKnown(name: string, written: string, value: string | undefined): void {
  if (name in OPTIONS) {
    if (value !== undefined && value !== "") return;
    throw new ConfigError(`${written} needs a value, such as ${written} ${EXAMPLES[name as keyof typeof OPTIONS]}.`);
  }
  if (!["help", "version", "new-api-key"].includes(name)) throw unknown(written);
  if (value !== undefined) throw new ConfigError(`${written} takes no value.`);
}

const EXAMPLES: Readonly<Record<keyof typeof OPTIONS, string>> = {
  port: "9000",
  host: "0.0.0.0",
  "data-dir": "./data",
};

function unknown(written: string): ConfigError {
  const name = written.replace(/^-+/, "").split("=", 1)[0] ?? "";
  const options = ["help", "version", "new-api-key", ...Object.keys(OPTIONS)];
  const [near] = nearestNames(name, options);
  const [setting] = nearestNames(
    name,
    SETTINGS.map((one) => one.name),
  );
  const advice = near
    ? `Did you mean --${near}?`
    : setting
      ? `Settings come from the environment: ${setting}=… npm start.`
      : "Settings come from the environment, such as PORT=9000 npm start.";
  return new ConfigError(
    `There is no ${written.startsWith("-") ? "option" : "command"} "${written}". ${advice} See: npm start -- --help`,
  );
}

/** npm keeps options for itself that do not stand behind `--`, and says so in a warning at most. */
function refuseEaten(env: NodeJS.ProcessEnv): void {
  if (env.npm_lifecycle_event !== "start") return;
  for (const [name, setting] of Object.entries(OPTIONS)) {
    const value = env[`npm_config_${name.replace("-", "_")}`];
    if (!value) continue;
    const words = `--${name} ${value === "true" ? EXAMPLES[name as keyof typeof OPTIONS] : value}`;
    throw new ConfigError(
      `npm took --${name} for an option of its own. Write: npm start -- ${words} (or set ${setting})`,
    );
  }
}
