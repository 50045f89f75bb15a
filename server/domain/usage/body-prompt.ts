import { asCount, asObject, asObjects, type JsonObject } from "../../upstream/models/json-value.ts";
import { type JsonBody, readValue } from "../../upstream/pass-through/json-members.ts";
import { estimateText, type Prompt, TOKENS_A_MESSAGE, TOKENS_AN_IMAGE, TOKENS_BEFORE_A_REPLY } from "./cost.ts";

/** Where APIs have what is said: the prompt, and the tools that a model is told of. */
const SAID = new Set(["messages", "input", "system", "instructions", "tools", "functions", "response_format", "text"]);
const MESSAGES = new Set(["messages", "input"]);
const LIMITS = new Set(["max_tokens", "max_completion_tokens", "max_output_tokens"]);

/** What is no text, by the `type` of a part. */
const MEDIA = /^(image|input_image|image_url|input_audio|audio|document|file|input_file|video_url|container_upload)$/;

/** A request in the words of some API as a prompt; it is only parsed if its cost has to be estimated. */
export function bodyPrompt(body: JsonBody): Prompt {
  let counted: Count | undefined;
  const count = () => {
    counted ??= countIn(body);
    return counted;
  };
  const estimate = () => count().tokens + count().media * TOKENS_AN_IMAGE;
  return {
    estimate,
    held: () => estimate() + count().messages * TOKENS_A_MESSAGE + TOKENS_BEFORE_A_REPLY,
    isText: () => count().media === 0,
    maxTokens: () => {
      const member = body.members.findLast(({ name }) => LIMITS.has(name));
      return member && asCount(readValue(body.bytes, member));
    },
  };
}

interface Count {
  tokens: number;
  media: number;
  /** What is said at once, as a text, is one. */
  messages: number;
}

function countIn(body: JsonBody): Count {
  const sum = { tokens: 0, media: 0, messages: 1 };
  for (const member of body.members) {
    if (!SAID.has(member.name)) continue;
    const value = readValue(body.bytes, member);
    add(value, sum, 0);
    if (MESSAGES.has(member.name)) sum.messages = Array.isArray(value) ? asObjects(value).length : 1;
  }
  return sum;
}

/** As deep as no API nests. */
const DEEPEST = 100;

function add(value: unknown, sum: Count, depth: number): void {
  if (depth > DEEPEST) return;
  if (typeof value === "string") sum.tokens += estimateText(value);
  else if (Array.isArray(value)) for (const item of value) add(item, sum, depth + 1);
  else if (asObject(value)) addObject(value as JsonObject, sum, depth);
}

function addObject(object: JsonObject, sum: Count, depth: number): void {
  if (typeof object.type === "string" && MEDIA.test(object.type)) {
    sum.media++;
    return;
  }
  for (const value of Object.values(object)) add(value, sum, depth + 1);
}
