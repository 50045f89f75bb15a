import type { HandlerContext } from "@connectrpc/connect";
import { Fault, invalidField } from "../../base/fault.ts";
import { describeSyntax } from "../../base/json-syntax.ts";
import type { Scope } from "../../domain/call/scope.ts";
import type { Labels } from "../../domain/chat/attempt.ts";
import type { ChatAsk, ResolvedCall } from "../../domain/chat/chats.ts";
import { OPERATIONS, type PassAsk, PassThrough } from "../../domain/chat/pass-through.ts";
import type { RoutedChats } from "../../domain/chat/routed-chats.ts";
import type { LlmTargets, ResolvedLlm } from "../../domain/llms/targets.ts";
import type { LlmNames } from "../../domain/names/llm-names.ts";
import type { RouteCalls } from "../../domain/routes/route-calls.ts";
import type { RoutePlan, RouteRun } from "../../domain/routes/route-run.ts";
import { estimatePrompt } from "../../domain/usage/cost.ts";
import type { Route } from "../../store/schema/route.entity.ts";
import { untoldOf } from "../../upstream/calls/untold.ts";
import { parseObject } from "../../upstream/models/json-value.ts";
import { type ApiName, takesChats } from "../../upstream/pass-through/apis.ts";
import { type JsonBody, readMembers, valueIn } from "../../upstream/pass-through/json-members.ts";
import { refusedMember } from "../../upstream/pass-through/request.ts";
import { headerIn, scopeOf } from "../call/context.ts";
import { tellAttempts } from "../chat/present.ts";
import type { FaceReply, FaceRequest } from "./face.ts";
import { tellFacts, tellOrigin, USAGE_SOURCE } from "./headers.ts";
import { labelsOf } from "./labels.ts";
import { type Pieces, piecesOf, streamOf, writtenOf } from "./pieces.ts";
import { withoutOwnState } from "./translate/own-state.ts";
import { readCompletion } from "./translate/read-completion.ts";
import { readMessages } from "./translate/read-message.ts";
import { readResponses } from "./translate/read-response.ts";
import type { Translated, Translator } from "./translate/translation.ts";

export interface FaceDeps {
  readonly names: LlmNames;
  readonly targets: LlmTargets;
  readonly passThrough: PassThrough;
  readonly chats: RoutedChats;
  readonly routeCalls: RouteCalls;
}

/** What goes along to endpoints that speak the same API; to others it means nothing. */
const FORWARDED: Readonly<Record<ApiName, readonly string[]>> = {
  "chat-completions": ["openai-beta", "x-client-request-id", "http-referer", "x-title"],
  responses: ["openai-beta", "x-client-request-id"],
  embeddings: ["openai-beta", "x-client-request-id"],
  messages: ["anthropic-version", "anthropic-beta"],
  "count-tokens": ["anthropic-version", "anthropic-beta"],
};

/** Calls of models in the words of an API: of the Llm that `model` names, whatever its endpoint speaks. */
export class FaceCalls {
  readonly #deps: FaceDeps;

  constructor(deps: FaceDeps) {
    this.#deps = deps;
  }

