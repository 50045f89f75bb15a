import type { Capabilities, ClaimSource, StoredClaims } from "../../store/schema/llm.entity.ts";
import type { ModelFacts } from "./catalog.ts";

/** What an owner may say of a model, or leave to us. */
export interface ModelProperties {
  readonly capabilities: Capabilities;
  readonly maxContextLength: number | undefined;
  readonly supportedModalities: readonly string[];
}

export interface InferredModel extends ModelProperties {
  /** The names of what was left open, whether or not anything could be said of it. */
  readonly inferred: readonly string[];
}

/** What others than the owner say of a model. */
export type Claims = Readonly<Partial<Record<ClaimSource, StoredClaims | undefined>>>;

export type Property = keyof StoredClaims;

/** Whose word is in force for a property; undefined: nobody's, it is not known. And who says otherwise. */
export interface PropertySource {
  readonly source: "OWNER" | ClaimSource | "ASSUMED" | undefined;
  readonly disagreements: readonly { readonly source: ClaimSource; readonly value: StoredClaims[Property] }[];
}

const CAPABILITIES: readonly (keyof Capabilities)[] = [
  "supportsChat",
  "supportsCompletion",
  "supportsFunctionCalling",
  "supportsSystemMessages",
  "supportsStreaming",
  "supportsSamplingParameters",
];

/** All that is inferred where the owner leaves it open. */
export const PROPERTIES: readonly Property[] = [...CAPABILITIES, "maxContextLength", "supportedModalities"];

/** Whoever comes first is believed. */
const BELIEVED: readonly ClaimSource[] = ["PROBE", "PROVIDER", "CATALOG"];

/** Endpoints that serve chats take system messages and stream; the rest is only known of known models. */
const ASSUMED: StoredClaims = {
  supportsChat: true,
  supportsCompletion: false,
  supportsSystemMessages: true,
  supportsStreaming: true,
  supportedModalities: ["TEXT"],
};

/** Fills in what the owner left open; what the owner said is never overridden. */
export function inferModel(given: ModelProperties, claims: Claims): InferredModel {
  const owners = ownersClaims(given);
  const settled = <Name extends Property>(name: Name): StoredClaims[Name] =>
    owners[name] ?? believed(claims, name)?.value ?? ASSUMED[name];
  const capabilities: Capabilities = {};
  for (const name of CAPABILITIES) {
    const value = settled(name);
    if (value !== undefined) capabilities[name] = value;
  }
  return {
    capabilities,
    maxContextLength: settled("maxContextLength"),
    supportedModalities: settled("supportedModalities") ?? [],
    inferred: PROPERTIES.filter((name) => owners[name] === undefined),
  };
}

/** What the owner said, of what is stored: all that was not inferred. */
export function givenOf(stored: InferredModel): ModelProperties {
  const isGiven = (name: string) => !stored.inferred.includes(name);
  return {
    capabilities: Object.fromEntries(Object.entries(stored.capabilities).filter(([name]) => isGiven(name))),
    maxContextLength: isGiven("maxContextLength") ? stored.maxContextLength : undefined,
    supportedModalities: isGiven("supportedModalities") ? stored.supportedModalities : [],
  };
}

/** What an owner says of a model by a change, without what they only send back as it was inferred. */
export function withoutEchoes(
  said: ModelProperties,
  stored: InferredModel,
  echoes: ReadonlySet<Property>,
): ModelProperties {
  const [words, inForce] = [ownersClaims(said), ownersClaims(stored)];
  const isEcho = (name: Property) =>
    echoes.has(name) && stored.inferred.includes(name) && isSame(words[name], inForce[name]);
  return {
    capabilities: Object.fromEntries(Object.entries(said.capabilities).filter(([name]) => !isEcho(name as Property))),
    maxContextLength: isEcho("maxContextLength") ? undefined : said.maxContextLength,
    supportedModalities: isEcho("supportedModalities") ? [] : said.supportedModalities,
  };
}

/** Whose word each property of a stored model is, and who says otherwise. */
export function sourcesOf(stored: InferredModel, claims: Claims): Readonly<Record<Property, PropertySource>> {
  const inForce = ownersClaims(stored);
  const sources = PROPERTIES.map((name): [Property, PropertySource] => {
    const value = inForce[name];
    const source = stored.inferred.includes(name) ? sourceOf(claims, name, value) : "OWNER";
    const disagreements = BELIEVED.flatMap((other) => {
      const claimed = claims[other]?.[name];
      return claimed === undefined || isSame(claimed, value) ? [] : [{ source: other, value: claimed }];
    });
    return [name, { source, disagreements }];
  });
  return Object.fromEntries(sources) as Record<Property, PropertySource>;
}

const BY_SOURCE: Readonly<Record<string, string>> = {
  PROVIDER: "from the endpoint's list of models",
  PROBE: "from the last test that passed",
};

/** The inferred capabilities in sentences, one each. */
export function describeInferred(stored: InferredModel, claims: Claims, facts: ModelFacts | undefined): string[] {
  const sources = sourcesOf(stored, claims);
  const assumed = `as endpoints of this type do; ${facts ? "the model catalog does not say" : "the model is unknown"}`;
  const catalogued = `from the model catalog (${facts?.source})`;
  return CAPABILITIES.filter((name) => stored.inferred.includes(name) && stored.capabilities[name] !== undefined).map(
    (name) => {
      const { source = "" } = sources[name];
      const origin = BY_SOURCE[source] ?? (source === "CATALOG" ? catalogued : assumed);
      return `${name} was inferred as ${stored.capabilities[name]}, ${origin}`;
    },
  );
}

function believed<Name extends Property>(claims: Claims, name: Name) {
  const source = BELIEVED.find((source) => claims[source]?.[name] !== undefined);
  return source && { source, value: claims[source]?.[name] };
}

function sourceOf(claims: Claims, name: Property, value: StoredClaims[Property]): PropertySource["source"] {
  const source = believed(claims, name)?.source;
  if (source) return source;
  return value !== undefined && isSame(value, ASSUMED[name]) ? "ASSUMED" : undefined;
}

function ownersClaims({ capabilities, maxContextLength, supportedModalities }: ModelProperties): StoredClaims {
  return {
    ...capabilities,
    maxContextLength,
    supportedModalities: supportedModalities.length > 0 ? supportedModalities : undefined,
  };
}

/** Of modalities, the order means nothing. */
function isSame(one: StoredClaims[Property], other: StoredClaims[Property]): boolean {
  if (!Array.isArray(one) || !Array.isArray(other)) return one === other;
  return one.length === other.length && one.every((modality) => other.includes(modality));
}
