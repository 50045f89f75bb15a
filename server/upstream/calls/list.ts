import type { Egress } from "../egress/egress.ts";
import type { ModelAbilities, ModelPage, ServedModel } from "../models/adapter.ts";
import { errorIn } from "../models/error-words.ts";
import { UpstreamFailure } from "../models/failure.ts";
import { type JsonObject, parseObject } from "../models/json-value.ts";
import { withoutKey } from "../models/own-key.ts";
import type { Target } from "../models/provider-types.ts";
import { apiFailure } from "../verdicts/refusal.ts";
import { adapterOf, modelDetailsOf } from "./adapters.ts";
import { headersOf, readRefusal, urlOf } from "./call.ts";

const MAX_PAGES = 20;
const MAX_MODELS = 10_000;
/** Of a name; what is longer is none. */
const MAX_CHARACTERS = 255;
const MAX_ALIASES = 100;
const MODALITIES: ReadonlySet<string> = new Set(["text", "image", "audio", "video"]);
/** A successor is told in a header, too. */
const PLAIN_NAME = /^[\x21-\x7e]{1,255}$/;
const LARGEST_INT32 = 2 ** 31 - 1;

/** The vendor of models that a call is made to: a target, but for a model. */
export type Vendor = Omit<Target, "apiPath" | "model">;

/** What an endpoint serves. */
export interface ModelList {
  readonly models: readonly ServedModel[];
  /** False when it serves more than are listed. */
  readonly isComplete: boolean;
}

