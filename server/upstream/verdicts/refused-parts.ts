import type { ErrorWords } from "../models/error-words.ts";
import { FEATURES, type Feature } from "./words/features.ts";
import { ANY_NAME, REFUSALS } from "./words/parameters.ts";

/** The members of a request that are features of a model rather than numbers of a sampler. */
const PARAMETERS: Readonly<Record<string, Feature>> = Object.fromEntries(
  FEATURES.map(({ feature }) => [feature.parameter, feature]),
);
const BY_PARAMETER: Readonly<Record<string, Feature | undefined>> = {
  ...PARAMETERS,
  stream: { name: "streamed replies", parameter: "stream" },
  tool_choice: PARAMETERS.tools,
  functions: PARAMETERS.tools,
  parallel_tool_calls: PARAMETERS.tools,
};

const UNSUPPORTED =
  /^(unsupported_\w+|unknown_parameter|unrecognized_\w+|extra_forbidden|value_error\.extra|invalid_parameter|litellm\.UnsupportedParamsError)$/i;

/** Of what was sent in a format that is not taken: others of its kind are. */
const OF_FORMAT =
  /\b(image|file|audio|document|video)s? (formats?|types?|extensions?)\b|\bfollowing (formats|types|extensions)\b|\bmedia[ _-]?type\b|\bmime\b/i;

/** The feature that a refusal is about; undefined when it names none. */
export function featureIn(words: ErrorWords): Feature | undefined {
  const { codes, message, parameter } = words;
  const isUnsupported = codes.some((code) => UNSUPPORTED.test(code)) || parameter === "stream";
  // By one name, both forms of a reply are refused; the words tell which.
  const spoken = OF_FORMAT.test(message) ? undefined : FEATURES.find(({ words }) => words.test(message))?.feature;
  if (isUnsupported && parameter !== "") {
    const root = parameter.split(/[.[]/)[0] ?? "";
    if (root === "stream") return spoken?.parameter === "stream" ? spoken : BY_PARAMETER.stream;
    if (Object.hasOwn(BY_PARAMETER, root)) return BY_PARAMETER[root];
    return root === "messages" || root === "input" ? spoken : undefined;
  }
  // "'temperature' does not support 0.2 with this model" is about a number, whatever else it names.
  return namedIn(message) === undefined ? spoken : undefined;
}

/** The parameter that a refusal says is not taken; undefined when it names none, or only a value that is out of bounds. */
export function parameterIn(words: ErrorWords): string | undefined {
  const { codes, message, parameter } = words;
  if (parameter !== "" && codes.some((code) => UNSUPPORTED.test(code))) return parameter;
  const named = namedIn(message);
  if (named !== undefined) return named;
  if (/extra inputs are not permitted|extra_forbidden/i.test(message) && parameter !== "") return parameter;
  const anyName = ANY_NAME.exec(message)?.[1];
  if (anyName !== undefined) return anyName;
  return codes.some((code) => /UnsupportedParamsError$/.test(code)) ? "" : undefined;
}

function namedIn(message: string): string | undefined {
  // Some write a name in humps, as "presencePenalty".
  for (const said of new Set([message, message.replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_")])) {
    for (const refusal of REFUSALS) {
      const name = refusal.exec(said)?.[1];
      if (name !== undefined && !/^(is|are|in|the|for|with|and|of|to)$/i.test(name)) return name.toLowerCase();
    }
  }
  return undefined;
}
