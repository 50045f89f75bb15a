import { StartError } from "./base/start-error.ts";

/** A setting that cannot be used; the message names it and says what would be right. */
export class ConfigError extends StartError {
  override readonly name = "ConfigError";
}