  async reply(api: ApiName, request: FaceRequest, context: HandlerContext): Promise<FaceReply> {
    const scope = scopeOf(context);
    const body = readBody(request.body);
    const id = await this.#idOf(scope, body);
    const labels = labelsOf(body, context);
    const headers = new Map<string, string>();
    const call: FaceCall = { api, body, streamed: isStreamed(body), labels, context, headers };
    const route = await this.#deps.routeCalls.find(scope, id);
    if (route) return this.#routed(scope, call, route);
    const chosen = { resolved: await this.#deps.targets.open(scope, id) };
    if (!call.streamed) return this.#whole(scope, call, chosen);
    // Also where the head cannot wait for the first piece.
    tellOrigin(headers, { llmId: chosen.resolved.llm.id, ending: undefined }, []);
    return streamOf(this.#pieces(scope, call, chosen), headers);
  }

  /** What fails before a piece of the reply is there goes on to another Llm of the route. */
  async #routed(scope: Scope, call: FaceCall, route: Readonly<Route>): Promise<FaceReply> {
    const run = this.#deps.routeCalls.begin(scope, { route, ...servedBy(call.api) });
    const { headers } = call;
    if (call.streamed) return streamOf(this.#routedPieces(scope, call, run), headers);
    for (;;) {
      const chosen = await run.next();
      try {
        const reply = await this.#whole(scope, call, chosen);
        tellAttempts(headers, { attempts: run.failedBefore });
        return reply;
      } catch (error) {
        run.failed(error);
      }
    }
  }

  async *#routedPieces(
    scope: Scope,
    call: FaceCall,
    run: RouteRun,
  ): AsyncGenerator<readonly Buffer[], void, undefined> {
    for (;;) {
      const chosen = await run.next();
      let pieces: Pieces;
      let first: IteratorResult<readonly Buffer[], void>;
      try {
        pieces = this.#pieces(scope, call, chosen);
        first = await pieces.next();
      } catch (error) {
        run.failed(error);
        continue;
      }
      tellAttempts(call.headers, { attempts: run.failedBefore });
      yield* run.passOn(first.done ? [] : [first.value], pieces);
      return;
    }
  }

  /** A whole reply of one Llm, in the words of its endpoint's API where they are the caller's. */
  async #whole(scope: Scope, call: FaceCall, chosen: ResolvedCall): Promise<FaceReply> {
    const { headers } = call;
    if (PassThrough.isSpoken(call.api, chosen.resolved)) {
      const { origin, bytes, facts } = await this.#deps.passThrough.reply(scope, chosen, passAskOf(call));
      tellOrigin(headers, origin, origin.dropped);
      tellFacts(headers, facts);
      return { headers, body: bytes };
    }
    const { translated, ask } = translatedAskOf(call, chosen);
    const { origin, reply, facts } = await this.#deps.chats.reply(scope, ask);
    tellOrigin(headers, origin, translated.losses.names);
    tellFacts(headers, facts);
    return { headers, body: JSON.stringify(translated.writer.whole(reply, facts)) };
  }

  /** The same as it is made. The first piece is there, and its origin told, when the reply says something. */
  #pieces(scope: Scope, call: FaceCall, chosen: ResolvedCall): Pieces {
    const { headers } = call;
    if (PassThrough.isSpoken(call.api, chosen.resolved)) {
      const parts = this.#deps.passThrough.stream(scope, chosen, passAskOf(call));
      return piecesOf(parts, (origin) => tellOrigin(headers, origin, origin.dropped));
    }
    const { translated, ask } = translatedAskOf(call, chosen);
    const { losses, writer } = translated;
    const events = this.#deps.chats.stream(scope, ask);
    return writtenOf(events, writer, (origin) => tellOrigin(headers, origin, losses.names));
  }

  /** The count of a prompt's tokens, which is no reply. */
  async count(request: FaceRequest, context: HandlerContext): Promise<FaceReply> {
    const scope = scopeOf(context);
    const body = readBody(request.body);
    const chosen = await this.#llmOf(scope, body);
    try {
      if (!PassThrough.isSpoken("count-tokens", chosen.resolved)) {
        // Without a reply's limit, which is not asked for here.
        const { request: prompt } = translate("count-tokens", chosen.resolved, body);
        const headers = new Map([[USAGE_SOURCE, "ESTIMATED"]]);
        return { headers, body: JSON.stringify({ input_tokens: estimatePrompt(prompt) }) };
      }
      const headers = new Map<string, string>();
      const ask = passAskOf({ api: "count-tokens", body, streamed: false, labels: {}, context, headers });
      const { origin, bytes } = await this.#deps.passThrough.count(scope, chosen, ask);
      tellOrigin(headers, origin, origin.dropped);
      return { headers, body: bytes };
    } finally {
      chosen.health?.left();
    }
  }

  /** The id of the Llm or the route that is named; empty for the caller's default Llm. */
  async #idOf(scope: Scope, body: JsonBody): Promise<string> {
    const model = valueIn(body, "model") ?? "";
    if (typeof model !== "string") throw invalidField("model", "must be a text: the name of an Llm or a route");
    return this.#deps.names.resolve(scope, model);
  }

  /** The Llm that is named, or that a route would choose now. */
  async #llmOf(scope: Scope, body: JsonBody): Promise<ResolvedCall> {
    const { routeCalls, targets } = this.#deps;
    const id = await this.#idOf(scope, body);
    const route = await routeCalls.find(scope, id);
    if (!route) return { resolved: await targets.open(scope, id) };
    return routeCalls.begin(scope, { route, ...servedBy("count-tokens") }).next();
  }
}