/** How a call is made. */
export interface AskOptions {
  readonly signal: AbortSignal;
  /** Sent beside those of the API. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Asks an endpoint which models it serves, to the last page, and what else it says of them. Throws UpstreamFailure. */
export async function listModels(egress: Egress, vendor: Vendor, options: AskOptions): Promise<ModelList> {
  const { models, isComplete } = await listPages(egress, vendor, options);
  const details = await askForDetails(egress, vendor, models, options);
  return { models: models.map((model) => withinBounds(withAbilities(model, details?.get(model.id)))), isComplete };
}

function listPages(egress: Egress, vendor: Vendor, options: AskOptions): Promise<ModelList> {
  return withinTestTime(egress, options, async (options) => {
    const models: ServedModel[] = [];
    let next: string | undefined;
    for (let pages = 0; pages < MAX_PAGES && models.length < MAX_MODELS; pages++) {
      const page = await askForModels(egress, vendor, options, next);
      models.push(...page.models.filter((model) => isPresentable(model, vendor)));
      // One that sends us where we are would have us ask for ever.
      if (page.next === undefined || page.next === next) {
        return { models: models.slice(0, MAX_MODELS), isComplete: models.length <= MAX_MODELS };
      }
      next = page.next;
    }
    return { models: models.slice(0, MAX_MODELS), isComplete: false };
  });
}

/** Undefined where there are none, or none for this key: the list is as good without them. */
async function askForDetails(
  egress: Egress,
  vendor: Vendor,
  models: readonly ServedModel[],
  options: AskOptions,
): Promise<ReadonlyMap<string, Partial<ModelAbilities>> | undefined> {
  const readDetails = modelDetailsOf(vendor.providerType);
  if (readDetails === undefined) return undefined;
  const root = { ...vendor, endpointUrl: vendor.endpointUrl.replace(/\/v1\/?$/, "") };
  try {
    return await withinTestTime(egress, options, (options) =>
      readDetails((path, body) => askOrNothing(egress, root, path, options, body), models),
    );
  } catch (error) {
    if (error instanceof UpstreamFailure) return undefined;
    throw error;
  }
}

async function askOrNothing(egress: Egress, vendor: Vendor, path: string, options: AskOptions, body?: JsonObject) {
  try {
    return (await ask(egress, vendor, path, {}, options, body)).body;
  } catch (error) {
    if (error instanceof UpstreamFailure) return undefined;
    throw error;
  }
}

/** What is said of what runs goes before what the list says of what there is; what is not said does not. */
function withAbilities(model: ServedModel, abilities: Partial<ModelAbilities> | undefined): ServedModel {
  const said = Object.entries(abilities ?? {}).filter(([, value]) => value !== undefined);
  return { ...model, ...Object.fromEntries(said) };
}

/** One page of the models: the first, or the one behind a model. */
export async function askForModels(
  egress: Egress,
  vendor: Vendor,
  options: AskOptions,
  after?: string,
): Promise<ModelPage> {
  const adapter = adapterOf(vendor.providerType);
  try {
    const query = adapter.modelsQuery(after);
    const { status, body } = await ask(egress, vendor, "/models", query, options);
    const page = body && adapter.readModels(body, vendor.providerType);
    if (page) return page;
    throw new UpstreamFailure("bad-reply", NO_LIST, { httpStatus: status });
  } catch (error) {
    if (!(error instanceof UpstreamFailure) || !isMissing(error)) throw error;
    throw new UpstreamFailure("bad-reply", NO_LIST, { httpStatus: error.httpStatus }, error);
  }
}

/** Whether an endpoint said that it has nothing at a path. */
export function isMissing({ httpStatus }: UpstreamFailure): boolean {
  return httpStatus === 404 || httpStatus === 405;
}

const NO_LIST = "the endpoint does not list its models: check the base URL (mostly it ends with /v1)";

/** The JSON that an endpoint has at a path; undefined if it is something else. Throws UpstreamFailure when it refuses. */
export async function ask(
  egress: Egress,
  vendor: Vendor,
  apiPath: string,
  query: Readonly<Record<string, string>>,
  { signal, headers }: AskOptions,
  posted?: JsonObject,
): Promise<{ status: number; body: JsonObject | undefined }> {
  const target: Target = { ...vendor, apiPath, model: "" };
  const { "content-type": type = "", ...ofApi } = headersOf(target, false);
  const response = await egress.request({
    ownerId: vendor.ownerId,
    url: urlOf(target),
    query,
    method: posted === undefined ? "GET" : "POST",
    headers: { ...headers, ...ofApi, ...(posted && { "content-type": type }) },
    ...(posted && { body: JSON.stringify(posted) }),
    streamed: false,
    signal,
  });
  if (response.status >= 400) throw await readRefusal(target, response);
  const text = await response.text(egress.limits.bodyBytes);
  // Together answers with the bare list.
  const body = parseObject(text) ?? parseObject(`{"data":${text}}`);
  const error = body && errorIn(body);
  if (error) throw apiFailure(target, error, response);
  return { status: response.status, body };
}

/** All calls that something takes, together within the time of a test. */
export async function withinTestTime<Result>(
  egress: Egress,
  options: AskOptions,
  run: (options: AskOptions) => Promise<Result>,
): Promise<Result> {
  const timeout = AbortSignal.timeout(egress.limits.testMs);
  try {
    return await run({ ...options, signal: AbortSignal.any([options.signal, timeout]) });
  } catch (error) {
    if (!timeout.aborted || options.signal.aborted) throw error;
    const seconds = egress.limits.testMs / 1_000;
    throw new UpstreamFailure("timeout", `no complete answer came within ${seconds} s`, {}, error);
  }
}

/** What has no name is no model; and what repeats our key is not passed on. */
function isPresentable({ id, displayName, ownedBy, aliases, deprecation }: ServedModel, { apiKey }: Vendor): boolean {
  const texts = [id, displayName, ownedBy, ...aliases, deprecation?.successor ?? ""];
  const tells = texts.some((text) => withoutKey(text, { apiKey }) !== text);
  return id !== "" && id.length <= MAX_CHARACTERS && !tells;
}

function withinBounds(model: ServedModel): ServedModel {
  const { displayName, ownedBy, aliases, inputModalities, deprecation } = model;
  const { successor } = deprecation ?? {};
  return {
    ...model,
    displayName: displayName.length <= MAX_CHARACTERS ? displayName : "",
    ownedBy: ownedBy.length <= MAX_CHARACTERS ? ownedBy : "",
    aliases: aliases.slice(0, MAX_ALIASES).filter((alias) => alias.length <= MAX_CHARACTERS),
    maxContextLength: countOrNone(model.maxContextLength),
    maxOutputTokens: countOrNone(model.maxOutputTokens),
    inputModalities: inputModalities?.filter((modality) => MODALITIES.has(modality)),
    ...(deprecation && {
      deprecation: { ...deprecation, successor: successor && PLAIN_NAME.test(successor) ? successor : undefined },
    }),
  };
}

function countOrNone(count = 0): number | undefined {
  return count > 0 && count <= LARGEST_INT32 ? count : undefined;
}
