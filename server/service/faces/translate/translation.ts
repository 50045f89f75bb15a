import { invalidField } from "../../../base/fault.ts";
import { onOneLine } from "../../../base/one-line.ts";
import type { ReplyFacts } from "../../../domain/chat/attempt.ts";
import type { Untold } from "../../../upstream/models/adapter.ts";
import type {
  ContentPart,
  ModelRequest,
  ProviderState,
  Reply,
  ReplyEvent,
  Thinking,
} from "../../../upstream/models/conversation.ts";
import { asObject, type JsonObject } from "../../../upstream/models/json-value.ts";
import type { ApiName } from "../../../upstream/pass-through/apis.ts";
import { presentState, readState } from "../../chat/provider-state.ts";

/** What is not told, by the names of most of the APIs. */
const UNTOLD: Readonly<Partial<Record<Untold, string>>> = {
  thinking: "reasoning_effort",
  callsOneTool: "parallel_tool_calls",
  cache: "cache_control",
};
/** Where one has another name for it. */
const NAMES: Readonly<Partial<Record<ApiName, Partial<Record<Untold, string>>>>> = {
  messages: { thinking: "thinking", callsOneTool: "tool_choice.disable_parallel_tool_use" },
  responses: { thinking: "reasoning" },
};

/** What of a request was left out, by names such as `tools.web_search`: the caller is told in a header. */
export class Losses {
  readonly #names = new Set<string>();

  add(name: string): void {
    this.#names.add(name.replace(/[^\w.-]/g, "_").slice(0, 64));
  }

  /** Members that nobody has read, and that say something. */
  addUnread(body: JsonObject, read: ReadonlySet<string>): void {
    for (const [name, value] of Object.entries(body)) if (value !== null && !read.has(name)) this.add(name);
  }

  /** What the endpoint is not told, by the names that the caller's API has for it. */
  addUntold(api: ApiName, untold: Iterable<Untold>): void {
    for (const what of untold) this.add(NAMES[api]?.[what] ?? UNTOLD[what] ?? what);
  }

  get names(): readonly string[] {
    return [...this.#names];
  }
}

/** A request of an API in words that no API owns, and what it takes to answer in the words of that API. */
export interface Translated {
  readonly request: ModelRequest;
  readonly losses: Losses;
  /** Makes the answer. */
  readonly writer: ReplyWriter;
}

/** Writes replies in the words of an API. */
export interface ReplyWriter {
  whole(reply: Reply, facts: ReplyFacts): JsonObject;
  /** The events of a stream: for each of ours, the texts of those of the API. */
  event(event: Exclude<ReplyEvent, { type: "end" }>): string;
  /** What ends the stream: all that comes before its last event, and that. */
  end(event: Extract<ReplyEvent, { type: "end" }>, facts: ReplyFacts): readonly [before: string, last: string];
}

/** How an API reads requests. */
export type Translator = (body: JsonObject) => Translated;

const EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;

/** How much a model shall think, by a word that two of the APIs have; undefined when none is said. */
export function readEffort(effort: unknown, field: string): Thinking | undefined {
  if (effort === undefined || effort === null) return undefined;
  const known = EFFORTS.find((word) => word === effort);
  if (known === undefined) throw invalidField(field, `must be one of ${EFFORTS.join(", ")}`);
  return { effort: known };
}

/** A mark for a cache, as a member to spread; nothing where there is none. */
export function cacheOf({ cache_control }: JsonObject): { readonly cache?: JsonObject } {
  const cache = asObject(cache_control);
  return cache ? { cache } : {};
}

/** A text, or the refusal of what is none. */
export function requireText(value: unknown, field: string): string {
  if (typeof value === "string") return value;
  throw invalidField(field, "must be a text");
}

/** A list, or the refusal of what is none, which says what may stand there. */
export function requireList(value: unknown, field: string, what = "a list"): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw invalidField(field, value === undefined ? `is missing: give ${what}` : `must be ${what}`);
}

/** An object, or the refusal of what is none. */
export function requireObject(value: unknown, field: string): JsonObject {
  const object = asObject(value);
  if (object) return object;
  throw invalidField(field, "must be an object");
}

/** A number; undefined when it is left out. */
export function optionalNumber(body: JsonObject, ...names: readonly string[]): number | undefined {
  for (const name of names) {
    const value = body[name] ?? undefined;
    if (value === undefined) continue;
    if (typeof value !== "number") throw invalidField(name, "must be a number");
    return value;
  }
  return undefined;
}

/** One text or several; undefined when they are left out. */
export function optionalTexts(value: unknown, field: string): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  return (typeof value === "string" ? [value] : requireList(value, field)).map((one) => requireText(one, field));
}

/** What an image's address stands for: bytes in the address itself, or an image that the provider fetches. */
export function imagePart(url: string, field: string): ContentPart {
  const [, mediaType, data] = /^data:([\w.+/-]+)(?:;[^,;]+)*;base64,(.*)$/s.exec(url) ?? [];
  if (mediaType !== undefined && data !== undefined) return bytesPart(mediaType, data);
  if (url.startsWith("data:")) throw invalidField(field, "must be an https address, or data:…;base64,…");
  return { type: "image-url", url };
}

/** An image by its bytes in base64. */
export function bytesPart(mediaType: string, base64: string): ContentPart {
  return { type: "image-data", mediaType, data: new Uint8Array(Buffer.from(base64, "base64")) };
}

/** A file by its bytes, in an address of data. */
export function filePart(address: string, name: string, field: string): ContentPart {
  const [, mediaType, data] = /^data:([\w.+/-]+)(?:;[^,;]+)*;base64,(.*)$/s.exec(address) ?? [];
  if (mediaType === undefined || data === undefined) throw invalidField(field, "must be data:…;base64,…");
  return { type: "file-data", mediaType, name, data: new Uint8Array(Buffer.from(data, "base64")) };
}

/** What stands before the state of a provider where an API has room for one of its own. */
const STATE = "pb1.";

/** The state of a reply as its caller carries it, in a place that the API has for what it signs. */
export function carriedState(state: ProviderState | undefined): string {
  return STATE + presentState(state);
}

/** The same, as it comes back; undefined when it is none of ours. */
export function broughtState(text: unknown, field: string): ProviderState | undefined {
  return isOurs(text) ? readState(text.slice(STATE.length), field) : undefined;
}

/** Whether a text is a state that was given out here. */
export function isOurs(text: unknown): text is string {
  return typeof text === "string" && text.startsWith(STATE);
}

/** Bytes that every request has that brings such a state back. */
export const STATE_MARK = Buffer.from(`"${STATE}`);

/** A message of nothing but a text. */
export function textMessage(role: "system" | "user" | "assistant", text: string) {
  return { role, parts: [{ type: "text" as const, text }], toolCalls: [] };
}

/** An event of a stream that has no name. */
export function dataEvent(value: unknown): string {
  return `data: ${onOneLine(JSON.stringify(value))}\n\n`;
}

/** An event with its type as its name. */
export function namedEvent(value: { readonly type: string }): string {
  return `event: ${value.type}\ndata: ${onOneLine(JSON.stringify(value))}\n\n`;
}