/** A call in the words of an API, of whichever Llm. */
interface FaceCall {
  readonly api: ApiName;
  readonly body: JsonBody;
  readonly streamed: boolean;
  readonly labels: Labels;
  readonly context: HandlerContext;
  /** Of its reply, as far as they are known. */
  readonly headers: Map<string, string>;
}

/** A call as it is passed through. */
function passAskOf({ api, body, streamed, labels, context }: FaceCall): PassAsk {
  const headers = headersOf(context, FORWARDED[api]);
  return { api, body: withoutOwnState(api, body), streamed, headers, labels };
}

/** A call as a chat, in words that no API owns. */
function translatedAskOf({ api, body, labels }: FaceCall, chosen: ResolvedCall) {
  const { resolved } = chosen;
  const translated = translate(api, resolved, body);
  const { request, losses } = translated;
  losses.addUntold(api, untoldOf(resolved.target, request));
  const ask: ChatAsk = { llmId: resolved.llm.id, request, session: undefined, labels, chosen };
  return { translated, ask };
}

/** What a call in the words of an API asks of a route: an Llm whose endpoint speaks it, or has words for it. */
function servedBy(api: ApiName): Pick<RoutePlan, "operation" | "requireServed"> {
  const requireServed = (resolved: ResolvedLlm) => {
    if (!PassThrough.isSpoken(api, resolved)) translatorFor(api, resolved);
  };
  return { operation: OPERATIONS[api], requireServed };
}

/** A request in words that no API owns. */
function translate(api: ApiName, resolved: ResolvedLlm, body: JsonBody): Translated {
  const translator = translatorFor(api, resolved);
  const json = parseObject(body.bytes.toString("utf8"));
  if (!json) throw new Fault("INVALID_REQUEST", "the body must be JSON");
  return translator(json);
}

/** Refuses an API that is about something else than prompts, and an Llm whose endpoint takes no prompt of ours. */
function translatorFor(api: ApiName, resolved: ResolvedLlm): Translator {
  const translator = TRANSLATORS[api];
  if (!translator || !takesChats(resolved.target)) throw notSpoken(api, resolved);
  return translator;
}

const TRANSLATORS: Readonly<Partial<Record<ApiName, Translator>>> = {
  "chat-completions": readCompletion,
  responses: readResponses,
  messages: readMessages,
  "count-tokens": readMessages,
};

function readBody(bytes: Buffer): JsonBody {
  const body = readMembers(bytes);
  if (!body) throw noObject(bytes);
  const refused = refusedMember(body);
  if (refused)
    throw invalidField(refused, "is not taken here: where a call goes and to which model is the Llm's to say");
  return body;
}

function noObject(bytes: Buffer): Fault {
  try {
    JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    return new Fault("INVALID_REQUEST", describeSyntax(bytes, error));
  }
  return new Fault("INVALID_REQUEST", "the body must be a JSON object");
}

function isStreamed(body: JsonBody): boolean {
  const stream = valueIn(body, "stream") ?? false;
  if (typeof stream !== "boolean") throw invalidField("stream", "must be true or false");
  return stream;
}

function headersOf(context: HandlerContext, names: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of names) {
    const value = headerIn(context, name);
    if (value !== undefined) found[name] = value;
  }
  return found;
}

function notSpoken(api: ApiName, { llm }: ResolvedLlm): Fault {
  return new Fault("INVALID_REQUEST", `the endpoint of llm ${llm.id} does not have ${api}`, {
    metadata: { llmId: llm.id },
  });
}
