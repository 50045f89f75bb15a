import type { SamplingParams } from "../../base/sampling.ts";
import type { Egress } from "../egress/egress.ts";
import type { EgressResponse } from "../egress/exchange.ts";
import { type ModelRequest, type Reply, type ReplyEvent, saidOf } from "../models/conversation.ts";
import { errorIn } from "../models/error-words.ts";
import { UpstreamFailure } from "../models/failure.ts";
import { eventsOfReply, GrowingReply } from "../models/growing-reply.ts";
import { type JsonObject, parseObject } from "../models/json-value.ts";
import { withoutKey } from "../models/own-key.ts";
import type { Target } from "../models/provider-types.ts";
import { apiFailure, refusalOf } from "../verdicts/refusal.ts";
import { adapterOf, headReaderOf } from "./adapters.ts";
import type { Habits, Learned } from "./learned.ts";
import { type OnCount, ReplyEvents } from "./reply-events.ts";
import { soundHistory } from "./sound-history.ts";
import { stateOfReply, withOwnState } from "./state-owner.ts";

/** Of an error, more than this is not read. */
const MAX_ERROR_BYTES = 64 * 1024;

/** How a call is made. */
export interface CallOptions {
  readonly signal: AbortSignal;
  /** Sent beside those of the API; none of them comes in the place of the key. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Told of each answer that is no refusal, when its head is there. */
  readonly onHead?: ((response: EgressResponse) => void) | undefined;
  readonly onCount?: OnCount;
  /** Told when a reply came in another form than it was asked for: what was to be streamed as a whole, or the other way. */
  readonly onOtherForm?: ((refusal: UpstreamFailure | undefined) => void) | undefined;
}

/** A way out, and what was learned of where it leads. */
export interface Outlet {
  readonly egress: Egress;
  readonly learned: Learned;
}

/** Events of a reply, those that arrived together in one array. */
export type EventBatches = AsyncIterableIterator<readonly ReplyEvent[]>;

/** A whole reply; of an endpoint that has refused to give any but streamed ones, it is streamed to us. */
export async function wholeReply(
  outlet: Outlet,
  target: Target,
  request: ModelRequest,
  options: CallOptions,
): Promise<Reply> {
  // llama-server notices that nobody waits for a whole reply only once its other streams are over, and a stream at once.
  const isBetterStreamed = target.providerType === "LLAMA_CPP" && outlet.learned.of(target).form !== "whole";
  if (isBetterStreamed || outlet.learned.of(target).form === "streamed") {
    return collected(outlet, target, request, { ...options, onOtherForm: undefined });
  }
  let refusal: UpstreamFailure;
  try {
    return await readReply(outlet, target, await sendCall(outlet, target, request, false, options));
  } catch (error) {
    if (!(error instanceof UpstreamFailure) || error.facts.feature !== WHOLE_REPLIES) throw error;
    refusal = error;
  }
  const reply = await collected(outlet, target, request, options);
  outlet.learned.learn(target, { form: "streamed" });
  options.onOtherForm?.(refusal);
  return reply;
}

/**
 * The events of a reply as it is written. Closes the connection when left. Of an endpoint that gives whole replies only, they
 * come all at once.
 */
export async function openEvents(
  outlet: Outlet,
  target: Target,
  request: ModelRequest,
  options: CallOptions,
): Promise<EventBatches> {
  let refusal: UpstreamFailure | undefined;
  if (outlet.learned.of(target).form !== "whole") {
    try {
      const response = await sendCall(outlet, target, request, true, options);
      if (!isWhole(response)) return await ReplyEvents.begin(outlet.egress, target, response, options.onCount);
      const reply = await readReply(outlet, target, response);
      options.onOtherForm?.(undefined);
      return atOnce(reply);
    } catch (error) {
      if (!(error instanceof UpstreamFailure) || error.facts.feature !== STREAMED_REPLIES) throw error;
      refusal = error;
    }
  }
  const reply = await readReply(outlet, target, await sendCall(outlet, target, request, false, options));
  outlet.learned.learn(target, { form: "whole" });
  options.onOtherForm?.(refusal);
  return atOnce(reply);
}

async function* atOnce(reply: Reply): EventBatches {
  yield eventsOfReply(reply);
}

/** Sends one request to a model; throws UpstreamFailure unless the endpoint agrees to reply. */
async function sendCall(
  { egress, learned }: Outlet,
  target: Target,
  request: ModelRequest,
  streamed: boolean,
  { signal, headers, onHead }: CallOptions,
): Promise<EgressResponse> {
  const fixed = fixedOf(target);
  const ofTarget = streamed ? fixed.streamed : fixed.whole;
  const post = async (limitName: Habits["limitName"]): Promise<EgressResponse> => {
    const response = await egress.request({
      ownerId: target.ownerId,
      url: fixed.url,
      method: "POST",
      headers: headers === undefined ? ofTarget : { ...headers, ...ofTarget },
      body: JSON.stringify(bodyOf(target, request, streamed, limitName)),
      streamed,
      patience: target.patience,
      signal,
    });
    if (response.status >= 400) throw await readRefusal(target, response);
    onHead?.(response);
    return response;
  };
  const { limitName } = learned.of(target);
  try {
    return await post(limitName);
  } catch (error) {
    const other = otherLimitName(error, bodyOf(target, request, streamed, limitName));
    if (other === undefined) throw error;
    const response = await post(other);
    learned.learn(target, { limitName: other });
    return response;
  }
}

