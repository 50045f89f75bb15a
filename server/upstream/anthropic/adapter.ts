import type { Adapter } from "../models/adapter.ts";
import { configNames } from "./config-names.ts";
import { modelsQuery, readModels } from "./models.ts";
import { readReply } from "./reply.ts";
import { refusesPart, writeRequest } from "./request.ts";
import { openStream } from "./stream.ts";

/** Anthropic's Messages. */
export const anthropic: Adapter = {
  headers: { "anthropic-version": "2023-06-01" },
  // There is no JSON without a schema.
  responseFormats: new Set(["text", "json-schema"]),
  configNames,
  writeRequest,
  readReply,
  openStream,
  refusesPart,
  modelsQuery,
  readModels,
};
