import { headReaderOf } from "../calls/adapters.ts";
import { headersOf, isWhole, notAReply, readRefusal, readUnstreamed, urlOf } from "../calls/call.ts";
import { cut } from "../calls/reply-events.ts";
import type { Egress } from "../egress/egress.ts";
import type { EgressResponse } from "../egress/exchange.ts";
import type { Billing, ReplyEvent, Usage } from "../models/conversation.ts";
import { UpstreamFailure } from "../models/failure.ts";
import { asObject, asText } from "../models/json-value.ts";
import { bytesWithoutKey, factsWithoutKey } from "../models/own-key.ts";
import type { Target } from "../models/provider-types.ts";
import { apiFailure } from "../verdicts/refusal.ts";
import type { Api } from "./apis.ts";
import { type JsonBody, readMembers, valueIn } from "./json-members.ts";
import { StreamWatch } from "./stream-watch.ts";

/** A call of an endpoint in the words of its own API, as its caller wrote them. */
export interface PassedCall {
  readonly api: Api;
  readonly path: string;
  readonly bytes: Buffer;
  readonly streamed: boolean;
  /** Whether the usage was asked for by us, and is not for the caller. */
  readonly hidesUsage: boolean;
  /** What of the caller's headers goes along, in small letters. */
  readonly headers: Readonly<Record<string, string>>;
}

/** How a call is made. */
export interface PassOptions {
  readonly signal: AbortSignal;
  /** Sent along for tracing. */
  readonly trace: Readonly<Record<string, string>> | undefined;
}

/** Sends it; throws UpstreamFailure unless the endpoint agrees to reply. */
export async function sendPassed(
  egress: Egress,
  target: Target,
  { path, bytes, streamed, headers }: PassedCall,
  { signal, trace }: PassOptions,
): Promise<EgressResponse> {
  const response = await egress.request({
    ownerId: target.ownerId,
    url: urlOf({ endpointUrl: target.endpointUrl, apiPath: path }),
    method: "POST",
    headers: { ...trace, ...merged(headersOf(target, streamed), headers, target) },
    body: bytes,
    streamed,
    patience: target.patience,
    signal,
  });
  if (response.status < 400) return response;
  throw await readRefusal(target, response);
}

/** A whole reply, as it came, and what it says of itself. */
export interface PassedReply {
  readonly body: JsonBody;
  readonly model: string;
  readonly usage: Usage;
  readonly billing: Billing;
}

/** The reply that an answer is as a whole; throws UpstreamFailure when it is none of this API. */
export async function readPassed(
  egress: Egress,
  target: Target,
  api: Api,
  response: EgressResponse,
): Promise<PassedReply> {
  const bytes = bytesWithoutKey(await readAll(response, egress.limits.bodyBytes), target);
  const body = readMembers(bytes);
  if (body === undefined) throw notAReply(bytes.toString("utf8"), response);
  if (!body.members.some(({ name }) => api.replyMembers.includes(name)) || mayHaveFailed(body)) {
    const error = api.readError(JSON.parse(bytes.toString("utf8")));
    if (error !== undefined) throw apiFailure(target, error, response);
    if (!body.members.some(({ name }) => api.replyMembers.includes(name))) throw notAReply("", response);
  }
  const usage = asObject(valueIn(body, "usage"));
  const head = {
    usage,
    service_tier: valueIn(body, "service_tier"),
    ...(api.name === "responses" && { output: valueIn(body, "output") }),
  };
  return {
    body,
    model: asText(valueIn(body, "model")),
    usage: usage ? api.readUsage(usage) : {},
    billing: {
      ...api.readBilling(head, target.providerType),
      ...headReaderOf(target.providerType)?.(response.headers, target),
    },
  };
}

/** Some of a streamed reply, on its way. */
export type PassedPiece =
  | { readonly type: "bytes"; readonly bytes: readonly Buffer[] }
  /** The reply is whole; these bytes say so, and are empty where the end of the body does. */
  | { readonly type: "end"; readonly bytes: Buffer; readonly usage: Usage; readonly billing: Billing };

/** What is told of a stream beside its bytes. */
export interface PassListener {
  onEvents(events: readonly ReplyEvent[]): void;
  /** However it ends, unless it becomes whole: what the provider has counted so far. */
  onPartialUsage(usage: Usage): void;
}

