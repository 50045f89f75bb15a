import type { ModelAbilities } from "../models/adapter.ts";
import { asCount, asObject, asObjects, asTexts, type JsonObject } from "../models/json-value.ts";

/** What is said of a model by its own words, and not by their absence. */
export type Described = Pick<
  ModelAbilities,
  "maxContextLength" | "maxOutputTokens" | "supportsFunctionCalling" | "supportsSamplingParameters" | "inputModalities"
>;

/**
 * What an entry of a list says that a model takes. Some thirty servers say so by as many names, in the entry or in an object of
 * it, and mean five things by them: so the names are read by their words, as `context_window`, `max_model_len` and
 * `limits.maxContextLength` are.
 */
export function readDescription(model: JsonObject): Described {
  const members = membersOf(model);
  // OpenRouter's, and a whole list: what is not in it is not taken.
  const parameters = asTexts(model.supported_parameters);
  return {
    maxContextLength: contextIn(members) ?? contextOfProviders(model),
    maxOutputTokens: outputLimitIn(members) ?? outputLimitIn(membersOf(asObject(model.top_provider) ?? {})),
    supportsFunctionCalling: includes(parameters, "tools") ?? toolsIn(members),
    supportsSamplingParameters: includes(parameters, "temperature"),
    inputModalities: modalitiesIn(members),
  };
}

type Member = readonly [name: string, value: unknown];

/** Objects that tell more of the model; others are about prices, permissions or somebody else. */
const ABOUT_IT = new Set(
  "meta metadata limits limit parameters info details capabilities supports architecture modalities modelinfo".split(
    " ",
  ),
);
const MOST_DEPTH = 3;

/** By names without what vendors separate words by. */
function membersOf(model: JsonObject, depth = 0): Member[] {
  return Object.entries(model).flatMap(([given, value]): Member[] => {
    const name = given.toLowerCase().replaceAll(/[_-]/g, "");
    const inner = depth < MOST_DEPTH && ABOUT_IT.has(name) ? asObject(value) : undefined;
    return inner === undefined ? [[name, value]] : membersOf(inner, depth + 1);
  });
}

/** Names of a context: that of what runs, what a request may have, and what the model was made for. The first that is there counts. */
const CONTEXTS: readonly RegExp[] = [
  /^(loadedcontext(length|size|window)?|nctx)$/, // LM Studio; llama.cpp, of a slot
  /^((max)?context(length|len|window|size)(tokens)?|maxcontextwindowtokens|ctx(len|length|size)|maxmodellen|max(seq|sequence)len(gth)?|max(input|prompt)tokens|inputtokenlimit)$/,
  /^(nctxtrain|maxpositionembeddings)$/,
];

/** Of several names of one kind the smallest number: a window has room for the reply, too. */
function contextIn(members: readonly Member[]): number | undefined {
  for (const names of CONTEXTS) {
    const counts = members.flatMap(([name, value]) => (names.test(name) ? [countOf(value)] : []));
    const found = smallest(counts.filter((count) => count !== undefined));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** By names that can mean nothing else: `max_tokens` and `output` are limits of one thing here and of another there. */
const OUTPUT_LIMIT = /^(max(imum)?(completion|output|new)(tokens?|length)|outputtokenlimit)$/;

/** The most tokens of a reply, in the entry or, of OpenRouter, in that of the provider that it would ask. */
function outputLimitIn(members: readonly Member[]): number | undefined {
  const counts = members.flatMap(([name, value]) => (OUTPUT_LIMIT.test(name) ? [countOf(value)] : []));
  return smallest(counts.filter((count) => count !== undefined));
}

/** Hugging Face's router lists whoever serves a model: it may be any of them. */
function contextOfProviders({ providers }: JsonObject): number | undefined {
  const contexts = asObjects(providers).map((provider) => contextIn(membersOf(provider)));
  return contexts.includes(undefined) ? undefined : smallest(contexts as number[]);
}

function smallest(counts: readonly number[]): number | undefined {
  return counts.length === 0 ? undefined : Math.min(...counts);
}

/** Some write a count as a text; 0 is none. */
function countOf(value: unknown): number | undefined {
  return asCount(typeof value === "string" && /^\d{1,10}$/.test(value) ? Number(value) : value) || undefined;
}

const CALLS = /^(supports?)?(tools?|tool(use|calls?|calling)|functioncall(s|ing)?)$/;
const SEES = /^(supports?)?(vision|images?|image(in|inputs?))$/;
const HEARS = /^(supports?)?(audio|audio(in|inputs?))$/;
const LISTS = /^((supported)?(features|capabilities)|tags)$/;

/** A list of features says what there is; what is not in it may be there all the same. */
function toolsIn(members: readonly Member[]): boolean | undefined {
  return claimIn(members, CALLS) ?? (isInList(members, CALLS) || undefined);
}

function modalitiesIn(members: readonly Member[]): readonly string[] | undefined {
  const listed = members.find(
    ([name, value]) => /^(supported)?input(modalities)?$/.test(name) && asTexts(value).length > 0,
  );
  if (listed !== undefined) return asTexts(listed[1]).map((word) => word.toLowerCase());
  const sees = claimIn(members, SEES) ?? (isInList(members, SEES) || undefined);
  const hears = claimIn(members, HEARS) ?? (isInList(members, HEARS) || undefined);
  if (sees === undefined) return undefined;
  return ["text", ...(sees ? ["image"] : []), ...(hears ? ["audio"] : [])];
}

function claimIn(members: readonly Member[], names: RegExp): boolean | undefined {
  return members.find(([name, value]) => names.test(name) && typeof value === "boolean")?.[1] as boolean | undefined;
}

function isInList(members: readonly Member[], names: RegExp): boolean {
  return members.some(
    ([name, value]) =>
      LISTS.test(name) && asTexts(value).some((word) => names.test(word.toLowerCase().replaceAll(/[_ -]/g, ""))),
  );
}

/** Whether something is in a list; of an empty one nothing is known. */
function includes(list: readonly string[], item: string): boolean | undefined {
  return list.length > 0 ? list.includes(item) : undefined;
}
