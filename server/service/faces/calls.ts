import type { HandlerContext } from "@connectrpc/connect";
import { Fault, invalidField } from "../../base/fault.ts";
import type { Scope } from "../../domain/call/scope.ts";
import type { ChatAsk, ChatEvent, Chats } from "../../domain/chat/chats.ts";
import { type PassAsk, type PassedPart, PassThrough } from "../../domain/chat/pass-through.ts";
import type { LlmTargets, ResolvedLlm } from "../../domain/llms/targets.ts";
import type { LlmNames } from "../../domain/names/llm-names.ts";
import { estimatePrompt } from "../../domain/usage/cost.ts";
import { untoldOf } from "../../upstream/calls/untold.ts";
import { parseObject } from "../../upstream/models/json-value.ts";
import type { ApiName } from "../../upstream/pass-through/apis.ts";
import { type JsonBody, readMembers, valueIn } from "../../upstream/pass-through/json-members.ts";
import { refusedMember } from "../../upstream/pass-through/request.ts";
import { scopeOf } from "../call/context.ts";
import type { FaceReply, FaceRequest } from "./face.ts";
import { factsComment, LLM_ID, tellFacts, tellOrigin, USAGE_SOURCE } from "./headers.ts";
import { labelsOf } from "./labels.ts";
import { withoutOwnState } from "./translate/own-state.ts";
import { readCompletion } from "./translate/read-completion.ts";
import { readMessages } from "./translate/read-message.ts";
import { readResponses } from "./translate/read-response.ts";
import type { ReplyWriter, Translated, Translator } from "./translate/translation.ts";

export interface FaceDeps {
  readonly names: LlmNames;
  readonly targets: LlmTargets;
  readonly passThrough: PassThrough;
  readonly chats: Chats;
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
    const resolved = await this.#llmOf(scope, body);
    const streamed = isStreamed(body);
    const { requestHeader } = context;
    const labels = labelsOf(body, requestHeader);
    if (!PassThrough.isSpoken(api, resolved)) {
      const translated = translate(api, resolved, body);
      translated.losses.addUntold(api, untoldOf(resolved.target, translated.request));
      const ask: ChatAsk = { llmId: resolved.llm.id, request: translated.request, session: undefined, labels };
      return streamed
        ? this.#streamTranslated(scope, translated, ask, context)
        : this.#translated(scope, translated, ask, context);
    }
    const headers = headersOf(requestHeader, FORWARDED[api]);
    const ask: PassAsk = { api, body: withoutOwnState(api, body), streamed, headers, labels };
    if (streamed) return this.#stream(scope, resolved, ask, context);
    const { origin, bytes, facts } = await this.#deps.passThrough.reply(scope, resolved, ask);
    tellOrigin(context.responseHeader, origin, origin.dropped);
    tellFacts(context.responseHeader, facts);
    return { body: bytes };
  }

  /** The count of a prompt's tokens, which is no reply. */
  async count(request: FaceRequest, context: HandlerContext): Promise<FaceReply> {
    const scope = scopeOf(context);
    const body = readBody(request.body);
    const resolved = await this.#llmOf(scope, body);
    if (!PassThrough.isSpoken("count-tokens", resolved)) {
      // Without a reply's limit, which is not asked for here.
      const { request: prompt } = translate("messages", resolved, body);
      context.responseHeader.set(USAGE_SOURCE, "ESTIMATED");
      return { body: JSON.stringify({ input_tokens: estimatePrompt(prompt) }) };
    }
    const headers = headersOf(context.requestHeader, FORWARDED["count-tokens"]);
    const ask: PassAsk = {
      api: "count-tokens",
      body: withoutOwnState("count-tokens", body),
      streamed: false,
      headers,
      labels: {},
    };
    const { origin, bytes } = await this.#deps.passThrough.count(scope, resolved, ask);
    tellOrigin(context.responseHeader, origin, origin.dropped);
    return { body: bytes };
  }

  async #translated(
    scope: Scope,
    { losses, writer }: Translated,
    ask: ChatAsk,
    context: HandlerContext,
  ): Promise<FaceReply> {
    const { origin, reply, facts } = await this.#deps.chats.reply(scope, ask);
    tellOrigin(context.responseHeader, origin, losses.names);
    tellFacts(context.responseHeader, facts);
    return { body: JSON.stringify(writer.whole(reply, facts)) };
  }

  async #streamTranslated(
    scope: Scope,
    { losses, writer }: Translated,
    ask: ChatAsk,
    context: HandlerContext,
  ): Promise<FaceReply> {
    const events = this.#deps.chats.stream(scope, ask);
    const first = events.next();
    const begun = await soon(first);
    if (begun && !begun.done && begun.value.type === "start") {
      tellOrigin(context.responseHeader, begun.value, losses.names);
    } else tellOrigin(context.responseHeader, { llmId: ask.llmId, ending: undefined }, losses.names);
    return { pieces: begun ? writtenOf(first, events, writer) : aloud(writtenOf(first, events, writer)) };
  }

  async #llmOf(scope: Scope, body: JsonBody): Promise<ResolvedLlm> {
    const model = valueIn(body, "model") ?? "";
    if (typeof model !== "string") throw invalidField("model", "must be a text: the name of an Llm");
    return this.#deps.targets.open(scope, await this.#deps.names.resolve(scope, model));
  }

  /** The head of the answer waits for the first piece, so that what fails before it has a status of its own. */
  async #stream(scope: Scope, resolved: ResolvedLlm, ask: PassAsk, context: HandlerContext): Promise<FaceReply> {
    const parts = this.#deps.passThrough.stream(scope, resolved, ask);
    const first = parts.next();
    const begun = await soon(first);
    if (begun && !begun.done && begun.value.type === "start") {
      tellOrigin(context.responseHeader, begun.value.origin, begun.value.origin.dropped);
    } else context.responseHeader.set(LLM_ID, resolved.llm.id);
    return { pieces: begun ? piecesOf(first, parts) : aloud(piecesOf(first, parts)) };
  }
}

