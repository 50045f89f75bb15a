import type { ConfigNames } from "./client-config.ts";
import type { ModelRequest, Reply, ReplyEvent, ResponseFormat, Usage } from "./conversation.ts";
import type { FailureKind } from "./failure.ts";
import type { JsonObject } from "./json-value.ts";
import type { Target } from "./provider-types.ts";

/** How one provider's API is spoken. It reads and writes only; it knows neither network nor key. */
export interface Adapter {
  /** Sent with every call, beside the key. */
  readonly headers: Readonly<Record<string, string>>;
  /** The forms of replies that it can be asked for. */
  readonly responseFormats: ReadonlySet<ResponseFormat["type"]>;
  /** What an owner's client configuration may add to a request. */
  readonly configNames: ConfigNames;
  writeRequest(target: Target, request: ModelRequest, streamed: boolean): JsonObject;
  /** Undefined when the body is no reply of this API. */
  readReply(body: JsonObject): Reply | undefined;
  /** Undefined when the body is no error of this API. */
  readError(body: JsonObject): ApiError | undefined;
  openStream(): StreamReader;
  /** What follows `?` when asking for a page of the models that are served: the first, or the one behind a model. */
  modelsQuery(after: string | undefined): Readonly<Record<string, string>>;
  /** Undefined when the body is no list of models of this API. */
  readModels(body: JsonObject): ModelPage | undefined;
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
  readonly supportsFunctionCalling: boolean | undefined;
  readonly supportsSamplingParameters: boolean | undefined;
  /** In small letters: text, image, audio, video, and words that only its endpoint knows. */
  readonly inputModalities: readonly string[] | undefined;
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

/** Where an endpoint says more of its models than in its list, and how that is read. */
export interface ModelDetails {
  /** Below the endpoint's URL. */
  readonly path: string;
  /** What it says of each, by its id. */
  read(body: JsonObject): ReadonlyMap<string, ModelAbilities>;
}

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
  read(data: string, events: ReplyEvent[]): ApiError | undefined;
  /** Whether all has been said; nothing that could follow matters. */
  readonly isComplete: boolean;
  /** What the provider has counted so far, as far as that is not overtaken by what came since. */
  readonly usage: Usage;
  /** The last event of the reply; undefined when the stream stopped without the API's sign that the reply is whole. */
  end(): ReplyEvent | undefined;
}

/** What an endpoint says went wrong, in the words of its API. */
export interface ApiError {
  /** Undefined when only the HTTP status tells. */
  readonly kind: FailureKind | undefined;
  /** The API's code or type of the error; empty when it gave none. */
  readonly code: string;
  /** The part of the request that is refused; empty when it named none. */
  readonly parameter: string;
}

/** A piece of a stream that is not in the API's form. */
export const malformed: ApiError = { kind: "bad-reply", code: "", parameter: "" };
