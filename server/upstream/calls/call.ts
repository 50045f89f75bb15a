import type { SamplingParams } from "../../base/sampling.ts";
import type { Egress } from "../egress/egress.ts";
import type { EgressResponse } from "../egress/exchange.ts";
import { malformed, type StreamReader } from "../models/adapter.ts";
import type { ModelRequest, Reply, ReplyEvent, Usage } from "../models/conversation.ts";
import { EventStreamSplitter } from "../models/event-stream.ts";
import { apiFailure, refusalOf, UpstreamFailure } from "../models/failure.ts";
import { type JsonObject, parseObject } from "../models/json-value.ts";
import type { Target } from "../models/provider-types.ts";
import { adapterOf } from "./adapters.ts";

/** Of an error, more than this is not read. */
const MAX_ERROR_BYTES = 64 * 1024;

/** How a call is made. */
export interface CallOptions {
  readonly streamed: boolean;
  readonly signal: AbortSignal;
  /** Sent beside those of the API; none of them comes in the place of the key. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Sends one request to a model; throws UpstreamFailure unless the endpoint agrees to reply. */
export async function sendCall(
  egress: Egress,
  target: Target,
  request: ModelRequest,
  { streamed, signal, headers }: CallOptions,
): Promise<EgressResponse> {
  const response = await egress.request({
    ownerId: target.ownerId,
    url: urlOf(target),
    method: "POST",
    headers: { ...headers, ...headersOf(target, streamed) },
    body: JSON.stringify(bodyOf(target, request, streamed)),
    streamed,
    signal,
  });
  if (response.status < 400) return response;
  throw await readRefusal(target, response);
}

/** The reply that an answer is as a whole. */
export async function readReply(egress: Egress, target: Target, response: EgressResponse): Promise<Reply> {
  const adapter = adapterOf(target.providerType);
  const text = await response.text(egress.limits.bodyBytes);
  const body = parseObject(text);
  const error = body === undefined ? undefined : adapter.readError(body);
  if (error !== undefined) throw apiFailure(target, error, response);
  const reply = body === undefined ? undefined : adapter.readReply(body);
  if (reply !== undefined) return reply;
  throw notAReply(text, response);
}

/** The failure that a text is in the place of a reply. */
export function notAReply(text: string, { status }: EgressResponse): UpstreamFailure {
  const isPage = text.trimStart().startsWith("<");
  const sentence = `the endpoint answered with ${isPage ? "a web page" : "something that is no reply of the provider's API"}`;
  const advice = "check the endpoint URL (mostly it ends with /v1) and the API path";
  return new UpstreamFailure("bad-reply", `${sentence}: ${advice}`, { httpStatus: status });
}

/**
 * The events of a streamed answer; those that arrived together are in one array. Closes the connection when left. However it
 * ends, `counted` is told what the provider has counted.
 */
export async function* readReplyEvents(
  egress: Egress,
  target: Target,
  response: EgressResponse,
  counted?: (usage: Usage) => void,
): AsyncGenerator<readonly ReplyEvent[]> {
  const reader = adapterOf(target.providerType).openStream();
  try {
    if (isWhole(response)) throw await readUnstreamed(egress, target, response);
    const splitter = new EventStreamSplitter(egress.limits.lineBytes, response.status);
    for (;;) {
      const pieces = await readPieces(response, reader);
      const events: ReplyEvent[] = [];
      const error = readData(reader, pieces === undefined ? splitter.flush() : splitter.push(pieces), events);
      const hasStopped = pieces === undefined || reader.isComplete;
      const end = hasStopped ? reader.end() : undefined;
      if (end !== undefined) {
        events.push(end);
        response.finish();
      }
      if (events.length > 0) yield events;
      if (end !== undefined) return;
      // A last line that is only half there is the cut itself.
      if (error !== undefined && !(error === malformed && hasStopped)) throw apiFailure(target, error, response);
      if (hasStopped) throw cut(response);
    }
  } finally {
    response.cancel();
    counted?.(reader.usage);
  }
}

/** An API path cannot change the host: it always begins with a slash. */
export function urlOf({ endpointUrl, apiPath }: Pick<Target, "endpointUrl" | "apiPath">): string {
  return `${endpointUrl.replace(/\/+$/, "")}/${apiPath.replace(/^\/+/, "")}`;
}

/** What the owner adds comes first: what the adapter writes is never overwritten. */
function bodyOf(target: Target, request: ModelRequest, streamed: boolean): JsonObject {
  const sampling = target.takesSampling === false ? withoutChoices(request.sampling) : request.sampling;
  const written = adapterOf(target.providerType).writeRequest(target, { ...request, sampling }, streamed);
  return { ...target.config?.members, ...written };
}

/** What is left for a model that takes no sampling parameters: how long a reply is, and what ends it. */
function withoutChoices({ maxTokens, stopSequences }: SamplingParams): SamplingParams {
  return { maxTokens, stopSequences };
}

/** What goes with every call of an API, the key among it. */
export function headersOf({ apiKey, providerType, config }: Target, streamed: boolean): Record<string, string> {
  const headers: Record<string, string> = {
    "user-agent": "patchbay",
    "content-type": "application/json",
    accept: streamed ? "text/event-stream" : "application/json",
    ...adapterOf(providerType).headers,
    ...config?.headers,
  };
  if (apiKey !== undefined) headers[apiKey.headerName.toLowerCase()] = apiKey.prefix + apiKey.secret.reveal();
  return headers;
}

/** The failure that a refusal is, as far as it can be read. */
export async function readRefusal(target: Target, response: EgressResponse): Promise<UpstreamFailure> {
  const { status, headers } = response;
  let text = "";
  try {
    text = await response.text(MAX_ERROR_BYTES);
  } catch (error) {
    // Its words are lost; its status still tells.
    if (!(error instanceof UpstreamFailure)) throw error;
  }
  return refusalOf(adapterOf(target.providerType), target, { status, headers, text });
}

/** Some servers call their event streams something else: what is not surely another thing is read as one. */
export function isWhole({ headers }: EgressResponse): boolean {
  return /^(application\/json|text\/html)\b/i.test(headers["content-type"] ?? "");
}

/** What it means that a streamed call was answered with one JSON text or a page. */
export async function readUnstreamed(
  egress: Egress,
  target: Target,
  response: EgressResponse,
): Promise<UpstreamFailure> {
  await readReply(egress, target, response);
  const facts = { httpStatus: response.status, parameter: "stream" };
  return new UpstreamFailure("bad-reply", "the endpoint does not stream: it answered with the whole reply", facts);
}

/** Undefined at the end, which a lost connection is too once the reply is whole. */
async function readPieces(response: EgressResponse, reader: StreamReader): Promise<readonly Buffer[] | undefined> {
  try {
    return await response.read();
  } catch (error) {
    if (error instanceof UpstreamFailure && reader.end() !== undefined) return undefined;
    throw error;
  }
}

function readData(reader: StreamReader, data: readonly string[], events: ReplyEvent[]) {
  for (const item of data) {
    const error = reader.read(item, events);
    if (error !== undefined || reader.isComplete) return error;
  }
  return undefined;
}

/** A stream that ended before its reply did. */
export function cut({ status }: EgressResponse): UpstreamFailure {
  return new UpstreamFailure("bad-reply", "the endpoint ended its stream before the reply was whole", {
    httpStatus: status,
  });
}