/** The other of the two names for the same limit, if it is the first that was refused. */
function otherLimitName(error: unknown, body: JsonObject): Habits["limitName"] {
  if (!(error instanceof UpstreamFailure) || error.kind !== "parameter-refused") return undefined;
  const { parameter = "" } = error.facts;
  if (!/^max_(completion_)?tokens$/.test(parameter) || body[parameter] === undefined) return undefined;
  return parameter === "max_tokens" ? "max_completion_tokens" : "max_tokens";
}

const WHOLE_REPLIES = "whole replies";
const STREAMED_REPLIES = "streamed replies";

/** The reply that an answer is as a whole. */
async function readReply({ egress }: Pick<Outlet, "egress">, target: Target, response: EgressResponse): Promise<Reply> {
  const adapter = adapterOf(target.providerType);
  const readHead = headReaderOf(target.providerType);
  const text = withoutKey(await response.text(egress.limits.bodyBytes), target);
  const body = parseObject(text);
  const error = body === undefined ? undefined : errorIn(body);
  if (error !== undefined) throw apiFailure(target, error, response);
  const reply = body === undefined ? undefined : adapter.readReply(body, target.providerType);
  if (reply !== undefined) {
    const { stateValue, ...said } = reply;
    const state = stateOfReply(target, stateValue);
    return { ...said, ...saidOf(reply.billing, readHead?.(response.headers, target)), ...(state && { state }) };
  }
  throw notAReply(text, response);
}

/** The failure that a text is in the place of a reply. */
export function notAReply(text: string, { status }: EgressResponse): UpstreamFailure {
  const isPage = text.trimStart().startsWith("<");
  const sentence = `the endpoint answered with ${isPage ? "a web page" : "something that is no reply of the provider's API"}`;
  const advice = "check the endpoint URL (mostly it ends with /v1) and the API path";
  return new UpstreamFailure("bad-reply", `${sentence}: ${advice}`, { httpStatus: status });
}

/** A reply that is streamed to us, as a whole. */
async function collected(outlet: Outlet, target: Target, request: ModelRequest, options: CallOptions): Promise<Reply> {
  const heard = new GrowingReply();
  for await (const events of await openEvents(outlet, target, request, options))
    for (const event of events) heard.add(event);
  return heard.reply;
}

/** An API path cannot change the host: it always begins with a slash. */
export function urlOf({ endpointUrl, apiPath }: Pick<Target, "endpointUrl" | "apiPath">): string {
  return `${endpointUrl.replace(/\/+$/, "")}/${apiPath.replace(/^\/+/, "")}`;
}

/** What the owner adds comes first: what the adapter writes is never overwritten. */
function bodyOf(target: Target, request: ModelRequest, streamed: boolean, limitName: Habits["limitName"]): JsonObject {
  const sampling = target.takesSampling === false ? withoutChoices(request.sampling) : request.sampling;
  const messages = soundHistory(withOwnState(target, request.messages));
  const asked = { ...request, sampling, messages };
  const written = adapterOf(target.providerType).writeRequest(target, asked, streamed);
  return { ...target.config?.members, ...(limitName === undefined ? written : renamed(written, limitName)) };
}

function renamed(
  { max_tokens, max_completion_tokens, ...written }: JsonObject,
  name: "max_tokens" | "max_completion_tokens",
) {
  const limit = max_tokens ?? max_completion_tokens;
  return { ...written, ...(limit !== undefined && { [name]: limit }) };
}

/** What is left for a model that takes no sampling parameters: how long a reply is, and what ends it. */
function withoutChoices({ maxTokens, stopSequences }: SamplingParams): SamplingParams {
  return { maxTokens, stopSequences };
}

/** What is the same for all calls of a target: a target lives as long as the row that it is made from is held. */
interface Fixed {
  readonly url: string;
  readonly whole: Readonly<Record<string, string>>;
  readonly streamed: Readonly<Record<string, string>>;
}

const known = new WeakMap<Target, Fixed>();

function fixedOf(target: Target): Fixed {
  let fixed = known.get(target);
  if (!fixed) {
    fixed = { url: urlOf(target), whole: headersOf(target, false), streamed: headersOf(target, true) };
    known.set(target, fixed);
  }
  return fixed;
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
  return refusalOf(target, { status, headers, text });
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
  await readReply({ egress }, target, response);
  const facts = { httpStatus: response.status, parameter: "stream" };
  return new UpstreamFailure("bad-reply", "the endpoint does not stream: it answered with the whole reply", facts);
}
