import type { Adapter } from "../adapter.ts";
import { readError } from "./errors.ts";
import { modelsQuery, readModels } from "./models.ts";
import { readReply } from "./reply.ts";
import { writeRequest } from "./request.ts";
import { openStream } from "./stream.ts";

/** OpenAI's chat completions, which most servers speak. */
export const openAi: Adapter = {
  headers: {},
  writeRequest,
  readReply,
  readError,
  openStream,
  modelsQuery,
  readModels,
};
