import type { ConfigNames } from "./client-config.ts";
import type { ContentPart, ModelRequest, Reply, ReplyEvent, ResponseFormat, Role, Usage } from "./conversation.ts";
import type { ErrorWords } from "./error-words.ts";
import type { JsonObject } from "./json-value.ts";
import type { ProviderType, Target } from "./provider-types.ts";

/** How one provider's API is spoken. It reads and writes only; it knows neither network nor key. */
export interface Adapter {
  /** Sent with every call, beside the key. */
  readonly headers: Readonly<Record<string, string>>;
  /** The forms of replies that it can be asked for. */
  readonly responseFormats: ReadonlySet<ResponseFormat["type"]>;
  /** What an owner's client configuration may add to a request. */
  readonly configNames: ConfigNames;
  writeRequest(target: Target, request: ModelRequest, streamed: boolean): JsonObject;
  /** What of a request `writeRequest` does not write, because the API or the model would not take it. */
  leavesOut(target: Target, request: ModelRequest): readonly Untold[];
  /** Undefined when the body is no reply of this API. */
  readReply(body: JsonObject, providerType?: ProviderType): WholeReply | undefined;
  openStream(providerType?: ProviderType): StreamReader;
  /** Why the API takes no such part of a message, for people; undefined: it does. */
  refusesPart(part: ContentPart, role: Role, providerType: ProviderType): string | undefined;
  /** What follows `?` when asking for a page of the models that are served: the first, or the one behind a model. */
  modelsQuery(after: string | undefined): Readonly<Record<string, string>>;
  /** Undefined when the body is no list of models of this API. */
  readModels(body: JsonObject, providerType?: ProviderType): ModelPage | undefined;
}

/** What of a request may be left out, as a model replies without it. */
export type Untold =
  | "thinking"
  | "callsOneTool"
  | "cache"
  | "temperature"
  | "top_p"
  | "top_k"
  | "frequency_penalty"
  | "presence_penalty";

/** A reply, with what its adapter wants to see again when it is sent back. */
export interface WholeReply extends Omit<Reply, "state"> {
  readonly stateValue: JsonObject | undefined;
}

/** Some of the models that an endpoint serves. */
export interface ModelPage {
  readonly models: readonly ServedModel[];
  /** The model that the next page is behind; undefined on the last page. */
  readonly next: string | undefined;
}

/** What an endpoint says a model can do; what it does not say is undefined. */
export interface ModelAbilities {
  readonly maxContextLength: number | undefined;
  /** The most tokens of one reply. */
  readonly maxOutputTokens?: number | undefined;
  readonly supportsFunctionCalling: boolean | undefined;
  readonly supportsSamplingParameters: boolean | undefined;
  /** In small letters: text, image, audio, video, and words that only its endpoint knows. */
  readonly inputModalities: readonly string[] | undefined;
  /** What its tokens cost; undefined when it does not say. */
  readonly price?: ListedPrice | undefined;
}

/** What tokens cost, as an endpoint lists it: US dollars for a million of each kind, as decimal strings. */
export interface ListedPrice {
  readonly input: string;
  readonly output: string;
  readonly cacheRead?: string | undefined;
  readonly cacheWrite?: string | undefined;
}

/** A model as its endpoint describes it; what it does not say is empty or undefined. */
export interface ServedModel extends ModelAbilities {
  readonly id: string;
  readonly displayName: string;
  readonly ownedBy: string;
  /** Other names that it answers to. */
  readonly aliases: readonly string[];
  /** In milliseconds since 1970. */
  readonly createdAt: number | undefined;
  /** Undefined: nothing says that it will end. */
  readonly deprecation: Deprecation | undefined;
}

/** Asks for more below the root of a server, which is its endpoint without `/v1`; with a body, it posts it. Undefined: there is none. */
export type AskRoot = (path: string, body?: JsonObject) => Promise<JsonObject | undefined>;

/** What an endpoint says of its models beyond its list, by their ids; what it does not say goes unsaid. */
export type ModelDetails = (
  ask: AskRoot,
  models: readonly ServedModel[],
) => Promise<ReadonlyMap<string, Partial<ModelAbilities>>>;

/** What is said of the end of a model: dates such as 2026-03-26, and the model to use instead. */
export interface Deprecation {
  readonly deprecatedAt: string | undefined;
  /** Its last day. */
  readonly retiresAt: string | undefined;
  readonly successor: string | undefined;
}

/** Reads the events of one streamed reply. */
export interface StreamReader {
  /** Adds what the data of one event says to the events; returns an error that the endpoint sent in its place. */
  read(data: string, events: ReplyEvent[]): ErrorWords | undefined;
  /** Whether all has been said; nothing that could follow matters. */
  readonly isComplete: boolean;
  /** What the provider has counted so far, as far as that is not overtaken by what came since. */
  readonly usage: Usage;
  /** What the adapter wants to see again when the reply is sent back, once it has ended. */
  readonly stateValue: JsonObject | undefined;
  /** The last event of the reply; undefined when the stream stopped without the API's sign that the reply is whole. */
  end(): ReplyEvent | undefined;
}
