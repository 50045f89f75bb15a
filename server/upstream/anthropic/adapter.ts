import type { Adapter } from "../adapter.ts";
import { readError } from "./errors.ts";
import { modelsQuery, readModels } from "./models.ts";
import { readReply } from "./reply.ts";
import { writeRequest } from "./request.ts";
import { openStream } from "./stream.ts";

/** Anthropic's Messages. */
export const anthropic: Adapter = {
  headers: { "anthropic-version": "2023-06-01" },
  writeRequest,
  readReply,
  readError,
  openStream,
  modelsQuery,
  readModels,
};
