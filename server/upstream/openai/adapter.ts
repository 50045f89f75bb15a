import type { Adapter } from "../models/adapter.ts";
import { configNames } from "./config-names.ts";
import { readError } from "./errors.ts";
import { modelsQuery, readModels } from "./models.ts";
import { readReply } from "./reply.ts";
import { writeRequest } from "./request.ts";
import { openStream } from "./stream.ts";

/** OpenAI's chat completions, which most servers speak. */
export const openAi: Adapter = {
  headers: {},
  responseFormats: new Set(["text", "json-object", "json-schema"]),
  configNames,
  writeRequest,
  readReply,
  readError,
  openStream,
  modelsQuery,
  readModels,
};
