import type { Adapter } from "../models/adapter.ts";
import { configNames } from "./config-names.ts";
import { readError } from "./errors.ts";
import { modelsQuery, readModels } from "./models.ts";
import { readReply } from "./reply.ts";
import { writeRequest } from "./request.ts";
import { openStream } from "./stream.ts";

/** Anthropic's Messages. */
export const anthropic: Adapter = {
  headers: { "anthropic-version": "2023-06-01" },
  // There is no JSON without a schema.
  responseFormats: new Set(["text", "json-schema"]),
  configNames,
  writeRequest,
  readReply,
  readError,
  openStream,
  modelsQuery,
  readModels,
};
