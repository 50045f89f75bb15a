import type { HandlerContext } from "@connectrpc/connect";
import type { Labels } from "../../domain/chat/attempt.ts";
import { asObject, parseObject } from "../../upstream/models/json-value.ts";
import { type JsonBody, valueIn } from "../../upstream/pass-through/json-members.ts";
import { headerIn, headerNamesIn } from "../call/context.ts";

/** Labels that one call may bring along; what is beyond is left out. */
const MAX_LABELS = 16;
const MAX_KEY_LENGTH = 64;
const MAX_VALUE_LENGTH = 128;

/** Headers such as `x-litellm-tags`: a list of words, or of `key=value` and `key:value`. */
const TAGS = /^x-(?:[a-z0-9-]+-)?tags$/;

/** What a caller says of a call for the books: its `user`, its `metadata`, and the tags in its headers. */
export function labelsOf(body: JsonBody, context: HandlerContext): Labels {
  const labels: Record<string, string> = {};
  const add = (key: string, value: unknown) => {
    const name = key.trim().slice(0, MAX_KEY_LENGTH);
    const isScalar = ["string", "number", "boolean"].includes(typeof value);
    const text = isScalar ? storable(String(value)) : "";
    if (name === "" || text === "" || Object.hasOwn(labels, name)) return;
    if (Object.keys(labels).length < MAX_LABELS) labels[storable(name)] = text;
  };
  add("user", valueIn(body, "user"));
  for (const [key, value] of Object.entries(asObject(valueIn(body, "metadata")) ?? {})) {
    if (key === "user_id") add("user", userIn(value));
    else add(key, value);
  }
  for (const name of headerNamesIn(context)) {
    if (!TAGS.test(name)) continue;
    for (const tag of headerIn(context, name)?.split(",") ?? []) {
      const [key = "", text = "true"] = tag.trim().split(/[=:](.*)/s);
      add(key, text);
    }
  }
  return labels;
}

/** Claude Code says who it is as a text of JSON, with a session in it that is another each time. */
function userIn(value: unknown): unknown {
  const said = typeof value === "string" && value.startsWith("{") ? parseObject(value) : undefined;
  return said ? said.account_uuid || said.device_id : value;
}

/** PostgreSQL stores no NUL, and no half of a character. */
function storable(text: string): string {
  return text.replaceAll("\0", "").slice(0, MAX_VALUE_LENGTH).toWellFormed();
}
