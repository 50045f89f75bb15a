import type { Adapter } from "../models/adapter.ts";
import type { ConfigNames } from "../models/client-config.ts";
import { modelsQuery, readModels } from "./models.ts";
import { readReply } from "./reply.ts";
import { leavesOut, refusesPart, writeRequest } from "./request.ts";
import { openStream } from "./stream.ts";

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

/** Anthropic's Messages. */
export const anthropic: Adapter = {
  headers: { "anthropic-version": "2023-06-01" },
  // There is no JSON without a schema.
  responseFormats: new Set(["text", "json-schema"]),
  configNames,
  writeRequest,
  leavesOut,
  readReply,
  openStream,
  refusesPart,
  modelsQuery,
  readModels,
};
