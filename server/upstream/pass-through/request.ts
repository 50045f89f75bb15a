import type { SamplingParams } from "../../base/sampling.ts";
import { isRefusedName } from "../models/client-config.ts";
import { asObject } from "../models/json-value.ts";
import type { Target } from "../models/provider-types.ts";
import { takesStreamOptions } from "../openai/request.ts";
import type { Api, ApiName } from "./apis.ts";
import {
  type JsonBody,
  type JsonMember,
  readMembers,
  readValue,
  removal,
  type Splice,
  splice,
  valueIn,
} from "./json-members.ts";

/** A request as it goes to the endpoint. */
export interface EditedRequest {
  readonly bytes: Buffer;
  /** Whether the usage of the stream is asked for by us alone. */
  readonly asksForUsage: boolean;
  /** The members that the model does not take, and that were taken out. */
  readonly dropped: readonly string[];
}

/** Members of a request that are ours to read: another spelling of one would be read by some servers and not by us. */
const OURS = ["model", "stream", "stream_options"];

/** What a model that takes no sampling parameters is not sent. */
const CHOICES = ["temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty"];

/**
 * A member that a request must not have: one that would move the call of the endpoint, which has the owner's key, to
 * another place or another model. Undefined when there is none.
 */
export function refusedMember({ members }: JsonBody): string | undefined {
  return members
    .map(({ name }) => name)
    .find((name) => !OURS.includes(name) && name !== "messages" && isRefusedName(name));
}

/**
 * A request with the name of the Llm's model, with the Llm's defaults where the caller said nothing, and with the usage of
 * a stream asked for. Every byte that is none of these stays as it came.
 */
export function editRequest(api: Api, target: Target, body: JsonBody, defaults: SamplingParams): EditedRequest {
  const { body: kept, dropped } = withoutChoices(target, body);
  const isStreamed = valueIn(kept, "stream") === true;
  const usage = api.name === "chat-completions" && isStreamed ? usageSplice(target, kept) : undefined;
  const splices: Splice[] = [];
  for (const member of kept.members) {
    if (member.name === "model") splices.push(valueSplice(member, JSON.stringify(target.model)));
    else if (member === usage?.member) splices.push(valueSplice(member, usage.text));
  }
  const added = addedMembers(api, target, kept, defaults);
  if (!kept.members.some(({ name }) => name === "model")) added.unshift(["model", target.model]);
  const texts = added.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  if (usage && !usage.member) texts.push(`"stream_options":${usage.text}`);
  if (texts.length > 0) {
    const text = (kept.members.length > 0 ? "," : "") + texts.join(",");
    splices.push({ start: kept.closesAt, end: kept.closesAt, text });
  }
  return { bytes: splice(kept.bytes, splices), asksForUsage: usage !== undefined, dropped };
}

function valueSplice({ valueStart, end }: JsonMember, text: string): Splice {
  return { start: valueStart, end, text };
}

/** The Llm's own parameters and configuration, as far as the caller left them open. */
function addedMembers(api: Api, target: Target, { members }: JsonBody, defaults: SamplingParams): [string, unknown][] {
  const own = ownMembers(api, target, defaults);
  if (own.length === 0) return [];
  const said = new Set(members.map(({ name }) => name));
  const isSaid = (name: string) =>
    said.has(name) || api.together.some((group) => group.includes(name) && group.some((other) => said.has(other)));
  return own.filter(([name]) => !isSaid(name));
}

type Members = [string, unknown][];

/** What is the same for all calls of an Llm: it is held as long as the Llm is. */
const held = new WeakMap<Target, { readonly defaults: SamplingParams; readonly byApi: Map<ApiName, Members> }>();

function ownMembers(api: Api, target: Target, defaults: SamplingParams): Members {
  let ours = held.get(target);
  if (ours?.defaults !== defaults) {
    ours = { defaults, byApi: new Map() };
    held.set(target, ours);
  }
  const known = ours.byApi.get(api.name);
  if (known) return known;
  const config = Object.entries(target.config?.members ?? {}).filter(([name]) => api.takesMember(name));
  const hasDefaults = Object.keys(defaults).length > 0;
  const sampling = hasDefaults ? Object.entries(api.writeSampling(target, defaults)) : [];
  const open = new Map([...config, ...sampling].filter(([, value]) => value !== undefined));
  if (target.takesSampling === false) for (const name of CHOICES) open.delete(name);
  const members = [...open];
  ours.byApi.set(api.name, members);
  return members;
}

/** Where the usage of a stream is asked for; undefined when the caller does, or the endpoint takes no such question. */
function usageSplice(target: Target, body: JsonBody): { member: JsonMember | undefined; text: string } | undefined {
  const member = body.members.findLast(({ name }) => name === "stream_options");
  const options = member && asObject(readValue(body.bytes, member));
  if (options?.include_usage === true || !takesStreamOptions(target)) return undefined;
  return { member, text: JSON.stringify({ ...options, include_usage: true }) };
}

function withoutChoices(target: Target, body: JsonBody): { body: JsonBody; dropped: readonly string[] } {
  if (target.takesSampling !== false) return { body, dropped: [] };
  const dropped: string[] = [];
  let left = body;
  for (;;) {
    const index = left.members.findIndex(({ name }) => CHOICES.includes(name));
    if (index === -1) return { body: left, dropped };
    dropped.push((left.members[index] as JsonMember).name);
    left = readMembers(splice(left.bytes, [removal(left, index)])) as JsonBody;
  }
}
