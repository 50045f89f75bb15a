import type { ConfigNames } from "../models/client-config.ts";

/** What Anthropic's Messages take beside what a chat says. */
export const configNames: ConfigNames = {
  members: new Set([
    "cache_control",
    "container",
    "context_management",
    "inference_geo",
    "metadata",
    "output_config",
    "service_tier",
    "speed",
    "thinking",
  ]),
  headers: new Set(["anthropic-beta", "anthropic-version"]),
};
