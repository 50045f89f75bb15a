import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Reply, ReplyEvent, StopReason } from "../models/conversation.ts";
import { errorIn } from "../models/error-words.ts";
import { GrowingReply } from "../models/growing-reply.ts";
import type { JsonObject } from "../models/json-value.ts";
import type { ProviderType } from "../models/provider-types.ts";
import { readReply } from "./reply.ts";
import { openStream } from "./stream.ts";

/** A reply as a vendor documents it, or as somebody reported it, and what it says. */
interface Case {
  readonly name: string;
  readonly source: string;
  readonly providerType: ProviderType;
  readonly sse?: readonly JsonObject[];
  readonly json?: JsonObject;
  readonly expect: {
    readonly text?: string;
    readonly reasoning?: string;
    readonly calls?: readonly object[];
    readonly usage?: object;
    readonly billing?: object;
    readonly stop?: StopReason;
    readonly hasState?: boolean;
    /** That it is no reply. */
    readonly error?: boolean;
  };
}

const casesOf = (file: string): Case[] => JSON.parse(readFileSync(join(import.meta.dirname, "fixtures", file), "utf8"));
// The second ones are made for the kinds, to see whether what nobody listed is read, too.
const cases = [...casesOf("vendor-replies.json"), ...casesOf("sense-replies.json"), ...casesOf("blind-replies.json")];

it.each(cases)("$name", ({ providerType, sse, json, expect: right }) => {
  const read = sse ? readStream(sse, providerType) : readWhole(json as JsonObject, providerType);
  if (right.error) {
    expect(read).toBeUndefined();
    return;
  }
  const { text, reasoning, toolCalls, usage, billing, stopReason, state } = read as Reply & { state?: unknown };
  const said = {
    text,
    reasoning,
    calls: toolCalls.map(({ name, arguments: given }) => ({ name, arguments: JSON.parse(given) })),
    usage,
    billing,
    stop: stopReason,
    hasState: state !== undefined,
  };
  expect(said).toMatchObject(right);
});

/** Undefined when it is an error. */
function readStream(chunks: readonly JsonObject[], providerType: ProviderType) {
  const reader = openStream(providerType);
  const heard = new GrowingReply();
  for (const data of [...chunks.map((chunk) => JSON.stringify(chunk)), "[DONE]"]) {
    const events: ReplyEvent[] = [];
    if (reader.read(data, events) !== undefined) return undefined;
    for (const event of events) heard.add(event);
  }
  const end = reader.end();
  if (end) heard.add(end);
  return { ...heard.reply, state: reader.stateValue };
}

function readWhole(body: JsonObject, providerType: ProviderType) {
  if (errorIn(body) !== undefined) return undefined;
  const reply = readReply(body, providerType);
  return reply && { ...reply, state: reply.stateValue };
}