/** How long the head of an answer waits for what a model says first. */
const FIRST_PIECE_MS = 10_000;

/** What comes soon; undefined if it takes longer. What fails soon throws. */
async function soon<T>(work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, FIRST_PIECE_MS, undefined);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** With a comment before what is not there yet: a head alone would not go out. */
async function* aloud(pieces: AsyncGenerator<readonly Buffer[], void>): AsyncGenerator<readonly Buffer[], void> {
  try {
    yield [COMMENT];
    yield* pieces;
  } finally {
    await pieces.return();
  }
}

const COMMENT = Buffer.from(":\n\n");

async function* piecesOf(
  first: Promise<IteratorResult<PassedPart>>,
  parts: AsyncGenerator<PassedPart>,
): AsyncGenerator<readonly Buffer[], void> {
  try {
    for (let next = await first; !next.done; next = await parts.next()) {
      const part = next.value;
      if (part.type === "bytes") yield part.bytes;
      else if (part.type === "end") yield [factsComment(part.facts), part.bytes];
    }
  } finally {
    await parts.return(undefined);
  }
}

async function* writtenOf(
  first: Promise<IteratorResult<ChatEvent>>,
  events: AsyncGenerator<ChatEvent>,
  writer: ReplyWriter,
): AsyncGenerator<readonly Buffer[], void> {
  try {
    for (let next = await first; !next.done; next = await events.next()) {
      const event = next.value;
      if (event.type === "end") {
        const [before, last] = writer.end(event, event);
        yield [Buffer.from(before), factsComment(event), Buffer.from(last)];
        continue;
      }
      const text = writer.event(event);
      if (text !== "") yield [Buffer.from(text)];
    }
  } finally {
    await events.return(undefined);
  }
}

/** A request in words that no API owns; an API that is about something else than replies has none. */
function translate(api: ApiName, resolved: ResolvedLlm, body: JsonBody): Translated {
  const translator = TRANSLATORS[api];
  // It takes neither of the two requests that others are written in.
  if (!translator || resolved.target.apiPath.endsWith("/responses")) throw notSpoken(api, resolved);
  const json = parseObject(body.bytes.toString("utf8"));
  if (!json) throw new Fault("INVALID_REQUEST", "the body must be JSON");
  return translator(json);
}

const TRANSLATORS: Readonly<Partial<Record<ApiName, Translator>>> = {
  "chat-completions": readCompletion,
  responses: readResponses,
  messages: readMessages,
};

function readBody(bytes: Buffer): JsonBody {
  const body = readMembers(bytes);
  if (!body) throw new Fault("INVALID_REQUEST", "the body must be a JSON object");
  const refused = refusedMember(body);
  if (refused)
    throw invalidField(refused, "is not taken here: where a call goes and to which model is the Llm's to say");
  return body;
}

function isStreamed(body: JsonBody): boolean {
  const stream = valueIn(body, "stream") ?? false;
  if (typeof stream !== "boolean") throw invalidField("stream", "must be true or false");
  return stream;
}

function headersOf(header: Headers, names: readonly string[]): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of names) {
    const value = header.get(name);
    if (value !== null) found[name] = value;
  }
  return found;
}

function notSpoken(api: ApiName, { llm }: ResolvedLlm): Fault {
  return new Fault("INVALID_REQUEST", `the endpoint of llm ${llm.id} does not have ${api}`, {
    metadata: { llmId: llm.id },
  });
}
