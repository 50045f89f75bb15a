import type { Adapter } from "../models/adapter.ts";
import { configNames } from "./config-names.ts";
import { modelsQuery, readModels } from "./models.ts";
import { readReply } from "./reply.ts";
import { refusesPart, writeRequest } from "./request.ts";
import { openStream } from "./stream.ts";

/** OpenAI's chat completions, which most servers speak. */
export const openAi: Adapter = {
  headers: {},
  responseFormats: new Set(["text", "json-object", "json-schema"]),
  configNames,
  writeRequest,
  readReply,
  openStream,
  refusesPart,
  modelsQuery,
  readModels,
};