/** A streamed answer as it arrives. Closes the connection when left. */
export async function* passStream(
  egress: Egress,
  target: Target,
  { api, hidesUsage }: PassedCall,
  response: EgressResponse,
  listener: PassListener,
): AsyncGenerator<PassedPiece> {
  const watch = new StreamWatch({
    api,
    providerType: target.providerType,
    hidesUsage,
    maxEventBytes: egress.limits.lineBytes,
    onEvents: (events) => listener.onEvents(events.map((event) => factsWithoutKey(event, target))),
  });
  let isEnded = false;
  /** What announces the reply waits for what it says: so long, another one can still take its place. */
  let out: Buffer[] = [];
  try {
    if (isWhole(response)) throw await readUnstreamed(egress, target, response);
    while (!isEnded) {
      const pieces = await readPieces(response, watch, out);
      const error = pieces === undefined ? watch.flush(out) : watch.push(pieces, out);
      if (watch.hasSpoken) response.hear();
      if (out.length > 0 && (watch.hasSpoken || watch.isComplete)) {
        yield { type: "bytes", bytes: out.map((bytes) => bytesWithoutKey(bytes, target)) };
        out = [];
      }
      if (error !== undefined) throw apiFailure(target, error, response);
      if (pieces === undefined && !watch.isComplete) throw cut(response);
      if (!watch.isComplete) continue;
      isEnded = true;
      response.finish();
      const billing = { ...watch.billing, ...headReaderOf(target.providerType)?.(response.headers, target) };
      yield { type: "end", bytes: bytesWithoutKey(watch.last, target), usage: watch.usage, billing };
    }
  } finally {
    response.cancel();
    if (!isEnded) listener.onPartialUsage(watch.partialUsage);
  }
}

/** Undefined at the end, which a lost connection is too once the reply is whole. */
async function readPieces(
  response: EgressResponse,
  watch: StreamWatch,
  out: Buffer[],
): Promise<readonly Buffer[] | undefined> {
  try {
    return await response.read();
  } catch (error) {
    if (!(error instanceof UpstreamFailure)) throw error;
    watch.flush(out);
    if (watch.isComplete) return undefined;
    throw error;
  }
}

async function readAll(response: EgressResponse, maxBytes: number): Promise<Buffer> {
  const all: Buffer[] = [];
  let length = 0;
  for (let pieces = await response.read(); pieces !== undefined; pieces = await response.read()) {
    for (const piece of pieces) {
      all.push(piece);
      length += piece.length;
    }
    if (length <= maxBytes) continue;
    response.cancel();
    throw new UpstreamFailure("bad-reply", "the endpoint's reply is too large", { httpStatus: response.status });
  }
  return all.length === 1 ? (all[0] as Buffer) : Buffer.concat(all);
}

/**
 * Whether there may be an error in a body: what is no error for certain is not read. Servers say `"error": null` of what went
 * well.
 */
function mayHaveFailed(body: JsonBody): boolean {
  const member = body.members.find(({ name }) => name === "error");
  return (member !== undefined && valueIn(body, "error") !== null) || hasUnusualEnd(body);
}

/** In a JSON text no word of a model has a quote that nothing stands before. */
const END = 'finish_reason"';
const USUAL_END = /^finish_reason"\s*:\s*("(stop|length|tool_calls|function_call|content_filter)"|null)/;

function hasUnusualEnd({ bytes }: JsonBody): boolean {
  for (let at = bytes.indexOf(END); at !== -1; at = bytes.indexOf(END, at + END.length)) {
    if (!USUAL_END.test(bytes.toString("latin1", at, at + 64))) return true;
  }
  return false;
}

/** A caller may say which version of an API they speak, and which of its betas; the owner's betas stay among them. */
function merged(
  own: Readonly<Record<string, string>>,
  caller: Readonly<Record<string, string>>,
  { config }: Target,
): Record<string, string> {
  const headers: Record<string, string> = { ...own };
  for (const [name, value] of Object.entries(caller)) {
    const said = config?.headers[name];
    if (said === undefined) headers[name] = value;
    else if (name.endsWith("-beta"))
      headers[name] = [...new Set([...said.split(","), ...value.split(",")].map((one) => one.trim()))].join(",");
  }
  return headers;
}
